// SPDX-License-Identifier: Apache-2.0
// One of the processes that check_distributed.py starts; what it is told comes by the environment, as from torchrun.
//   distributed_worker compare          one step of optimisation against one process with all rows, as JSON
//   distributed_worker train STEPS      trains, a line "step N" each; STEPS 0: until something happens
// An error of alloy's is one line of JSON on standard output and exit code 3.
#include <alloy/alloy.hpp>

#include <torch/optim/sgd.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <chrono>
#include <cstdlib>
#include <iostream>

using namespace alloy;

namespace {

struct Setting {
  PairObjective objective = PairObjective::info_nce;
  bool local_loss = false;
  std::string name() const { return std::string(name_of(objective)) + (local_loss ? ", local" : ""); }
};

JointEmbedding make_model(const Setting& s, uint64_t seed) {
  seed_everything(seed);
  PairwiseLossOptions loss{.objective = s.objective};
  if (s.objective == PairObjective::sigmoid) loss.scale = {.start = 10, .bias = -10, .with_bias = true};
  JointEmbedding model({.dim = 16, .loss = loss});
  for (const char* name : {"image", "text", "audio"}) model->add(name, FeatureEncoder({.in_dim = 12, .dim = 24}));
  model->objective();
  return model;
}

/// Rows of all processes, some without one or two of the modalities: 7 of process 0, which lack audio altogether, then 8, 9 ...
Batch union_batch(int64_t world, uint64_t seed) {
  seed_everything(seed);
  const int64_t rows = 7 * world + world * (world - 1) / 2;
  Batch batch;
  for (const std::string name : {"image", "text", "audio"}) {
    ModalityInput input{.values = torch::randn({rows, 12}), .present = torch::rand({rows}) < 0.7};
    if (name == "text") input.present = torch::ones({rows}, torch::kBool);  // each sample has something
    if (name == "audio") input.present.slice(0, 0, 7).zero_();
    batch.insert(name, input);
  }
  return batch;
}

Batch share_of(const Batch& all, int64_t rank) {
  const int64_t first = 7 * rank + rank * (rank - 1) / 2;
  Batch mine = rows(all, torch::arange(first, first + 7 + rank));
  if (rank == 0) mine.erase("audio");
  return mine;
}

void step(JointEmbedding model, const Tensor& loss, ProcessGroup* group) {
  torch::optim::SGD optimiser(model->parameters(), torch::optim::SGDOptions(0.5).momentum(0.9));
  loss.backward();
  if (group) reduce_gradients(model->parameters(), *group);
  optimiser.step();
}

/// Largest difference, relative to the largest value where that is above 1.
double difference(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined() ? 0 : 1;
  return ((a - b).abs().max() / b.abs().max().clamp_min(1)).item<double>();
}

Config compare(const Setting& s, ProcessGroup& group) {
  JointEmbedding alone = make_model(s, 1), model = make_model(s, 1 + static_cast<uint64_t>(group.rank()));
  broadcast_parameters(*model, group);  // made with other seeds
  const Batch all = union_batch(group.world_size(), 2);
  const Tensor wanted = alone->loss(alone->forward(all)).total;
  step(alone, wanted, nullptr);
  const Tensor got = distributed_loss(model->objective(), model->forward(share_of(all, group.rank())), {}, group, {.local_loss = s.local_loss}).total;
  step(model, got, &group);
  double gradient = 0, parameter = 0;
  for (size_t i = 0; i < model->parameters().size(); ++i) {
    gradient = std::max(gradient, difference(model->parameters()[i].grad(), alone->parameters()[i].grad()));
    parameter = std::max(parameter, difference(model->parameters()[i].detach(), alone->parameters()[i].detach()));
  }
  bool same = true;  // bit by bit on all processes
  for (const Tensor& p : model->parameters())
    for (const Tensor& other : group.all_gather(p.detach().reshape({-1}))) same = same && at::equal(other, p.detach().flatten());
  Config result;
  result.set("case", s.name());
  result.set("loss", wanted.item<double>());
  result.set("loss_error", difference(got.detach(), wanted.detach()));
  result.set("gradient_error", gradient);
  result.set("parameter_error", parameter);
  result.set("same_bits", same);
  return result;
}

void train(int64_t steps, ProcessGroup& group) {
  const Setting s{.local_loss = true};
  JointEmbedding model = make_model(s, 1);
  broadcast_parameters(*model, group);
  torch::optim::SGD optimiser(model->parameters(), torch::optim::SGDOptions(0.01));
  for (int64_t i = 0; steps == 0 || i < steps; ++i) {
    optimiser.zero_grad();
    const Batch mine = share_of(union_batch(group.world_size(), static_cast<uint64_t>(i)), group.rank());
    distributed_loss(model->objective(), model->forward(mine), {}, group, {.local_loss = s.local_loss}).total.backward();
    reduce_gradients(model->parameters(), group);
    optimiser.step();
    std::cout << "step " << i << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto start = std::chrono::steady_clock::now();
  try {
    set_threads(1);
    ProcessGroupOptions options = process_group_from_environment();
    if (const char* seconds = std::getenv("WORKER_TIMEOUT")) options.timeout_seconds = std::stod(seconds);
    ProcessGroup group(options);
    const std::string mode = argc > 1 ? argv[1] : "";
    if (mode == "train" && argc == 3) {
      train(std::stoll(argv[2]), group);
    } else if (mode == "compare") {
      Config results = Config::array();
      for (const bool local : {false, true})
        for (const auto objective : {PairObjective::info_nce, PairObjective::sigmoid}) results.as_array().push_back(compare({objective, local}, group));
      std::cout << to_json(results, -1) << std::endl;
    } else {
      return 2;
    }
  } catch (const Error& e) {
    Config error;
    error.set("error", dynamic_cast<const NetworkError*>(&e) ? "NetworkError" : dynamic_cast<const ConfigError*>(&e) ? "ConfigError" : "Error");
    error.set("message", std::string(e.what()));
    error.set("seconds", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    std::cout << to_json(error, -1) << std::endl;
    return 3;
  }
  return 0;
}

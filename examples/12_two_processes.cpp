// SPDX-License-Identifier: Apache-2.0
/// Two processes train one model, each with half of every batch, and get what one process gets with the whole. Started by hand it shows
/// the single process; a launcher, or this loop, starts several:
///
///     for r in 0 1; do MASTER_ADDR=127.0.0.1 MASTER_PORT=29511 WORLD_SIZE=2 RANK=$r build/release/examples/example_12_two_processes & done; wait

#include <alloy/alloy.hpp>

#include <cstdio>

using namespace alloy;

int main() {
  const ThreadScope one_thread(1);
  // [two processes]
  ProcessGroup group(process_group_from_environment());
  seed_everything(1);
  JointEmbedding joint({.dim = 32});
  joint->add("image", ResidualImageEncoder({.dim = 32, .image_size = 16, .widths = {8, 16}, .groups = 4}));
  joint->add("text", TextEncoder({.dim = 32, .heads = 2, .layers = 1, .max_length = 64}));

  ShapesDatasetOptions scenes{.samples = 640};
  scenes.transform.size = 16;
  Loader loader(std::make_shared<ShapesDataset>(scenes), {.batch_size = 64 / group.world_size(), .rank = group.rank(), .world_size = group.world_size()});
  const ContrastiveTrainerOptions options{.learning_rate = 1e-3, .epochs = 2, .distributed = {.local_loss = true}};
  const ContrastiveResult result = ContrastiveTrainer(joint, options, group).fit(loader);
  // [two processes]
  Tensor sum = at::zeros({}, at::kDouble);
  for (const auto& p : joint->parameters()) sum += p.detach().to(at::kDouble).abs().sum();
  if (group.rank() == 0)
    std::printf("%lld processes, %lld steps, loss %.5f, sum of all weights %.5f\n", static_cast<long long>(group.world_size()), static_cast<long long>(result.steps), result.epochs.back().train_loss, sum.item<double>());
  const bool expected = result.steps == 20 && result.skipped_steps == 0;
  std::printf("%s\n", expected ? "as expected" : "NOT what was expected");
  return expected ? 0 : 1;
}

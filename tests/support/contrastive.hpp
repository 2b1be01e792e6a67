// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What the tests of contrastive training share: a small tower, three views of hidden vectors, options that are quick.

#include "support/catch.hpp"

#include <alloy/alloy.hpp>

namespace alloy_test {

using namespace alloy;

/// A small net with dropout, whose answer a test may spoil.
struct TowerOptions {
  int64_t in_dim = 6;
  double dropout = 0.1;
  static void describe(auto& self, auto&& field) {
    field("in_dim", self.in_dim, "width of the input");
    field("dropout", self.dropout, "rate");
  }
};
class TowerImpl final : public Encoder {
 public:
  using Options = TowerOptions;
  static constexpr auto kName = "test_tower";
  explicit TowerImpl(TowerOptions options) : options_(options), first_({.in_dim = options.in_dim, .out_dim = 16}), second_({.in_dim = 16, .out_dim = 8}) {
    register_module("first", first_);
    register_module("second", second_);
  }
  Features forward(const ModalityInput& input) override {
    Tensor x = second_(at::dropout(at::gelu(first_(input.values)), options_.dropout, is_training()));
    if (spoil && is_training()) x = spoil(x);
    return {.pooled = x, .present = input.present};
  }
  int64_t dim() const override { return 8; }
  const TowerOptions& options() const { return options_; }
  std::function<Tensor(const Tensor&)> spoil;

 private:
  TowerOptions options_;
  Linear first_, second_;
};
using Tower = Holder<TowerImpl>;

inline JointEmbedding make_joint(Tower* spoiled = nullptr) {
  seed_everything(3);
  JointEmbedding joint({.dim = 8});
  for (const char* name : {"a", "b", "c"}) {
    Tower tower(TowerOptions{});
    if (spoiled != nullptr && name[0] == 'a') *spoiled = tower;
    joint->add(name, tower);
  }
  joint->objective();
  return joint;
}

/// Three views of hidden vectors; every third sample lacks one.
inline std::shared_ptr<MemoryDataset> make_data(int64_t count, uint64_t seed, bool gaps = true) {
  Random views(11), random(seed);
  std::vector<double> maps;
  for (int i = 0; i < 3 * 4 * 6; ++i) maps.push_back(views.normal());
  std::vector<Sample> samples;
  for (int64_t i = 0; i < count; ++i) {
    double hidden[4];
    for (double& h : hidden) h = random.normal();
    Sample sample{.id = "s" + std::to_string(i), .values = {}, .target = {}};
    for (int m = 0; m < 3; ++m) {
      std::vector<float> x(6);
      for (int k = 0; k < 6; ++k) {
        double value = 0.05 * random.normal();
        for (int h = 0; h < 4; ++h) value += hidden[h] * maps[static_cast<size_t>((m * 4 + h) * 6 + k)];
        x[static_cast<size_t>(k)] = static_cast<float>(value);
      }
      if (!gaps || i % 6 != m) sample.values.insert(std::string(1, static_cast<char>('a' + m)), torch::tensor(x));
    }
    samples.push_back(std::move(sample));
  }
  return std::make_shared<MemoryDataset>(std::move(samples));
}

inline ContrastiveTrainerOptions quick_options() {
  return {.learning_rate = 0.01, .epochs = 2, .optimizer = {.weight_decay = 0.01}, .schedule = {.warmup = 3}, .log_every = 5};
}

inline std::vector<Tensor> weights(const JointEmbedding& joint) {
  std::vector<Tensor> all;
  for (const auto& [name, tensor] : module_state(*joint)) all.push_back(tensor.detach().clone());
  return all;
}

inline void check_same(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) CHECK_THAT(a[i], SameBits(b[i]));
}

}  // namespace alloy_test

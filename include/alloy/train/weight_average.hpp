// SPDX-License-Identifier: Apache-2.0
#pragma once

/// An exponential moving average of a module's weights, which often does better than the last weights (Polyak & Juditsky
/// 1992; Tarvainen & Valpola 2017).

#include <alloy/io/safetensors.hpp>
#include <torch/nn/module.h>

namespace alloy {

/// Holds a copy of the parameters and buffers; shares the module. One thread.
class ALLOY_API WeightAverage {
 public:
  /// @param decay  0..1, share of the old average that a step keeps; the first steps keep less: (1 + t) / (10 + t)
  /// @throws ConfigError
  WeightAverage(std::shared_ptr<torch::nn::Module> module, double decay);
  /// Takes in the module's weights of now; buffers are copied.
  void update();
  /// Exchanges the module's weights and the average; called twice, all is as before.
  void swap();
  /// The average by name, and the number of updates as `updates`.
  NamedTensors state() const;
  /// @throws DataError; nothing is changed then
  void load_state(const NamedTensors& state, std::string_view where);

 private:
  std::shared_ptr<torch::nn::Module> module_;
  NamedTensors average_;
  double decay_;
  int64_t updates_ = 0;
};

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The learned inverse temperature of contrastive losses, kept as its logarithm, and the bias of the sigmoid loss.

#include <alloy/core/holder.hpp>
#include <alloy/core/tensor.hpp>

namespace alloy {

struct LogitScaleOptions {
  double start = 14.285714285714286;
  double largest = 100.0;
  double bias = 0.0;
  bool learned = true;
  bool with_bias = false;
  static void describe(auto& self, auto&& field) {
    field("start", self.start, "scale at the start, 1..largest; 1 / 0.07 as CLIP, 10 for the sigmoid loss");
    field("largest", self.largest, "the scale is held in 1..largest");
    field("bias", self.bias, "bias at the start; -10 for the sigmoid loss");
    field("learned", self.learned, "whether they are trained");
    field("with_bias", self.with_bias, "whether there is a bias, for the sigmoid loss");
  }
  ALLOY_API void validate() const;
};

class ALLOY_API LogitScaleImpl final : public torch::nn::Module {
 public:
  using Options = LogitScaleOptions;
  static constexpr auto kName = "logit_scale";
  explicit LogitScaleImpl(LogitScaleOptions options);
  /// exp(log_scale), a scalar.
  Tensor forward() const;
  /// A scalar; undefined without bias.
  Tensor bias() const { return bias_; }
  /// Holds the parameter in [0, ln largest]; call it after each step of the optimiser (Note [Temperature clamp]).
  void clamp();
  const LogitScaleOptions& options() const { return options_; }

 private:
  LogitScaleOptions options_;
  Tensor log_scale_, bias_;
};
using LogitScale = Holder<LogitScaleImpl>;

}  // namespace alloy

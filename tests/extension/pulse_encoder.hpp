// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <alloy/core.hpp>
#include <alloy/layers.hpp>

// [encoder]
struct PulseEncoderOptions {
  int64_t channels = 1;
  int64_t dim = 64;
  static void describe(auto& self, auto&& field) {
    field("channels", self.channels, "signals side by side, > 0");
    field("dim", self.dim, "width of the output, > 0");
  }
};

/// Mean and spread of each signal, mapped to a vector.
class PulseEncoderImpl final : public alloy::Encoder {
 public:
  using Options = PulseEncoderOptions;
  static constexpr auto kName = "pulse";
  explicit PulseEncoderImpl(PulseEncoderOptions options)
      : options_(options), map_({.in_dim = 2 * options.channels, .out_dim = options.dim}) {
    register_module("map", map_);
  }
  /// @param input  values [B, T, channels]
  alloy::Features forward(const alloy::ModalityInput& input) override {
    alloy::check_shape(input.values, {-1, -1, options_.channels}, "PulseEncoder", "signals");
    const auto summary = torch::cat({input.values.mean(1), input.values.std(1)}, 1);  // [B, 2 channels]
    return {.pooled = torch::relu(map_(summary))};
  }
  int64_t dim() const override { return options_.dim; }
  const PulseEncoderOptions& options() const { return options_; }

 private:
  PulseEncoderOptions options_;
  alloy::Linear map_;
};
using PulseEncoder = alloy::Holder<PulseEncoderImpl>;
// [encoder]

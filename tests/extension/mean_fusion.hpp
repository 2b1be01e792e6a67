// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <alloy/core.hpp>
#include <alloy/layers.hpp>

// [fusion]
struct MeanFusionOptions {
  std::vector<std::string> modalities = {};
  int64_t dim = 64;
  static void describe(auto& self, auto&& field) {
    field("modalities", self.modalities, "names, at least one, no repeats");
    field("dim", self.dim, "width of the inputs and of the output, > 0");
  }
};

/// The mean of what is present, each modality through a map of its own.
class MeanFusionImpl final : public alloy::Fusion {
 public:
  using Options = MeanFusionOptions;
  static constexpr auto kName = "mean";
  explicit MeanFusionImpl(MeanFusionOptions options)
      : options_(std::move(options)), dims_(alloy::check_modalities("MeanFusion", options_.modalities, {}, options_.dim)) {
    for (size_t m = 0; m < dims_.size(); ++m)
      maps_.push_back(register_module("maps_" + std::to_string(m), alloy::Linear({.in_dim = dims_[m], .out_dim = options_.dim})));
  }
  /// @param features  pooled [B, dim]; `collect_pooled` has put zeros where a modality is absent, whatever stood there
  /// @return fused [B, dim], weights [B, M]: 1 / (number of modalities present)
  alloy::FusionOutput forward(const alloy::ModalityMap<alloy::Features>& features) override {
    const auto in = alloy::collect_pooled("MeanFusion", features, options_.modalities, dims_);
    const auto here = in.present.to(in.values[0].scalar_type());  // [B, M]
    const auto weights = here / here.sum(1, /*keepdim=*/true);     // [B, M]
    auto fused = torch::zeros_like(in.values[0]);                  // [B, D]
    for (size_t m = 0; m < maps_.size(); ++m) fused = fused + weights.select(1, m).unsqueeze(1) * maps_[m](in.values[m]);
    return {.fused = fused, .weights = weights};
  }
  const std::vector<std::string>& modalities() const override { return options_.modalities; }
  int64_t dim() const override { return options_.dim; }
  int64_t input_dim(size_t m) const override { return dims_[m]; }
  const MeanFusionOptions& options() const { return options_; }

 private:
  MeanFusionOptions options_;
  std::vector<int64_t> dims_;
  std::vector<alloy::Linear> maps_;
};
using MeanFusion = alloy::Holder<MeanFusionImpl>;
// [fusion]

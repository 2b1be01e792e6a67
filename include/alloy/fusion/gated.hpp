// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Gated fusion: each modality gets a sigmoid gate computed from all of them (Arevalo et al. 2017, "Gated Multimodal
/// Units", eq. 3). Cheap, and a good first choice when modalities differ in reliability from sample to sample.

#include <alloy/core/fusion.hpp>
#include <alloy/layers/linear.hpp>

namespace alloy {

struct GatedFusionOptions {
  std::vector<std::string> modalities = {};
  int64_t dim = 256;
  std::vector<int64_t> input_dims = {};
  double dropout_rate = 0.0;
  static void describe(auto& self, auto&& field) {
    field("modalities", self.modalities, "names, at least one, no repeats; their order is the order of weights");
    field("dim", self.dim, "width of the output, > 0");
    field("input_dims", self.input_dims, "width of each input; empty = dim for all");
    field("dropout_rate", self.dropout_rate, "0..1, on the output");
  }
  ALLOY_API void validate() const;
};

class ALLOY_API GatedFusionImpl final : public Fusion {
 public:
  using Options = GatedFusionOptions;
  static constexpr auto kName = "gated";
  explicit GatedFusionImpl(GatedFusionOptions options);
  /// @param features  pooled [B, D_m] of each modality; absent rows are ignored, their gate is closed
  /// @return fused [B, dim] = sum_m sigmoid(G_m [x_1 .. x_M]) * tanh(W_m x_m); weights [B, M] = mean gates, normalised
  FusionOutput forward(const ModalityMap<Features>& features) override;
  const std::vector<std::string>& modalities() const override { return options_.modalities; }
  int64_t dim() const override { return options_.dim; }
  int64_t input_dim(size_t i) const override { return dims_[i]; }
  const GatedFusionOptions& options() const { return options_; }

 private:
  GatedFusionOptions options_;
  std::vector<int64_t> dims_;
  std::vector<Linear> values_, gates_;  // one a modality
};
using GatedFusion = Holder<GatedFusionImpl>;

}  // namespace alloy

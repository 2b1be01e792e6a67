// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A weighted sum of projections with one learned weight a modality, shared by all samples. The weights are renormalised
/// over what is present, so a sample with one modality is that modality's projection.

#include <alloy/core/fusion.hpp>
#include <alloy/layers/linear.hpp>

namespace alloy {

struct SumFusionOptions {
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

class ALLOY_API SumFusionImpl final : public Fusion {
 public:
  using Options = SumFusionOptions;
  static constexpr auto kName = "sum";
  static constexpr FusionStage kStage = FusionStage::feature;
  explicit SumFusionImpl(SumFusionOptions options);
  /// @return fused [B, dim] = relu(sum_m w_m W_m x_m); weights [B, M] = w, a softmax over what is present
  FusionOutput forward(const ModalityMap<Features>& features) override;
  const std::vector<std::string>& modalities() const override { return options_.modalities; }
  int64_t dim() const override { return options_.dim; }
  int64_t input_dim(size_t i) const override { return dims_[i]; }
  const SumFusionOptions& options() const { return options_; }

 private:
  SumFusionOptions options_;
  std::vector<int64_t> dims_;
  std::vector<Linear> projections_;
  Tensor scores_;  // [M]
};
using SumFusion = Holder<SumFusionImpl>;

}  // namespace alloy

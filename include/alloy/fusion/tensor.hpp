// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Tensor fusion: the outer product of all modalities, each with a one appended, so that every interaction up to order M
/// has a weight of its own (Zadeh et al. 2017, eq. 1). Grows as the product of the widths: with `inner_dim` each modality
/// is projected first; LowRankFusion is the cheap form.

#include <alloy/fusion/missing.hpp>
#include <alloy/layers/linear.hpp>

namespace alloy {

struct TensorFusionOptions {
  std::vector<std::string> modalities = {};
  int64_t dim = 256;
  std::vector<int64_t> input_dims = {};
  int64_t inner_dim = 0;
  double dropout_rate = 0.0;
  Missing missing = Missing::learned;
  static void describe(auto& self, auto&& field) {
    field("modalities", self.modalities, "names, at least one, no repeats");
    field("dim", self.dim, "width of the output, > 0");
    field("input_dims", self.input_dims, "width of each input; empty = dim for all");
    field("inner_dim", self.inner_dim, "width that each modality is projected to before the product; 0 = not projected");
    field("dropout_rate", self.dropout_rate, "0..1, on the output");
    field("missing", self.missing, "what stands in for an absent modality");
  }
  /// Refuses more than 2^27 weights: project first, or use LowRankFusion.
  ALLOY_API void validate() const;
};

class ALLOY_API TensorFusionImpl final : public Fusion {
 public:
  using Options = TensorFusionOptions;
  static constexpr auto kName = "tensor";
  explicit TensorFusionImpl(TensorFusionOptions options);
  /// @return fused [B, dim] = W ([x_1; 1] x .. x [x_M; 1]) + b, where with inner_dim each x_m is projected first (linearly)
  FusionOutput forward(const ModalityMap<Features>& features) override;
  const std::vector<std::string>& modalities() const override { return options_.modalities; }
  int64_t dim() const override { return options_.dim; }
  int64_t input_dim(size_t i) const override { return dims_[i]; }
  const TensorFusionOptions& options() const { return options_; }

 private:
  TensorFusionOptions options_;
  std::vector<int64_t> dims_;
  MissingVectors missing_;
  std::vector<Linear> projections_;  // empty without inner_dim
  Linear joint_;
};
using TensorFusion = Holder<TensorFusionImpl>;

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Low-rank tensor fusion: the same interactions as TensorFusion with its weight tensor given by `rank` factors a
/// modality, so the outer product is never formed (Liu et al. 2018, eq. 6). Equal to TensorFusion at full rank.

#include <alloy/fusion/missing.hpp>

namespace alloy {

struct LowRankFusionOptions {
  std::vector<std::string> modalities = {};
  int64_t dim = 256;
  std::vector<int64_t> input_dims = {};
  int64_t rank = 4;
  double dropout_rate = 0.0;
  Missing missing = Missing::learned;
  static void describe(auto& self, auto&& field) {
    field("modalities", self.modalities, "names, at least one, no repeats");
    field("dim", self.dim, "width of the output, > 0");
    field("input_dims", self.input_dims, "width of each input; empty = dim for all");
    field("rank", self.rank, "number of factors a modality, > 0");
    field("dropout_rate", self.dropout_rate, "0..1, on the output");
    field("missing", self.missing, "what stands in for an absent modality");
  }
  ALLOY_API void validate() const;
};

class ALLOY_API LowRankFusionImpl final : public Fusion {
 public:
  using Options = LowRankFusionOptions;
  static constexpr auto kName = "low_rank";
  explicit LowRankFusionImpl(LowRankFusionOptions options);
  /// @return fused [B, dim] = sum_r prod_m F_{m,r}^T [x_m; 1] + b
  FusionOutput forward(const ModalityMap<Features>& features) override;
  const std::vector<std::string>& modalities() const override { return options_.modalities; }
  int64_t dim() const override { return options_.dim; }
  int64_t input_dim(size_t i) const override { return dims_[i]; }
  const LowRankFusionOptions& options() const { return options_; }

 private:
  LowRankFusionOptions options_;
  std::vector<int64_t> dims_;
  MissingVectors missing_;
  std::vector<Tensor> factors_;  // [D_m + 1, rank * dim] a modality, the last row multiplies the one
  Tensor bias_;                  // [dim]
};
using LowRankFusion = Holder<LowRankFusionImpl>;

}  // namespace alloy

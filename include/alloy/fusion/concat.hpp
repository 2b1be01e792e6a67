// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Concatenation: pooled features side by side, then one hidden layer. The plain baseline of early fusion; strong when
/// every modality is there. An absent part is a learned vector, so the model knows that it is absent.

#include <alloy/fusion/missing.hpp>
#include <alloy/layers/linear.hpp>

namespace alloy {

struct ConcatFusionOptions {
  std::vector<std::string> modalities = {};
  int64_t dim = 256;
  std::vector<int64_t> input_dims = {};
  double dropout_rate = 0.0;
  Missing missing = Missing::learned;
  static void describe(auto& self, auto&& field) {
    field("modalities", self.modalities, "names, at least one, no repeats; their order is the order of concatenation");
    field("dim", self.dim, "width of the output, > 0");
    field("input_dims", self.input_dims, "width of each input; empty = dim for all");
    field("dropout_rate", self.dropout_rate, "0..1, on the output");
    field("missing", self.missing, "what stands in for an absent modality");
  }
  ALLOY_API void validate() const;
};

class ALLOY_API ConcatFusionImpl final : public Fusion {
 public:
  using Options = ConcatFusionOptions;
  static constexpr auto kName = "concat";
  static constexpr FusionStage kStage = FusionStage::feature;
  explicit ConcatFusionImpl(ConcatFusionOptions options);
  /// @return fused [B, dim] = relu(W [x_1 .. x_M] + b)
  FusionOutput forward(const ModalityMap<Features>& features) override;
  const std::vector<std::string>& modalities() const override { return options_.modalities; }
  int64_t dim() const override { return options_.dim; }
  int64_t input_dim(size_t i) const override { return dims_[i]; }
  const ConcatFusionOptions& options() const { return options_; }

 private:
  ConcatFusionOptions options_;
  std::vector<int64_t> dims_;
  MissingVectors missing_;
  Linear joint_;
};
using ConcatFusion = Holder<ConcatFusionImpl>;

}  // namespace alloy

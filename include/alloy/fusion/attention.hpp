// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A learned query attends over the modalities: additive attention (Bahdanau et al. 2015) with a softmax over what is
/// present. The weights say which modality each sample leaned on.

#include <alloy/core/fusion.hpp>
#include <alloy/layers/linear.hpp>

namespace alloy {

struct AttentionFusionOptions {
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

class ALLOY_API AttentionFusionImpl final : public Fusion {
 public:
  using Options = AttentionFusionOptions;
  static constexpr auto kName = "attention";
  explicit AttentionFusionImpl(AttentionFusionOptions options);
  /// With v_m = relu(W_m x_m): weights a = softmax_m(q . tanh(K v_m)), fused = sum_m a_m v_m.
  /// @return fused [B, dim], weights [B, M]
  FusionOutput forward(const ModalityMap<Features>& features) override;
  const std::vector<std::string>& modalities() const override { return options_.modalities; }
  int64_t dim() const override { return options_.dim; }
  int64_t input_dim(size_t i) const override { return dims_[i]; }
  const AttentionFusionOptions& options() const { return options_; }

 private:
  AttentionFusionOptions options_;
  std::vector<int64_t> dims_;
  std::vector<Linear> values_;
  Linear key_, query_;
};
using AttentionFusion = Holder<AttentionFusionImpl>;

}  // namespace alloy

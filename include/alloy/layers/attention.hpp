// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Multi-head attention (Vaswani et al. 2017, eq. 1) that is safe under masks: whatever padding holds, NaN included,
/// changes neither output nor gradient, and a row with nothing to attend to gives zeros instead of NaN.

#include <alloy/layers/linear.hpp>

namespace alloy {

struct AttentionOptions {
  int64_t dim = 256;
  int64_t heads = 4;
  int64_t context_dim = 0;
  double dropout_rate = 0.0;
  static void describe(auto& self, auto&& field) {
    field("dim", self.dim, "width of queries and output, divisible by heads");
    field("heads", self.heads, "number of heads, > 0");
    field("context_dim", self.context_dim, "width of what is attended to; 0 = dim");
    field("dropout_rate", self.dropout_rate, "0..1, on the attention weights");
  }
  ALLOY_API void validate() const;
};

class ALLOY_API AttentionImpl final : public torch::nn::Module {
 public:
  using Options = AttentionOptions;
  static constexpr auto kName = "attention";
  explicit AttentionImpl(AttentionOptions options);
  /// @param queries  [B, T, dim]
  /// @param context  [B, S, context_dim], what is attended to; the queries themselves for self-attention
  /// @param mask     [B, S] bool, true = may be attended to; undefined = all
  /// @return [B, T, dim]
  Tensor forward(const Tensor& queries, const Tensor& context, const Tensor& mask = {});
  const AttentionOptions& options() const { return options_; }

 private:
  AttentionOptions options_;
  Linear query_, key_, value_, output_;
};
using Attention = Holder<AttentionImpl>;

}  // namespace alloy

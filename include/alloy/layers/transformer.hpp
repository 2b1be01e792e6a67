// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Pre-norm transformer layers (Xiong et al. 2020): normalise, act, add.

#include <alloy/layers/attention.hpp>
#include <alloy/layers/mlp.hpp>
#include <alloy/layers/torch_layers.hpp>

#include <memory>

namespace alloy {

struct TransformerOptions {
  int64_t dim = 256;
  int64_t heads = 4;
  int64_t layers = 2;
  double mlp_ratio = 4.0;
  double dropout_rate = 0.0;
  static void describe(auto& self, auto&& field) {
    field("dim", self.dim, "width of the tokens, divisible by heads");
    field("heads", self.heads, "number of attention heads, > 0");
    field("layers", self.layers, "number of layers, >= 0");
    field("mlp_ratio", self.mlp_ratio, "width inside the MLP as a multiple of dim, > 0");
    field("dropout_rate", self.dropout_rate, "0..1, on attention, in the MLP and on each addition");
  }
  ALLOY_API void validate() const;
};

/// One layer of self-attention or, when called with a context, of cross-attention.
class ALLOY_API TransformerBlockImpl final : public torch::nn::Module {
 public:
  using Options = TransformerOptions;  ///< `layers` is not read
  static constexpr auto kName = "transformer_block";
  explicit TransformerBlockImpl(TransformerOptions options);
  /// @param x     [B, T, dim]
  /// @param mask  [B, T] bool, true = real token; undefined = all
  Tensor forward(const Tensor& x, const Tensor& mask = {});
  /// @param context       [B, S, dim], normalised by the same norm as x
  /// @param context_mask  [B, S]
  Tensor attend(const Tensor& x, const Tensor& context, const Tensor& context_mask);
  const TransformerOptions& options() const { return options_; }

 private:
  Tensor finish(const Tensor& x, const Tensor& attended);
  TransformerOptions options_;
  std::shared_ptr<torch::nn::LayerNormImpl> norm1_, norm2_;
  Attention attention_;
  Mlp mlp_;
};
using TransformerBlock = Holder<TransformerBlockImpl>;

/// `layers` blocks and a last layer norm.
class ALLOY_API TransformerImpl final : public torch::nn::Module {
 public:
  using Options = TransformerOptions;
  static constexpr auto kName = "transformer";
  explicit TransformerImpl(TransformerOptions options);
  /// [B, T, dim] with mask [B, T] to [B, T, dim]
  Tensor forward(const Tensor& x, const Tensor& mask = {});
  /// Whether training keeps the activations inside the blocks or computes them again (see recompute_blocks).
  void set_recompute(bool on) { recompute_ = on; }
  const TransformerOptions& options() const { return options_; }

 private:
  TransformerOptions options_;
  bool recompute_ = false;
  std::vector<TransformerBlock> blocks_;
  std::shared_ptr<torch::nn::LayerNormImpl> norm_;
};
using Transformer = Holder<TransformerImpl>;

}  // namespace alloy

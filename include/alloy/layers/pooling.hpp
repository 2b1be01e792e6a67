// SPDX-License-Identifier: Apache-2.0
#pragma once

/// From tokens [B, T, D] to one vector a sample [B, D]. Tokens under mask = false count for nothing, NaN included; a
/// sample without any token gives zeros.

#include <alloy/layers/attention.hpp>

namespace alloy {

enum class Pooling {
  mean,       ///< masked mean
  max,        ///< masked maximum
  cls,        ///< the first token
  attention,  ///< a learned query attends to the tokens (AttentionPool)
};
constexpr auto enum_names(Pooling) {
  return std::to_array<std::pair<Pooling, std::string_view>>(
      {{Pooling::mean, "mean"}, {Pooling::max, "max"}, {Pooling::cls, "cls"}, {Pooling::attention, "attention"}});
}

/// Mean over real tokens. @param mask  [B, T] bool or undefined
ALLOY_API Tensor masked_mean(const Tensor& tokens, const Tensor& mask = {});
/// Maximum over real tokens.
ALLOY_API Tensor masked_max(const Tensor& tokens, const Tensor& mask = {});
/// Tokens with zeros where the mask is false: what may go into a matrix product.
ALLOY_API Tensor zero_padding(const Tensor& tokens, const Tensor& mask);

struct AttentionPoolOptions {
  int64_t dim = 256;
  int64_t heads = 4;
  static void describe(auto& self, auto&& field) {
    field("dim", self.dim, "width of tokens and output, divisible by heads");
    field("heads", self.heads, "number of heads, > 0");
  }
  ALLOY_API void validate() const;
};

class ALLOY_API AttentionPoolImpl final : public torch::nn::Module {
 public:
  using Options = AttentionPoolOptions;
  static constexpr auto kName = "attention_pool";
  explicit AttentionPoolImpl(AttentionPoolOptions options);
  Tensor forward(const Tensor& tokens, const Tensor& mask = {});
  const AttentionPoolOptions& options() const { return options_; }

 private:
  AttentionPoolOptions options_;
  Tensor query_;  // [1, 1, D]
  Attention attention_;
};
using AttentionPool = Holder<AttentionPoolImpl>;

/// Any of the four by name. `cls` reads token 0: whoever makes the tokens puts the class token there.
struct TokenPoolOptions {
  Pooling pooling = Pooling::mean;
  int64_t dim = 256;
  int64_t heads = 4;
  static void describe(auto& self, auto&& field) {
    field("pooling", self.pooling, "how tokens become one vector");
    field("dim", self.dim, "width of tokens and output");
    field("heads", self.heads, "heads of attention pooling");
  }
  ALLOY_API void validate() const;
};

class ALLOY_API TokenPoolImpl final : public torch::nn::Module {
 public:
  using Options = TokenPoolOptions;
  static constexpr auto kName = "token_pool";
  explicit TokenPoolImpl(TokenPoolOptions options);
  Tensor forward(const Tensor& tokens, const Tensor& mask = {});
  const TokenPoolOptions& options() const { return options_; }

 private:
  TokenPoolOptions options_;
  AttentionPool attention_{nullptr};
};
using TokenPool = Holder<TokenPoolImpl>;

}  // namespace alloy

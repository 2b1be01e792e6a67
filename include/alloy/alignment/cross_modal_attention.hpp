// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Soft alignment of two token sequences that nobody aligned: each token of the target looks over all tokens of the source
/// (Tsai et al. 2019, "Multimodal Transformer for Unaligned Multimodal Language Sequences", eq. 4) and the weights say where it
/// looked. Where both know their times, a prior may keep it near its own. Padding and absent rows change nothing, NaN included.

#include <alloy/core/features.hpp>
#include <alloy/layers/linear.hpp>

#include <array>
#include <utility>

namespace alloy {

/// mean: over the heads, [B, T, S]. per_head: [B, heads, T, S].
enum class AlignmentWeights { mean, per_head };
constexpr auto enum_names(AlignmentWeights) {
  return std::to_array<std::pair<AlignmentWeights, std::string_view>>({{AlignmentWeights::mean, "mean"}, {AlignmentWeights::per_head, "per_head"}});
}

struct CrossModalAttentionOptions {
  int64_t dim = 256;
  int64_t heads = 4;
  int64_t target_dim = 0;
  int64_t source_dim = 0;
  double dropout_rate = 0.0;
  double time_width_seconds = 0.0;
  AlignmentWeights weights = AlignmentWeights::mean;
  static void describe(auto& self, auto&& field) {
    field("dim", self.dim, "width of the output, divisible by heads");
    field("heads", self.heads, "number of heads, > 0");
    field("target_dim", self.target_dim, "width of the target's tokens; 0 = dim");
    field("source_dim", self.source_dim, "width of the source's tokens; 0 = dim");
    field("dropout_rate", self.dropout_rate, "0..1, on the weights while training");
    field("time_width_seconds", self.time_width_seconds,
          "standard deviation w of the prior exp(-(t - s)^2 / 2 w^2) by which the weights are multiplied; 0 = no prior, times are not read");
    field("weights", self.weights, "what forward returns as weights");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

struct SoftAlignment {
  Tensor tokens;   ///< [B, T, dim]: what the source says at each token of the target; 0 for padding and where there is no source
  Tensor weights;  ///< [B, T, S] or [B, heads, T, S], before dropout; rows sum to 1, or are 0 where `tokens` are
  Tensor times;    ///< [B, T] float64 seconds, the mean time of what was looked at, 0 where nothing was; undefined if the source has no times
};

class ALLOY_API CrossModalAttentionImpl final : public torch::nn::Module {
 public:
  using Options = CrossModalAttentionOptions;
  static constexpr auto kName = "cross_modal_attention";
  explicit CrossModalAttentionImpl(CrossModalAttentionOptions options);
  /// Takes B heads T S numbers of memory.
  /// @param target  tokens [B, T, target_dim] (pooled counts as one token where there are none)
  /// @param source  tokens [B, S, source_dim]
  /// @throws ShapeError; ConfigError if a prior is wanted and either has no times; DataError for real tokens with times that are not finite
  SoftAlignment forward(const Features& target, const Features& source);
  const CrossModalAttentionOptions& options() const { return options_; }

 private:
  CrossModalAttentionOptions options_;
  Linear query_, key_, value_, output_;
};
using CrossModalAttention = Holder<CrossModalAttentionImpl>;

}  // namespace alloy

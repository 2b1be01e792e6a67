// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What tells tokens where they stand, and which modality they come from.

#include <alloy/core/holder.hpp>
#include <alloy/core/tensor.hpp>

namespace alloy {

/// Sinusoidal codes [length, dim] (Vaswani et al. 2017, section 3.5): sine in the first half of the columns, cosine in the
/// second, wavelengths from 2 pi to 10000 * 2 pi. @throws ShapeError unless length >= 0 and dim is even and > 0
ALLOY_API Tensor sinusoidal_positions(int64_t length, int64_t dim);

struct LearnedPositionsOptions {
  int64_t max_length = 512;
  int64_t dim = 256;
  static void describe(auto& self, auto&& field) {
    field("max_length", self.max_length, "longest sequence, > 0");
    field("dim", self.dim, "width of the tokens, > 0");
  }
  ALLOY_API void validate() const;
};

/// Adds a learned vector to each position. @throws ShapeError for a sequence longer than max_length
class ALLOY_API LearnedPositionsImpl final : public torch::nn::Module {
 public:
  using Options = LearnedPositionsOptions;
  static constexpr auto kName = "learned_positions";
  explicit LearnedPositionsImpl(LearnedPositionsOptions options);
  /// [B, T, dim] to [B, T, dim]
  Tensor forward(const Tensor& tokens);
  const LearnedPositionsOptions& options() const { return options_; }

 private:
  LearnedPositionsOptions options_;
  Tensor table_;  // [max_length, dim]
};
using LearnedPositions = Holder<LearnedPositionsImpl>;

struct ModalityEmbeddingOptions {
  int64_t modalities = 2;
  int64_t dim = 256;
  static void describe(auto& self, auto&& field) {
    field("modalities", self.modalities, "number of modalities, > 0");
    field("dim", self.dim, "width of the tokens, > 0");
  }
  ALLOY_API void validate() const;
};

/// Adds to all tokens of the i-th modality its learned vector.
class ALLOY_API ModalityEmbeddingImpl final : public torch::nn::Module {
 public:
  using Options = ModalityEmbeddingOptions;
  static constexpr auto kName = "modality_embedding";
  explicit ModalityEmbeddingImpl(ModalityEmbeddingOptions options);
  /// [B, T, dim] to [B, T, dim]
  Tensor forward(const Tensor& tokens, int64_t modality);
  const ModalityEmbeddingOptions& options() const { return options_; }

 private:
  ModalityEmbeddingOptions options_;
  Tensor table_;  // [modalities, dim]
};
using ModalityEmbedding = Holder<ModalityEmbeddingImpl>;

}  // namespace alloy

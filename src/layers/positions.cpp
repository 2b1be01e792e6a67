// SPDX-License-Identifier: Apache-2.0
#include <alloy/layers/positions.hpp>

#include <torch/nn/init.h>
#include <torch/types.h>

#include <cmath>

namespace alloy {

Tensor sinusoidal_positions(int64_t length, int64_t dim) {
  check<ShapeError>(length >= 0 && dim > 0 && dim % 2 == 0, "[sinusoidal_positions] expected length >= 0 and an even dim > 0, got {} and {}",
                    {length, dim});
  const Tensor place = at::arange(length, at::kDouble).unsqueeze(1);                                     // [T, 1]
  const Tensor rate = at::exp(at::arange(dim / 2, at::kDouble) * (-std::log(10000.0) / (static_cast<double>(dim) / 2.0)));  // [D / 2]
  const Tensor angle = place * rate;                                                                     // [T, D / 2]
  return at::cat({angle.sin(), angle.cos()}, 1).to(at::kFloat);
}

void LearnedPositionsOptions::validate() const {
  check<ConfigError>(max_length > 0 && dim > 0, "[LearnedPositions] expected max_length and dim > 0, got {} and {}", {max_length, dim});
}

LearnedPositionsImpl::LearnedPositionsImpl(LearnedPositionsOptions options) : options_(options) {
  table_ = register_parameter("table", torch::empty({options_.max_length, options_.dim}));
  torch::nn::init::normal_(table_, 0.0, 0.02);
}

Tensor LearnedPositionsImpl::forward(const Tensor& tokens) {
  check_shape(tokens, {-1, -1, options_.dim}, "LearnedPositions", "tokens");
  check<ShapeError>(tokens.size(1) <= options_.max_length, "[LearnedPositions] expected at most {} tokens, got {}; raise max_length or shorten the input",
                    {options_.max_length, tokens.size(1)});
  return tokens + table_.slice(0, 0, tokens.size(1));
}

void ModalityEmbeddingOptions::validate() const {
  check<ConfigError>(modalities > 0 && dim > 0, "[ModalityEmbedding] expected modalities and dim > 0, got {} and {}", {modalities, dim});
}

ModalityEmbeddingImpl::ModalityEmbeddingImpl(ModalityEmbeddingOptions options) : options_(options) {
  table_ = register_parameter("table", torch::empty({options_.modalities, options_.dim}));
  torch::nn::init::normal_(table_, 0.0, 0.02);
}

Tensor ModalityEmbeddingImpl::forward(const Tensor& tokens, int64_t modality) {
  check<ShapeError>(modality >= 0 && modality < options_.modalities, "[ModalityEmbedding] expected a modality below {}, got {}", {options_.modalities, modality});
  return tokens + table_[modality];
}

}  // namespace alloy

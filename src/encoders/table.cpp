// SPDX-License-Identifier: Apache-2.0
#include <alloy/encoders/table.hpp>

#include <torch/nn/modules/embedding.h>
#include <torch/types.h>

namespace alloy {

void TableEncoderOptions::validate() const {
  check<ConfigError>(numbers >= 0 && numbers + static_cast<int64_t>(categories.size()) > 0, "[TableEncoder] expected at least one column, got {} numbers and categories {}", {numbers, categories});
  for (const int64_t count : categories) check<ConfigError>(count > 0, "[TableEncoder] expected categories > 0, got {}", {categories});
  check<ConfigError>(category_dim > 0 && dim > 0, "[TableEncoder] expected category_dim and dim > 0, got {} and {}", {category_dim, dim});
  check_dropout_rate("TableEncoder", dropout_rate);
}

TableEncoderImpl::TableEncoderImpl(TableEncoderOptions options)
    : options_(std::move(options)),
      mlp_({.in_dim = 2 * options_.numbers + static_cast<int64_t>(options_.categories.size()) * options_.category_dim,
            .hidden_dim = 2 * options_.dim,
            .out_dim = options_.dim,
            .dropout_rate = options_.dropout_rate}) {
  for (const int64_t count : options_.categories) {
    embeddings_.push_back(std::make_shared<torch::nn::EmbeddingImpl>(count + 1, options_.category_dim));
    register_module("embeddings_" + std::to_string(embeddings_.size() - 1), embeddings_.back());
  }
  register_module("mlp", mlp_);
}

Features TableEncoderImpl::forward(const ModalityInput& input) {
  const auto columns = static_cast<int64_t>(embeddings_.size());
  check_shape(input.values, {-1, options_.numbers + columns}, "TableEncoder", "rows");
  check_floating(input.values, "TableEncoder", "rows");
  const Tensor numbers = input.values.slice(1, 0, options_.numbers);       // [B, N]
  const Tensor known = numbers.isfinite();
  std::vector<Tensor> parts = {at::where(known, numbers, at::zeros({}, numbers.options())), known.to(numbers.scalar_type())};
  for (int64_t c = 0; c < columns; ++c) {
    const Tensor index = input.values.select(1, options_.numbers + c).nan_to_num(-1.0).to(at::kLong) + 1;  // 0 = missing
    const int64_t count = options_.categories[static_cast<size_t>(c)];
    check<DataError>(index.numel() == 0 || (index.min().item<int64_t>() >= 0 && index.max().item<int64_t>() <= count),
                     "[TableEncoder] expected categories -1..{} in categorical column {}, got another", {count - 1, c});
    parts.push_back(embeddings_[static_cast<size_t>(c)]->forward(index));
  }
  return {.pooled = mlp_(at::cat(parts, 1)), .tokens = {}, .mask = {}, .present = input.present, .times = {}};
}

}  // namespace alloy

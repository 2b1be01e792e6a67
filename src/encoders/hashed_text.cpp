// SPDX-License-Identifier: Apache-2.0
#include <alloy/encoders/hashed_text.hpp>

#include <torch/nn/init.h>
#include <torch/nn/modules/normalization.h>
#include <torch/types.h>

namespace alloy {

namespace {

constexpr int64_t kPadId = 0;
constexpr double kInitialStd = 0.02;  // small beside what training makes of a row: rows never seen hardly count

}  // namespace

void HashedTextEncoderOptions::validate() const {
  check<ConfigError>(buckets >= 2 && buckets <= (int64_t{1} << 24), "[HashedTextEncoder] expected buckets in 2..16777216, got {}", {buckets});
  check<ConfigError>(dim > 0 && embedding_dim > 0 && hidden_dim > 0, "[HashedTextEncoder] expected dim, embedding_dim and hidden_dim > 0, got {}, {} and {}",
                     {dim, embedding_dim, hidden_dim});
  check_dropout_rate("HashedTextEncoder", dropout_rate);
  check<ConfigError>(id_dropout_rate >= 0 && id_dropout_rate < 1, "[HashedTextEncoder] expected 0 <= id_dropout_rate < 1, got {}", {id_dropout_rate});
}

HashedTextEncoderImpl::HashedTextEncoderImpl(HashedTextEncoderOptions options)
    : options_(options),
      norm_(std::make_shared<torch::nn::LayerNormImpl>(torch::nn::LayerNormOptions({options.embedding_dim}))),
      output_norm_(std::make_shared<torch::nn::LayerNormImpl>(torch::nn::LayerNormOptions({options.embedding_dim}))),
      mlp_({.in_dim = options.embedding_dim, .hidden_dim = options.hidden_dim, .out_dim = options.embedding_dim, .dropout_rate = options.dropout_rate}),
      output_({.in_dim = options.embedding_dim, .out_dim = options.dim}) {
  embedding_ = register_parameter("embedding", torch::empty({options.buckets + 2, options.embedding_dim}));
  torch::nn::init::normal_(embedding_, 0.0, kInitialStd);
  register_module("norm", norm_);
  register_module("mlp", mlp_);
  register_module("output_norm", output_norm_);
  register_module("output", output_);
}

/// The ids with kPadId for all that does not count.
Tensor HashedTextEncoderImpl::real_ids(const ModalityInput& input) const {
  const Tensor& ids = input.values;
  check_shape(ids, {-1, -1}, "HashedTextEncoder", "ids");
  check<ShapeError>(ids.scalar_type() == at::kLong && ids.size(1) > 0, "[HashedTextEncoder] expected ids [B, T] of dtype int64, T > 0, got {}", {ids});
  check_mask(input.mask, ids.size(0), ids.size(1), "HashedTextEncoder");
  const Tensor real = input.mask.defined() ? at::where(input.mask, ids, kPadId) : ids;
  if (ids.is_cpu() && ids.numel() > 0) {
    const auto [least, most] = at::aminmax(real);
    check<DataError>(least.item<int64_t>() >= 0 && most.item<int64_t>() < options_.buckets + 2,
                     "[HashedTextEncoder] expected ids in 0..{}, got {}..{}; use HashedNgrams with the same number of buckets",
                     {options_.buckets + 1, least.item<int64_t>(), most.item<int64_t>()});
  }
  if (!is_training() || options_.id_dropout_rate == 0) return real;
  return at::where(at::rand(ids.sizes(), embedding_.options()) < options_.id_dropout_rate, kPadId, real);
}

Features HashedTextEncoderImpl::forward(const ModalityInput& input) {
  const Tensor ids = real_ids(input);                                                            // [B, T]
  const Tensor starts = torch::arange(0, ids.numel(), ids.size(1), ids.options());               // [B]
  const Tensor mean = std::get<0>(at::embedding_bag(embedding_, ids.flatten(), starts, /*scale_grad_by_freq=*/false, /*mode=*/1, /*sparse=*/false,
                                                    /*per_sample_weights=*/{}, /*include_last_offset=*/false, kPadId));  // [B, W]
  Tensor x = norm_->forward(mean);
  x = x + mlp_(x);
  return {.pooled = output_(output_norm_->forward(x)), .tokens = {}, .mask = {}, .present = input.present, .times = {}};
}

}  // namespace alloy

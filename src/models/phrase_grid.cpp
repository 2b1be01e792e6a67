// SPDX-License-Identifier: Apache-2.0
#include <alloy/models/phrase_grid.hpp>

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace alloy {

namespace {

constexpr auto kWhere = "PhraseGrid";
constexpr int64_t kWaves = 4;  ///< of the position code, an axis
constexpr int64_t kPositionDim = 4 * kWaves;
constexpr double kFirstScale = 10;

/// Where cells lie: sines and cosines of k pi / 2 times the coordinate in -1..1, k = 1 .. kWaves, of either axis. Cosines are the same on both
/// sides of the middle, sines have opposite signs: what is learnt of a place on one side can be used on the other.
Tensor position_codes(int64_t rows, int64_t columns, const at::TensorOptions& options) {
  const auto centres = [&](int64_t n) { return (at::arange(n, options) + 0.5) * (2.0 / static_cast<double>(n)) - 1; };
  const Tensor y = centres(rows).view({rows, 1}).expand({rows, columns}), x = centres(columns).view({1, columns}).expand({rows, columns});
  std::vector<Tensor> codes;
  for (int64_t k = 1; k <= kWaves; ++k)
    for (const Tensor& axis : {y, x}) {
      const Tensor angle = axis * (0.5 * std::numbers::pi * static_cast<double>(k));
      codes.push_back(angle.sin());
      codes.push_back(angle.cos());
    }
  return at::stack(codes, -1).view({rows * columns, kPositionDim});
}

Tensor unit_rows(const Tensor& x) { return x / x.norm(2, -1, /*keepdim=*/true).clamp_min(1e-6); }

}  // namespace

void PhraseGridOptions::validate() const {
  check<ConfigError>(sharpness > 0 && std::isfinite(sharpness), "[{}] expected sharpness > 0, got {}", {kWhere, sharpness});
  check<ConfigError>(dim > 0, "[{}] expected dim > 0, got {}", {kWhere, dim});
  ResidualConvOptions{.in_channels = channels, .widths = widths, .blocks = blocks, .stem_stride = stem_stride}.validate();
  TextEncoderOptions{.vocab_size = vocab_size, .dim = dim, .heads = heads, .layers = layers, .max_length = max_length}.validate();
}

PhraseGridImpl::PhraseGridImpl(PhraseGridOptions options)
    : options_(std::move(options)),
      picture_({.in_channels = options_.channels, .widths = options_.widths, .blocks = options_.blocks, .stem_stride = options_.stem_stride}),
      text_({.vocab_size = options_.vocab_size,
             .dim = options_.dim,
             .heads = options_.heads,
             .layers = options_.layers,
             .max_length = options_.max_length}),
      cell_({.in_dim = options_.widths.back() + kPositionDim, .hidden_dim = 2 * options_.dim, .out_dim = options_.dim}),
      phrase_({.in_dim = options_.dim, .out_dim = options_.dim}),
      polarity_({.in_dim = options_.dim, .out_dim = 1}) {
  register_module("picture", picture_);
  register_module("text", text_);
  register_module("cell", cell_);
  register_module("phrase", phrase_);
  register_module("polarity", polarity_);
  log_scale_ = register_parameter("log_scale", at::full({}, std::log(kFirstScale)));
  // A soft maximum over cells that are all alike is the logarithm of their number above their likeness; evidence starts near 0 there.
  offset_ = register_parameter("offset", at::full({}, 0.5));
}

Tensor PhraseGridImpl::embed_cells(const Tensor& pictures) {
  check_shape(pictures, {-1, options_.channels, -1, -1}, kWhere, "pictures");
  check_floating(pictures, kWhere, "pictures");
  const Tensor map = picture_->forward(pictures);       // [B, C, H', W']
  const Tensor looks = map.flatten(2).transpose(1, 2);  // [B, G, C]
  const Tensor places = position_codes(map.size(2), map.size(3), looks.options()).unsqueeze(0).expand({looks.size(0), -1, -1});
  return unit_rows(cell_->forward(at::cat({looks, places}, 2)));  // [B, G, D]
}

EncodedPhrases PhraseGridImpl::embed_phrases(const TokenBatch& words) {
  const Tensor pooled = text_->forward({.values = words.ids, .mask = words.mask, .present = {}, .times = {}, .extra = {}}).pooled;  // [P, D]
  return {.vectors = unit_rows(phrase_->forward(pooled)),
          .polarity = at::tanh(polarity_->forward(pooled).squeeze(1) + 1)};  // affirmed until learnt otherwise
}

Tensor PhraseGridImpl::logit_of(const Tensor& similarity) {
  const Tensor best = at::logsumexp(similarity * options_.sharpness, -1) / options_.sharpness;
  return log_scale_.exp() * (best - offset_);
}

Tensor PhraseGridImpl::evidence(const Tensor& vectors, const Tensor& cells) {
  check_shape(vectors, {-1, options_.dim}, kWhere, "phrases");
  check_shape(cells, {-1, -1, options_.dim}, kWhere, "cells");
  return logit_of(at::matmul(vectors, cells.flatten(0, 1).t()).view({vectors.size(0), cells.size(0), cells.size(1)}));
}

Tensor PhraseGridImpl::own_evidence(const Tensor& vectors, const Tensor& cells) {
  check_shape(vectors, {-1, options_.dim}, kWhere, "phrases");
  check_shape(cells, {vectors.size(0), -1, options_.dim}, kWhere, "cells");
  return logit_of(at::bmm(cells, vectors.unsqueeze(2)).squeeze(2));
}

Tensor PhraseGridImpl::text_scores(const PhraseBatch& texts, const Tensor& cells) {
  const EncodedPhrases phrases = embed_phrases(texts.words);
  const Tensor truth = at::log_sigmoid(phrases.polarity.unsqueeze(1) * evidence(phrases.vectors, cells));  // [P, B]
  return at::zeros({texts.texts, cells.size(0)}, truth.options()).index_add(0, texts.owner, truth);
}

Tensor PhraseGridImpl::own_text_scores(const PhraseBatch& texts, const Tensor& cells) {
  check_shape(cells, {texts.texts, -1, options_.dim}, kWhere, "cells");
  const EncodedPhrases phrases = embed_phrases(texts.words);
  const Tensor truth = at::log_sigmoid(phrases.polarity * own_evidence(phrases.vectors, cells.index_select(0, texts.owner)));  // [P]
  return at::zeros({texts.texts}, truth.options()).index_add(0, texts.owner, truth);
}

PhraseBatch make_phrase_batch(const std::vector<std::vector<std::vector<int64_t>>>& texts) {
  std::vector<std::vector<int64_t>> rows;
  std::vector<int64_t> owner;
  for (size_t text = 0; text < texts.size(); ++text) {
    check<ShapeError>(!texts[text].empty(), "[make_phrase_batch] expected a phrase in every text, got none in text {}", {text});
    for (const auto& phrase : texts[text]) {
      rows.push_back(phrase);
      owner.push_back(static_cast<int64_t>(text));
    }
  }
  return {.words = pad_token_rows(rows, /*pad_id=*/0), .owner = at::tensor(owner, at::kLong), .texts = static_cast<int64_t>(texts.size())};
}

Tensor phrase_contrast(PhraseGrid model, const PhraseBatch& texts, const Tensor& cells, const std::vector<PhraseBatch>& falsehoods,
                       const std::vector<Tensor>& counts, const Tensor& also_true) {
  constexpr auto kContrast = "phrase_contrast";
  const int64_t n = texts.texts;
  check<ShapeError>(cells.dim() == 3 && cells.size(0) == n, "[{}] expected as many pictures as texts, {}, got cells {}", {kContrast, n, cells});
  check<ShapeError>(counts.empty() || counts.size() == falsehoods.size(), "[{}] expected counts for each of {} falsehoods, got {}",
                    {kContrast, falsehoods.size(), counts.size()});
  const double none = -std::numeric_limits<double>::infinity();
  Tensor scores = model->text_scores(texts, cells);  // [N, B]
  const Tensor diagonal = scores.diagonal();
  if (also_true.defined()) {
    check_shape(also_true, {n, n}, kContrast, "also_true");
    const Tensor others = at::eye(n, scores.options()).eq(0);
    scores = scores.masked_fill(also_true.logical_and(others), none);
  }
  std::vector<Tensor> rivals = {scores.t()};  // of each picture: [B, N + falsehoods]
  for (size_t i = 0; i < falsehoods.size(); ++i) {
    check<ShapeError>(falsehoods[i].texts == n, "[{}] expected {} false texts, got {}", {kContrast, n, falsehoods[i].texts});
    Tensor lies = model->own_text_scores(falsehoods[i], cells);  // [N]
    if (!counts.empty() && counts[i].defined()) lies = lies.masked_fill(counts[i].logical_not(), none);
    rivals.push_back(lies.unsqueeze(1));
  }
  const Tensor by_text = at::logsumexp(scores, 1) - diagonal, by_picture = at::logsumexp(at::cat(rivals, 1), 1) - diagonal;
  return 0.5 * (by_text.mean() + by_picture.mean());
}

Tensor cell_contrast(PhraseGrid model, const Tensor& vectors, const Tensor& cells, const Tensor& right) {
  constexpr auto kContrast = "cell_contrast";
  check_shape(vectors, {-1, model->options().dim}, kContrast, "phrases");
  check_shape(cells, {vectors.size(0), -1, vectors.size(1)}, kContrast, "cells");
  check_mask(right, cells.size(0), cells.size(1), kContrast);
  check<DataError>(right.any(1).all().item<bool>(), "[{}] expected a right cell for every phrase, got a phrase without any", {kContrast});
  const Tensor logits = model->options().sharpness * at::bmm(cells, vectors.unsqueeze(2)).squeeze(2);  // [P, G]
  const double none = -std::numeric_limits<double>::infinity();
  return (at::logsumexp(logits, 1) - at::logsumexp(logits.masked_fill(right.logical_not(), none), 1)).mean();
}

Tensor embed_all_cells(PhraseGrid model, const Tensor& pictures, int64_t batch_size) {
  check<ConfigError>(batch_size > 0, "[embed_all_cells] expected batch_size > 0, got {}", {batch_size});
  check<ShapeError>(pictures.dim() == 4 && pictures.size(0) > 0, "[embed_all_cells] expected pictures [N, C, H, W], got {}", {pictures});
  const at::NoGradGuard no_grad;
  std::vector<Tensor> parts;
  for (int64_t i = 0; i < pictures.size(0); i += batch_size)
    parts.push_back(model->embed_cells(pictures.slice(0, i, std::min(i + batch_size, pictures.size(0)))));
  return at::cat(parts);
}

Tensor point_at(PhraseGrid model, const TokenBatch& words, const Tensor& cells) {
  const at::NoGradGuard no_grad;
  const Tensor vectors = model->embed_phrases(words).vectors;
  check_shape(cells, {vectors.size(0), -1, vectors.size(1)}, "point_at", "cells");
  return at::bmm(cells, vectors.unsqueeze(2)).squeeze(2).argmax(1);
}

Tensor all_text_scores(PhraseGrid model, const std::vector<std::vector<std::vector<int64_t>>>& texts, const Tensor& cells) {
  check<ShapeError>(!texts.empty(), "[all_text_scores] expected texts, got none");
  const at::NoGradGuard no_grad;
  constexpr size_t kBlock = 16;  // texts: their similarities with all cells are held at once
  std::vector<Tensor> parts;
  for (size_t first = 0; first < texts.size(); first += kBlock) {
    const auto begin = texts.begin() + static_cast<std::ptrdiff_t>(first),
               end = texts.begin() + static_cast<std::ptrdiff_t>(std::min(first + kBlock, texts.size()));
    parts.push_back(model->text_scores(make_phrase_batch({begin, end}), cells));
  }
  return at::cat(parts);
}

Tensor touched_cells(const Tensor& mask, int64_t rows, int64_t columns) {
  check<ShapeError>(mask.dim() >= 2 && rows > 0 && columns > 0 && mask.size(-2) % rows == 0 && mask.size(-1) % columns == 0,
                    "[touched_cells] expected a mask whose sides are multiples of {} and {}, got {}", {rows, columns, mask});
  std::vector<int64_t> shape = mask.sizes().slice(0, static_cast<size_t>(mask.dim() - 2)).vec();
  shape.insert(shape.end(), {rows, mask.size(-2) / rows, columns, mask.size(-1) / columns});
  return mask.to(at::kBool).reshape(shape).any(-1).any(-2).flatten(-2);
}

}  // namespace alloy

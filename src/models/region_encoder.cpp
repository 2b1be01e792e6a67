// SPDX-License-Identifier: Apache-2.0
#include <alloy/models/region_encoder.hpp>

#include <alloy/alignment/roi.hpp>
#include <alloy/layers/pooling.hpp>

#include <torch/nn/modules/normalization.h>
#include <torch/types.h>

namespace alloy {

namespace {

constexpr int64_t kBoxPlaces = 4, kGateDim = 32;

/// Middle and sides, -1..1 and 0..2 of the picture. [B, R, 4]
Tensor box_places(const Tensor& boxes, PictureSize size) {
  const Tensor sides = at::tensor({static_cast<double>(size.width), static_cast<double>(size.height)}, at::kDouble).to(boxes.options());
  const Tensor low = boxes.slice(2, 0, 2) / sides, high = boxes.slice(2, 2, 4) / sides;
  return at::cat({low + high - 1, 2 * (high - low)}, 2);
}

}  // namespace

Tensor box_geometry(const Tensor& boxes, PictureSize size) {
  check_shape(boxes, {-1, -1, 4}, "box_geometry", "boxes");
  check<ConfigError>(size.height > 0 && size.width > 0, "[box_geometry] expected a picture with height and width > 0, got {} x {}",
                     {size.height, size.width});
  constexpr double kSmallest = 1e-3;
  const Tensor place = box_places(boxes, size), middle = place.slice(2, 0, 2), sides = place.slice(2, 2, 4).clamp_min(kSmallest).log();
  const Tensor offset = middle.unsqueeze(1) - middle.unsqueeze(2);  // [B, R, R, 2]: of j from i
  const Tensor distance = (offset.square().sum(3, /*keepdim=*/true) + kSmallest * kSmallest).sqrt();
  return at::cat({offset, offset / distance, distance, distance.sqrt(), sides.unsqueeze(1) - sides.unsqueeze(2)}, 3);
}

void RegionRelationOptions::validate() const {
  check<ConfigError>(dim > 0 && hidden_dim > 0, "[RegionRelation] expected dim and hidden_dim > 0, got {} and {}", {dim, hidden_dim});
}

RegionRelationImpl::RegionRelationImpl(RegionRelationOptions options)
    : options_(options),
      norm1_(std::make_shared<torch::nn::LayerNormImpl>(torch::nn::LayerNormOptions({options.dim}))),
      norm2_(std::make_shared<torch::nn::LayerNormImpl>(torch::nn::LayerNormOptions({options.dim}))),
      other_({.in_dim = options.dim, .out_dim = options.hidden_dim}),
      self_({.in_dim = options.dim, .out_dim = options.hidden_dim, .bias = false}),
      out_({.in_dim = options.hidden_dim, .out_dim = options.dim, .bias = false}),
      gate_({.in_dim = kBoxGeometry, .hidden_dim = kGateDim, .out_dim = options.hidden_dim}),
      mlp_({.in_dim = options.dim, .hidden_dim = 2 * options.dim}) {
  register_module("norm1", norm1_);
  register_module("norm2", norm2_);
  register_module("other", other_);
  register_module("self", self_);
  register_module("out", out_);
  register_module("gate", gate_);
  register_module("mlp", mlp_);
}

Tensor RegionRelationImpl::forward(const Tensor& x, const Tensor& geometry, const Tensor& mask) {
  check_shape(x, {-1, -1, options_.dim}, "RegionRelation", "regions");
  check_shape(geometry, {x.size(0), x.size(1), x.size(1), kBoxGeometry}, "RegionRelation", "geometry");
  check_mask(mask, x.size(0), x.size(1), "RegionRelation");
  const Tensor normed = norm1_->forward(x);
  const Tensor told = gate_(geometry) * (other_(normed).unsqueeze(1) + self_(normed).unsqueeze(2));  // [B, R, R, hidden]
  Tensor heard = at::eye(x.size(1), x.options().dtype(at::kBool)).logical_not().unsqueeze(0);        // [1, R, R]
  if (mask.defined()) heard = heard.logical_and(mask.unsqueeze(1));                                  // [B, R, R]
  const Tensor sum = at::where(heard.unsqueeze(3), told, at::zeros({}, told.options())).sum(2);      // [B, R, hidden]
  const Tensor y = x + out_(sum);
  return y + mlp_(norm2_->forward(y));
}

void RegionEncoderOptions::validate() const {
  check<ConfigError>(dim > 0 && relation_layers >= 0 && bins >= 1 && bins <= 64,
                     "[RegionEncoder] expected dim > 0, relation_layers >= 0 and bins in 1..64, got {}, {} and {}", {dim, relation_layers, bins});
  ResidualConvOptions{.in_channels = channels, .widths = widths, .stem_stride = stem_stride, .groups = groups}.validate();
}

RegionEncoderImpl::RegionEncoderImpl(RegionEncoderOptions options)
    : options_((options.validate(), std::move(options))),
      map_({.in_channels = options_.channels, .widths = options_.widths, .stem_stride = options_.stem_stride, .groups = options_.groups}),
      look_({.in_dim = options_.widths.back() * options_.bins * options_.bins, .out_dim = options_.dim}),
      norm_(std::make_shared<torch::nn::LayerNormImpl>(torch::nn::LayerNormOptions({options_.dim}))) {
  register_module("map", map_);
  register_module("look", look_);
  register_module("norm", norm_);
  if (options_.places) place_ = register_module("place", Linear({.in_dim = kBoxPlaces, .out_dim = options_.dim}));
  for (int64_t i = 0; i < options_.relation_layers; ++i) {
    relations_.emplace_back(RegionRelationOptions{.dim = options_.dim, .hidden_dim = options_.dim});
    register_module("relations_" + std::to_string(i), relations_.back());
  }
}

Tensor RegionEncoderImpl::looked_at(const Tensor& pictures, const Tensor& boxes) {
  const Tensor owners = at::arange(boxes.size(0), at::kLong).repeat_interleave(boxes.size(1)), rows = boxes.view({-1, 4});
  // Of the strides, not of the sizes: a side that is no multiple of them is rounded up.
  const int64_t stride = options_.stem_stride << (std::ssize(options_.widths) - 1);
  if (options_.view == RegionView::box) {
    const int64_t side = options_.bins * stride;
    return map_(roi_align(pictures, rows, owners, {.height = side, .width = side, .sampling_ratio = 1}));
  }
  return roi_align(map_(pictures), rows, owners,
                   {.height = options_.bins, .width = options_.bins, .spatial_scale = 1.0 / static_cast<double>(stride), .sampling_ratio = 2});
}

RegionFeatures RegionEncoderImpl::forward(const Tensor& pictures, const Tensor& boxes, const Tensor& mask) {
  check_shape(pictures, {-1, options_.channels, -1, -1}, "RegionEncoder", "pictures");
  check_shape(boxes, {pictures.size(0), -1, 4}, "RegionEncoder", "boxes");
  check_mask(mask, boxes.size(0), boxes.size(1), "RegionEncoder");
  const int64_t batch = boxes.size(0), count = boxes.size(1);
  const Tensor real = zero_padding(boxes, mask);
  Tensor x = look_(looked_at(pictures, real).flatten(1)).view({batch, count, options_.dim});  // [B, R, D]
  const PictureSize size{pictures.size(2), pictures.size(3)};
  if (place_) x = x + place_(box_places(real, size));
  if (!relations_.empty()) {
    const Tensor geometry = box_geometry(real, size);
    for (auto& relation : relations_) x = relation(x, geometry, mask);
  }
  return {.values = zero_padding(norm_->forward(x), mask), .boxes = boxes, .mask = mask};
}

}  // namespace alloy

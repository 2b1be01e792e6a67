// SPDX-License-Identifier: Apache-2.0
#include "worker.hpp"

#include <alloy/alignment/assign.hpp>
#include <alloy/alignment/nms.hpp>
#include <alloy/alignment/roi.hpp>

#include <torch/torch.h>

using alloy::Tensor;

namespace bench {

namespace {

constexpr int64_t kBins = 7, kRatio = 2;
constexpr double kScale = 1.0 / 16;

using RoiAlign = Tensor (*)(const Tensor& features, const Tensor& boxes, const Tensor& images);

Tensor ours(const Tensor& features, const Tensor& boxes, const Tensor& images) {
  return alloy::roi_align(features, boxes, images, {.height = kBins, .width = kBins, .spatial_scale = kScale, .sampling_ratio = kRatio});
}

/// All samples of an image's boxes in one call of grid_sampler, then the mean of each bin. Boxes are sorted by image.
Tensor composed(const Tensor& features, const Tensor& boxes, const Tensor& images) {
  constexpr int64_t kBilinear = 0, kBorder = 1, kSide = kBins * kRatio;
  std::vector<Tensor> all;
  for (int64_t b = 0; b < features.size(0); ++b) {
    const Tensor mine = boxes.index_select(0, images.eq(b).nonzero().squeeze(1)) * kScale - 0.5;  // [N, 4]
    const Tensor steps = (torch::arange(kSide) + 0.5) / kSide;
    const auto axis = [&](int64_t low, int64_t size) {
      const Tensor from = mine.select(1, low).unsqueeze(1), place = from + (mine.select(1, low + 2).unsqueeze(1) - from) * steps;  // [N, side]
      return place * (2.0 / static_cast<double>(size - 1)) - 1;
    };
    const Tensor x = axis(0, features.size(3)).unsqueeze(1).expand({-1, kSide, kSide}),
                 y = axis(1, features.size(2)).unsqueeze(2).expand({-1, kSide, kSide});
    const Tensor grid = torch::stack({x, y}, 3).view({1, -1, kSide, 2});
    const Tensor samples =
        torch::grid_sampler(features.slice(0, b, b + 1), grid, kBilinear, kBorder, /*align_corners=*/true);  // [1, C, N side, side]
    all.push_back(torch::avg_pool2d(samples, kRatio).squeeze(0).view({features.size(1), -1, kBins, kBins}).transpose(0, 1));
  }
  return torch::cat(all).contiguous();
}

template <RoiAlign align>
Work forward(const Inputs& in) {
  const Tensor features = in.at("features"), boxes = in.at("boxes"), images = in.at("images");
  return {.call = [=]() -> Outputs {
    const torch::NoGradGuard no_grad;
    return {{"regions", align(features, boxes, images)}};
  }};
}

template <RoiAlign align>
Work gradient(const Inputs& in) {
  const Tensor features = in.at("features").clone().requires_grad_(), boxes = in.at("boxes"), images = in.at("images");
  const Tensor weights =
      torch::linspace(0.5, 1.5, boxes.size(0) * features.size(1) * kBins * kBins).view({boxes.size(0), features.size(1), kBins, kBins});
  return {.call = [=]() -> Outputs {
    const Tensor regions = align(features, boxes, images);
    return {{"regions", regions.detach()}, {"grad", torch::autograd::grad({regions}, {features}, {weights})[0]}};
  }};
}

Work channels_last(const Inputs& in) {
  const Tensor features = in.at("features").contiguous(at::MemoryFormat::ChannelsLast), boxes = in.at("boxes"), images = in.at("images");
  return {.call = [=]() -> Outputs {
            return {{"regions", ours(features, boxes, images)}};
          },
          .compared = [](const Outputs& out) -> Outputs {
            return {{"regions", out[0].second.contiguous()}};
          }};
}

Work suppression(const Inputs& in) {
  const Tensor boxes = in.at("boxes"), scores = in.at("scores");
  return {.call = [=]() -> Outputs { return {{"kept", alloy::nms(boxes, scores, 0.5)}}; }};
}

Work assignment(const Inputs& in) {
  const Tensor costs = in.at("costs");
  return {.call = [=]() -> Outputs { return {{"columns", alloy::assign(costs).columns}}; }};
}

[[maybe_unused]] const bool added = add("roi_align", forward<ours>) && add("roi_align_composed", forward<composed>) &&
                                    add("roi_align_gradient", gradient<ours>) && add("roi_align_composed_gradient", gradient<composed>) &&
                                    add("roi_align_last", channels_last) && add("nms", suppression) && add("assign", assignment);

}  // namespace

}  // namespace bench

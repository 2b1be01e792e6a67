// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/roi.hpp"

#include <alloy/alignment/roi.hpp>

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

namespace alloy {

namespace {

constexpr int64_t kNowhere = -1;

/// First and last + 1 pixel of each bin along one side.
template <class T>
std::vector<std::pair<int64_t, int64_t>> bins_of(T from, T to, int64_t bins, int64_t size, T scale) {
  const auto first = static_cast<int64_t>(std::round(from * scale)), last = static_cast<int64_t>(std::round(to * scale));
  const T extent = static_cast<T>(std::max<int64_t>(last - first + 1, 1)) / static_cast<T>(bins);
  std::vector<std::pair<int64_t, int64_t>> out;
  for (int64_t p = 0; p < bins; ++p) {
    const auto begin = static_cast<int64_t>(std::floor(static_cast<T>(p) * extent)) + first,
               end = static_cast<int64_t>(std::ceil(static_cast<T>(p + 1) * extent)) + first;
    out.emplace_back(std::clamp<int64_t>(begin, 0, size), std::clamp<int64_t>(end, 0, size));
  }
  return out;
}

/// The place in a map [H, W] of the first largest value of a bin, or kNowhere.
template <class T>
int64_t largest_of(const T* map, int64_t width, std::pair<int64_t, int64_t> rows, std::pair<int64_t, int64_t> columns) {
  int64_t best = kNowhere;
  for (int64_t y = rows.first; y < rows.second; ++y)
    for (int64_t x = columns.first; x < columns.second; ++x)
      if (best == kNowhere || map[y * width + x] > map[best]) best = y * width + x;
  return best;
}

template <class T>
std::pair<Tensor, Tensor> pooled(const Tensor& features, const detail::Regions& regions, const RoiPoolOptions& o) {
  const Tensor in = features.contiguous();
  const int64_t count = regions.boxes.size(0), channels = in.size(1), height = in.size(2), width = in.size(3);
  Tensor out = at::empty({count, channels, o.height, o.width}, in.options().requires_grad(false)), places = at::empty(out.sizes(), at::kLong);
  const T *map = in.const_data_ptr<T>(), *boxes = regions.boxes.const_data_ptr<T>();
  const int64_t* images = regions.images.const_data_ptr<int64_t>();
  T* value = out.mutable_data_ptr<T>();
  int64_t* place = places.mutable_data_ptr<int64_t>();
  at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const T* box = boxes + 4 * i;
      const auto columns = bins_of(box[0], box[2], o.width, width, static_cast<T>(o.spatial_scale)),
                 rows = bins_of(box[1], box[3], o.height, height, static_cast<T>(o.spatial_scale));
      int64_t cell = i * channels * o.height * o.width;
      for (int64_t c = 0; c < channels; ++c) {
        const T* mine = map + (images[i] * channels + c) * height * width;
        for (const auto& row : rows)
          for (const auto& column : columns) {
            place[cell] = largest_of(mine, width, row, column);
            value[cell] = place[cell] == kNowhere ? T{0} : mine[place[cell]];
            ++cell;
          }
      }
    }
  });
  return {out, places};
}

template <class T>
Tensor map_gradient(const Tensor& grad, const Tensor& places, const Tensor& images, at::IntArrayRef sizes) {
  const Tensor given = grad.contiguous();
  Tensor out = at::zeros(sizes, grad.options());
  const int64_t count = given.size(0), channels = sizes[1], bins = given.size(2) * given.size(3), area = sizes[2] * sizes[3];
  const T* g = given.const_data_ptr<T>();
  const int64_t *place = places.const_data_ptr<int64_t>(), *image = images.const_data_ptr<int64_t>();
  T* to = out.mutable_data_ptr<T>();
  at::parallel_for(0, channels, 1, [&](int64_t begin, int64_t end) {  // a thread has channels of its own
    for (int64_t c = begin; c < end; ++c)
      for (int64_t i = 0; i < count; ++i) {
        T* map = to + (image[i] * channels + c) * area;
        for (int64_t k = (i * channels + c) * bins; k < (i * channels + c + 1) * bins; ++k)
          if (place[k] != kNowhere) map[place[k]] += g[k];
      }
  });
  return out;
}

struct RoiPool : torch::autograd::Function<RoiPool> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& features, const Tensor& boxes, const Tensor& images,
                        const RoiPoolOptions& o) {
    const auto [out, places] =
        features.scalar_type() == at::kDouble ? pooled<double>(features, {boxes, images}, o) : pooled<float>(features, {boxes, images}, o);
    context->save_for_backward({places, images});
    context->saved_data["sizes"] = features.sizes().vec();
    return out;
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context, torch::autograd::tensor_list grads) {
    const auto saved = context->get_saved_variables();
    const auto sizes = context->saved_data["sizes"].toIntVector();
    const Tensor grad = grads[0].scalar_type() == at::kDouble ? map_gradient<double>(grads[0], saved[0], saved[1], sizes)
                                                              : map_gradient<float>(grads[0], saved[0], saved[1], sizes);
    return {grad, {}, {}, {}};
  }
};

}  // namespace

Tensor roi_pool(const Tensor& features, const Tensor& boxes, const Tensor& images, const RoiPoolOptions& options) {
  options.validate();
  const auto [checked, owners] = detail::check_regions(features, boxes, images, options.spatial_scale, "roi_pool");
  return RoiPool::apply(features, checked, owners, options);
}

}  // namespace alloy

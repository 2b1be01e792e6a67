// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/roi.hpp"
#include "alignment/detail/row_kernels.hpp"

#include <alloy/alignment/roi.hpp>

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <type_traits>

namespace alloy {

namespace {

using detail::MapSizes;

// Note [Two passes]: the samples of a bin stand on a grid, and the weight of a pixel for one of them is the product of one weight by
// rows and one by columns. So the mean over a bin is one weighted sum over rows of the map, then one over columns: instead of four pixels a
// sample, each pixel of the box is read once for each row of bins that it touches. With channels last both are sums of whole rows of memory.

template <class T>
void weighted_sum(const T* const* rows, const T* weights, int64_t count, T* out, int64_t n) {
  if constexpr (std::is_same_v<T, float>) {
    detail::row_kernels().weighted_sum(rows, weights, count, out, n);
  } else {
    std::fill(out, out + n, T{0});
    for (int64_t k = 0; k < count; ++k)
      for (int64_t j = 0; j < n; ++j) out[j] += weights[k] * rows[k][j];
  }
}

template <class T>
void add_scaled(T* out, const T* x, T weight, int64_t n) {
  if constexpr (std::is_same_v<T, float>) {
    detail::row_kernels().add_scaled(out, x, weight, n);
  } else {
    for (int64_t j = 0; j < n; ++j) out[j] += weight * x[j];
  }
}

/// The pixels of one side of a map that each bin of a box averages, with their weights.
template <class T>
struct Side {
  std::vector<size_t> begin;  // of bin p: entries begin[p] .. begin[p + 1]
  std::vector<int64_t> pixel;
  std::vector<T> weight;
  int64_t low, high;  // all pixels lie in low .. high - 1

  /// @param from, to  ends of the box in pixels of the map @param size  pixels of the map
  void fill(T from, T to, int64_t bins, int64_t size, const RoiAlignOptions& o) {
    begin.assign(1, 0);
    pixel.clear();
    weight.clear();
    low = size, high = 0;
    const T extent = o.origin == RoiOrigin::pixel_middles ? std::max(to - from, T{1}) : to - from, bin = extent / static_cast<T>(bins);
    const auto samples = o.sampling_ratio > 0 ? o.sampling_ratio : static_cast<int64_t>(std::ceil(extent / static_cast<T>(bins)));
    const T step = samples > 0 ? bin / static_cast<T>(samples) : 0;
    for (int64_t p = 0; p < bins; ++p) {
      const T start = from + static_cast<T>(p) * bin;
      // Samples far outside the map count for nothing, and a box may have millions of them.
      int64_t i = 0, end = samples;
      if (step > 0) {
        i = static_cast<int64_t>(std::clamp<double>((-2 - start) / step, 0, static_cast<double>(samples)));
        end = static_cast<int64_t>(std::clamp<double>((static_cast<T>(size) + 1 - start) / step + 1, 0, static_cast<double>(samples)));
      }
      for (; i < end; ++i) add(start + (static_cast<T>(i) + T{0.5}) * bin / static_cast<T>(samples), size, T{1} / static_cast<T>(samples));
      begin.push_back(pixel.size());
    }
  }

 private:
  void add(T place, int64_t size, T share) {
    if (place < -1 || place > static_cast<T>(size)) return;
    place = std::clamp(place, T{0}, static_cast<T>(size - 1));
    const auto below = static_cast<int64_t>(place);
    const T above = place - static_cast<T>(below);
    put(below, share * (1 - above));
    if (above > 0) put(below + 1, share * above);
  }
  /// Samples of a bin come in order, so that one pixel's entries are among the last two.
  void put(int64_t which, T share) {
    low = std::min(low, which), high = std::max(high, which + 1);
    for (size_t k = pixel.size(); k > begin.back() && k + 2 > pixel.size(); --k)
      if (pixel[k - 1] == which) {
        weight[k - 1] += share;
        return;
      }
    pixel.push_back(which);
    weight.push_back(share);
  }
};

/// The weights of one box, and room for what the passes need; one a thread.
template <class T>
struct Worker {
  Side<T> rows, columns;
  std::vector<const T*> pointers;
  std::vector<T> strip, bins;  // [columns of the box, C], [bins, C]

  void place(const T* box, const MapSizes& m, const RoiAlignOptions& o) {
    const T scale = static_cast<T>(o.spatial_scale), shift = o.origin == RoiOrigin::pixel_edges ? T{0.5} : T{0};
    columns.fill(box[0] * scale - shift, box[2] * scale - shift, o.width, m.width, o);
    rows.fill(box[1] * scale - shift, box[3] * scale - shift, o.height, m.height, o);
  }

  /// @param map  [H, W, C] of the image @param out  [height, width, C]
  void pool(const T* map, const MapSizes& m, const RoiAlignOptions& o, T* out) {
    const int64_t c = m.channels, wide = std::max<int64_t>(columns.high - columns.low, 0);
    if (rows.pixel.empty() || columns.pixel.empty()) {
      std::fill(out, out + o.height * o.width * c, T{0});
      return;
    }
    strip.resize(static_cast<size_t>(wide * c));
    for (int64_t p = 0; p < o.height; ++p) {
      gather(rows, p, 0, map + columns.low * c, m.width * c, strip.data(), wide * c);
      for (int64_t q = 0; q < o.width; ++q) gather(columns, q, columns.low, strip.data(), c, out + (p * o.width + q) * c, c);
    }
  }

  /// The transposed of the above. @param grad  [height, width, C] @param map  [H, W, C], added to
  void spread(const T* grad, const MapSizes& m, const RoiAlignOptions& o, int64_t c, T* map) {
    const int64_t wide = std::max<int64_t>(columns.high - columns.low, 0);
    for (int64_t p = 0; p < o.height; ++p) {
      const size_t from = rows.begin[static_cast<size_t>(p)], to = rows.begin[static_cast<size_t>(p) + 1];
      if (from == to) continue;
      strip.assign(static_cast<size_t>(wide * c), T{0});
      for (int64_t q = 0; q < o.width; ++q)
        for (size_t k = columns.begin[static_cast<size_t>(q)]; k < columns.begin[static_cast<size_t>(q) + 1]; ++k)
          add_scaled(strip.data() + (columns.pixel[k] - columns.low) * c, grad + (p * o.width + q) * c, columns.weight[k], c);
      for (size_t k = from; k < to; ++k) add_scaled(map + (rows.pixel[k] * m.width + columns.low) * c, strip.data(), rows.weight[k], wide * c);
    }
  }

 private:
  /// @param first  the pixel at `base`
  void gather(const Side<T>& side, int64_t bin, int64_t first, const T* base, int64_t stride, T* out, int64_t n) {
    pointers.clear();
    const size_t from = side.begin[static_cast<size_t>(bin)], to = side.begin[static_cast<size_t>(bin) + 1];
    for (size_t k = from; k < to; ++k) pointers.push_back(base + (side.pixel[k] - first) * stride);
    weighted_sum(pointers.data(), side.weight.data() + from, static_cast<int64_t>(to - from), out, n);
  }
};

MapSizes sizes_of(const Tensor& features) { return {features.size(0), features.size(1), features.size(2), features.size(3)}; }

bool is_channels_last(const Tensor& x) { return x.is_contiguous(at::MemoryFormat::ChannelsLast); }

/// [B, H, W, C] in memory.
template <class T>
Tensor channels_last(const Tensor& features) {
  if (is_channels_last(features)) return features;
  const Tensor in = features.contiguous();
  const auto [batch, c, h, w] = sizes_of(in);
  Tensor out = at::empty({batch, h, w, c}, in.options());
  const T* from = in.const_data_ptr<T>();
  T* to = out.mutable_data_ptr<T>();
  constexpr int64_t kBlock = 64;  // pixels
  const int64_t area = h * w, blocks = (area + kBlock - 1) / kBlock;
  at::parallel_for(0, batch * blocks, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t image = i / blocks, first = i % blocks * kBlock;
      detail::transpose(from + image * c * area + first, area, to + (image * area + first) * c, c, c, std::min(kBlock, area - first));
    }
  });
  return out;
}

template <class T>
Tensor pooled(const Tensor& features, const detail::Regions& regions, const RoiAlignOptions& o) {
  const MapSizes m = sizes_of(features);
  const bool last = is_channels_last(features);
  const Tensor map = channels_last<T>(features);
  const int64_t count = regions.boxes.size(0), bins = o.height * o.width;
  Tensor out = at::empty({count, m.channels, o.height, o.width}, features.options().requires_grad(false),
                         last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
  const T *from = map.const_data_ptr<T>(), *boxes = regions.boxes.const_data_ptr<T>();
  const int64_t* images = regions.images.const_data_ptr<int64_t>();
  T* to = out.mutable_data_ptr<T>();
  at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
    Worker<T> worker;
    worker.bins.resize(last ? 0 : static_cast<size_t>(bins * m.channels));
    for (int64_t i = begin; i < end; ++i) {
      worker.place(boxes + 4 * i, m, o);
      T* mine = to + i * m.channels * bins;
      worker.pool(from + images[i] * m.height * m.width * m.channels, m, o, last ? mine : worker.bins.data());
      if (!last) detail::transpose(worker.bins.data(), m.channels, mine, bins, bins, m.channels);
    }
  });
  return out;
}

/// Each thread has channels of its own, so that boxes may overlap and sums do not depend on the number of threads.
template <class T>
Tensor map_gradient(const Tensor& grad, const detail::Regions& regions, const MapSizes& m, const RoiAlignOptions& o) {
  constexpr int64_t kBlock = 64;
  const int64_t count = regions.boxes.size(0), bins = o.height * o.width, area = m.height * m.width;
  const Tensor given = grad.contiguous();
  Tensor out = at::empty({m.batch, m.channels, m.height, m.width}, grad.options());
  const T *g = given.const_data_ptr<T>(), *boxes = regions.boxes.const_data_ptr<T>();
  const int64_t* images = regions.images.const_data_ptr<int64_t>();
  T* to = out.mutable_data_ptr<T>();
  at::parallel_for(0, (m.channels + kBlock - 1) / kBlock, 1, [&](int64_t begin, int64_t end) {
    Worker<T> worker;
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * kBlock, c = std::min(kBlock, m.channels - first);
      std::vector<T> map(static_cast<size_t>(m.batch * area * c), T{0});
      worker.bins.resize(static_cast<size_t>(bins * c));
      for (int64_t i = 0; i < count; ++i) {
        detail::transpose(g + (i * m.channels + first) * bins, bins, worker.bins.data(), c, c, bins);
        worker.place(boxes + 4 * i, m, o);
        worker.spread(worker.bins.data(), m, o, c, map.data() + images[i] * area * c);
      }
      for (int64_t image = 0; image < m.batch; ++image)
        detail::transpose(map.data() + image * area * c, c, to + (image * m.channels + first) * area, area, area, c);
    }
  });
  return out;
}

struct RoiAlign : torch::autograd::Function<RoiAlign> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& features, const Tensor& boxes, const Tensor& images,
                        const RoiAlignOptions& o) {
    context->save_for_backward({boxes, images});
    const MapSizes m = sizes_of(features);
    context->saved_data["sizes"] =
        std::vector<int64_t>{m.batch, m.channels, m.height, m.width, o.height, o.width, o.sampling_ratio, static_cast<int64_t>(o.origin)};
    context->saved_data["scale"] = o.spatial_scale;
    return features.scalar_type() == at::kDouble ? pooled<double>(features, {boxes, images}, o) : pooled<float>(features, {boxes, images}, o);
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context, torch::autograd::tensor_list grads) {
    const auto saved = context->get_saved_variables();
    const auto s = context->saved_data["sizes"].toIntVector();
    const RoiAlignOptions o{.height = s[4],
                            .width = s[5],
                            .spatial_scale = context->saved_data["scale"].toDouble(),
                            .sampling_ratio = s[6],
                            .origin = static_cast<RoiOrigin>(s[7])};
    const MapSizes m{s[0], s[1], s[2], s[3]};
    const detail::Regions regions{saved[0], saved[1]};
    const Tensor grad =
        saved[0].scalar_type() == at::kDouble ? map_gradient<double>(grads[0], regions, m, o) : map_gradient<float>(grads[0], regions, m, o);
    return {grad, {}, {}, {}};
  }
};

}  // namespace

Tensor roi_align(const Tensor& features, const Tensor& boxes, const Tensor& images, const RoiAlignOptions& options) {
  options.validate();
  const auto [checked, owners] = detail::check_regions(features, boxes, images, options.spatial_scale, "roi_align");
  return RoiAlign::apply(features, checked, owners, options);
}

}  // namespace alloy

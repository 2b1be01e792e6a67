// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The loop over tiles that the losses of pair_tiles.hpp share: products S of all rows of a with all rows of b, tile by tile.
/// Note [Threads and tiles]: the columns are shared out, each thread does all the work on its tiles by itself. Threads meet
/// once a stripe of rows, not at every operation, of which a tile has a dozen of less than a millisecond each.

#include "losses/detail/positives.hpp"
#include "losses/detail/product.hpp"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/ThreadLocalState.h>

#include <algorithm>
#include <vector>

namespace alloy::detail {

constexpr int64_t kTileRows = 256, kTileCols = 512;  // half a MB of floats, which stays in the cache of a core

inline at::ScalarType work_type(const Tensor& x) { return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat; }

/// a [N, D], b [M, D], and what belongs together.
struct Pairs {
  Tensor a, b;
  double scale;
  Positives positives;
  int64_t parts;  ///< shares of the columns, one a thread
  Pairs(const Tensor& a_in, const Tensor& b_in, const Tensor& scale_in, const PairTargets& targets);
  /// The columns of a share, in whole steps of 16 but for the last.
  std::pair<int64_t, int64_t> columns(int64_t part) const;
};

/// Some rows of a.
struct Stripe {
  int64_t i0, i1;
  Tensor a, x;  ///< [R, D] in the type of the work; x scaled
  int64_t rows() const { return i1 - i0; }
};

/// Products of a stripe with some rows of b.
struct Tile {
  int64_t part, i0, i1, j0, j1;
  Tensor b;       ///< [C, D]
  Tensor values;  ///< [R, C], contiguous
  int64_t rows() const { return i1 - i0; }
  int64_t cols() const { return j1 - j0; }
  /// Calls `f(T* values)` with the type of the tile.
  template <class F>
  void with_values(const F& f) {
    if (values.scalar_type() == at::kDouble) f(values.data_ptr<double>());
    else f(values.data_ptr<float>());
  }
};

/// Calls `f(part)` for each share, on a thread each, with the settings of this one (such as whether gradients are recorded).
template <class F>
void for_parts(int64_t parts, const F& f) {
  if (parts == 1) return f(int64_t{0});
  const at::ThreadLocalState settings;
  at::parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
    const at::ThreadLocalStateGuard same(settings);
    for (int64_t part = begin; part < end; ++part) f(part);
  });
}

/// For each stripe of rows: `begin(stripe)`, `work(stripe, tile)` for its tiles, those of different parts at the same time, those of
/// one part in the order of columns, and `end(stripe)`.
template <class Begin, class Work, class End>
void for_tiles(const Pairs& p, const Begin& begin, const Work& work, const End& end) {
  const auto type = work_type(p.a);
  for (int64_t i0 = 0; i0 < p.a.size(0); i0 += kTileRows) {
    const int64_t i1 = std::min(i0 + kTileRows, p.a.size(0));
    const Tensor a = p.a.slice(0, i0, i1).to(type);
    const Stripe stripe{i0, i1, a, a * p.scale};
    begin(stripe);
    for_parts(p.parts, [&](int64_t part) {
      const auto [first, last] = p.columns(part);
      for (int64_t j0 = first; j0 < last; j0 += kTileCols) {
        const int64_t j1 = std::min(j0 + kTileCols, last);
        const Tensor b = p.b.slice(0, j0, j1).to(type);
        Tile tile{part, i0, i1, j0, j1, b, product(stripe.x, b)};
        work(stripe, tile);
      }
    });
    end(stripe);
  }
}

/// The gradients by a, b and scale.
struct PairGradient {
  Tensor a, b;
  double scale = 0;
};

/// Note [bfloat16]: products S are computed in float for bfloat16 too: LibTorch's bfloat16 products are rounded to bfloat16,
/// which at scale 100 is wrong by up to 0.25, a factor of 1.28 after exp. The products of gradients bear that rounding, to half a per
/// cent of each term, and are summed over tiles in float.
/// @param differentiate  (tile): replaces the products by the gradients by them
template <class Differentiate>
PairGradient gradient_pass(const Pairs& p, const Differentiate& differentiate) {
  const auto type = work_type(p.a);
  const bool narrow = p.a.scalar_type() == at::kBFloat16 && multiplies_bfloat16();  // Note [bfloat16]
  PairGradient grad{at::empty(p.a.sizes(), p.a.options().dtype(type)), at::zeros(p.b.sizes(), p.b.options().dtype(type))};
  std::vector<Tensor> of_rows(static_cast<size_t>(p.parts));  // [R, D], gradient by the rows of a over scale
  for_tiles(
      p, [&](const Stripe&) { std::ranges::fill(of_rows, Tensor()); },
      [&](const Stripe& stripe, Tile& tile) {
        differentiate(tile);
        Tensor& rows = of_rows[static_cast<size_t>(tile.part)];
        const Tensor values = narrow ? tile.values.to(at::kBFloat16) : tile.values;
        const Tensor b = narrow ? p.b.slice(0, tile.j0, tile.j1) : tile.b, x = narrow ? p.a.slice(0, tile.i0, tile.i1) : stripe.x;
        const Tensor more = product(values, b.t());
        rows = rows.defined() ? rows.add_(more) : more.to(type);
        grad.b.slice(0, tile.j0, tile.j1).add_(product(values.t(), x.t()), narrow ? p.scale : 1.0);
      },
      [&](const Stripe& stripe) {
        Tensor rows = of_rows[0];
        for (size_t part = 1; part < of_rows.size(); ++part) rows.add_(of_rows[part]);
        grad.scale += at::dot(stripe.a.flatten(), rows.flatten()).item<double>();
        grad.a.slice(0, stripe.i0, stripe.i1).copy_(rows.mul_(p.scale));
      });
  return grad;
}

}  // namespace alloy::detail

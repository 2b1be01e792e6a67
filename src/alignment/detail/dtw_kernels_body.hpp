// SPDX-License-Identifier: Apache-2.0
// The kernels over the lanes that the including file has included. No include guard, no header of the standard library (see
// lanes_baseline.hpp), and everything has internal linkage.

namespace alloy::detail {
namespace {

// --- What a cell costs. `read(column)` finds the costs of R rows in a column, `add(r, base)` adds that of a row.

/// Of one number a step: a row's x stays in a register.
template <class L, int R, bool kSquared>
class CostOfOne {
  using T = typename L::Value;
  using Vec = typename L::Vec;

 public:
  CostOfOne(const T* x, const T* y, int64_t) : y_(y) {
    for (int r = 0; r < R; ++r) x_[r] = L::load(x + r * L::kCount);
  }
  void read(int64_t column) { at_ = L::load(y_ + column * L::kCount); }
  Vec add(int r, Vec base) const {
    const Vec d = L::sub(x_[r], at_);
    return kSquared ? L::fma(d, d, base) : L::add(L::abs(d), base);
  }

 private:
  const T* y_;
  Vec x_[R], at_;
};

/// Of several numbers a step.
template <class L, int R, bool kSquared>
class CostOfMany {
  using T = typename L::Value;
  using Vec = typename L::Vec;

 public:
  CostOfMany(const T* x, const T* y, int64_t width) : x_(x), y_(y), width_(width) {}
  void read(int64_t column) {
    for (int r = 0; r < R; ++r) sums_[r] = L::all(0);
    for (int64_t d = 0; d < width_; ++d) {
      const Vec y = L::load(y_ + (column * width_ + d) * L::kCount);
      for (int r = 0; r < R; ++r) {
        const Vec difference = L::sub(L::load(x_ + (r * width_ + d) * L::kCount), y);
        sums_[r] = L::fma(difference, difference, sums_[r]);
      }
    }
  }
  Vec add(int r, Vec base) const { return L::add(kSquared ? sums_[r] : L::sqrt(sums_[r]), base); }

 private:
  const T *x_, *y_;
  int64_t width_;
  Vec sums_[R];
};

// --- What a cell holds.

/// The least sum of costs of any path.
template <class L, class Cost>
class HardCells {
  using T = typename L::Value;

 public:
  using State = typename L::Vec;
  HardCells(const DtwRows<T>& p, Cost& cost) : above_(p.above), cost_(cost) {}
  State unreachable() const { return L::all(T(__builtin_inff())); }
  State load(int64_t column) const { return L::load(above_ + (column + 1) * L::kCount); }
  void store(int64_t column, State state) { L::store(above_ + (column + 1) * L::kCount, state); }
  State step(int r, int64_t, State up, State left, State across) { return cost_.add(r, L::min(up, L::min(left, across))); }
  void skip(int, int64_t) {}

 private:
  T* above_;
  Cost& cost_;
};

/// 2^f for |f| <= 1/2; error 8e-8 in float, 2e-16 in double (polynomials of least greatest error).
template <class L>
inline typename L::Vec power_of_two(typename L::Vec f) {
  using T = typename L::Value;
  constexpr T kFloat[] = {T(1.33908634e-3), T(9.67603192e-3), T(5.55035711e-2), T(2.40221075e-1), T(6.93147188e-1), T(1)};
  constexpr T kDouble[] = {T(7.0725859492692237e-9),
                           T(1.02086902999583058e-7),
                           T(1.32154422587921690e-6),
                           T(1.52526572602008371e-5),
                           T(1.54035304417360502e-4),
                           T(1.33335582301649740e-3),
                           T(9.61812910760688853e-3),
                           T(5.55041086644477192e-2),
                           T(2.40226506959100982e-1),
                           T(6.93147180559949983e-1),
                           T(1)};
  const T* k = sizeof(T) == 4 ? kFloat : kDouble;
  constexpr int kTerms = sizeof(T) == 4 ? 6 : 11;
  typename L::Vec p = L::all(k[0]);
  for (int i = 1; i < kTerms; ++i) p = L::fma(p, f, L::all(k[i]));
  return p;
}

/// The sum of exp(-cost / gamma) of all paths, m 2^e.
template <class L, class Cost, int R, bool kWeights>
class SoftCells {
  using T = typename L::Value;
  using Vec = typename L::Vec;

 public:
  struct State {
    Vec m, e;
  };
  SoftCells(const SoftDtwRows<T>& p, int64_t row, Cost& cost)
      : m_(p.rows.above),
        e_(p.above_exponent),
        weights_(kWeights ? p.weights + row * p.columns * 3 * L::kCount : nullptr),
        columns_(p.columns),
        per_cost_(L::all(p.per_cost)),
        cost_(cost) {}
  State unreachable() const { return {L::all(1), L::all(kUnreachable<T>)}; }
  State load(int64_t column) const { return {L::load(m_ + (column + 1) * L::kCount), L::load(e_ + (column + 1) * L::kCount)}; }
  void store(int64_t column, State state) {
    L::store(m_ + (column + 1) * L::kCount, state.m);
    L::store(e_ + (column + 1) * L::kCount, state.e);
  }
  State step(int r, int64_t column, State up, State left, State across) {
    const Vec z = L::mul(per_cost_, cost_.add(r, L::all(0))), n = L::round(z), factor = power_of_two<L>(L::sub(z, n));
    const Vec e = L::max(up.e, L::max(left.e, across.e));
    const Vec a = L::scale(up.m, L::sub(up.e, e)), b = L::scale(left.m, L::sub(left.e, e)), c = L::scale(across.m, L::sub(across.e, e));
    const Vec sum = L::add(a, L::add(b, c));
    if constexpr (kWeights) {
      const Vec inverse = L::div(L::all(1), sum);
      keep(r, column, L::mul(a, inverse), L::mul(b, inverse), L::mul(c, inverse));
    }
    const Vec m = L::mul(sum, factor);
    return {L::mantissa(m), L::add(L::add(e, n), L::exponent(m))};
  }
  void skip(int r, int64_t column) {
    if constexpr (kWeights) keep(r, column, L::all(0), L::all(0), L::all(0));
  }

 private:
  void keep(int r, int64_t column, Vec up, Vec left, Vec across) {
    T* at = weights_ + (r * columns_ + column) * 3 * L::kCount;
    L::store(at, up);
    L::store(at + L::kCount, left);
    L::store(at + 2 * L::kCount, across);
  }
  T *m_, *e_, *weights_;
  int64_t columns_;
  Vec per_cost_;
  Cost& cost_;
};

// --- The way through the table.

/// R rows at once, column by column, so that a column of the row above is read and written once for all of them, and each row can
/// be worked on while the one below waits for it. Where the band's edges differ between the rows, cells are checked one by one.
template <int R, class Cost, class Cells>
inline void sweep(const int64_t* first, const int64_t* last, Cost& cost, Cells& cells) {
  using State = typename Cells::State;
  State left[R];
  for (int r = 0; r < R; ++r) left[r] = cells.unreachable();
  const int64_t begin = first[0], end = last[R - 1] + 1;
  State corner = cells.load(begin - 1);  // above and to the left of the first row's cell
  cells.store(begin - 1, cells.unreachable());
  const auto column = [&](int64_t j, auto inside) {
    cost.read(j);
    const State top = cells.load(j);
    State up = top, across = corner;
    for (int r = 0; r < R; ++r) {
      State next;
      if (inside(r)) {
        next = cells.step(r, j, up, left[r], across);
      } else {
        next = cells.unreachable();
        cells.skip(r, j);
      }
      across = left[r];
      left[r] = up = next;
    }
    cells.store(j, up);
    corner = top;
  };
  const auto always = [](int) { return true; };
  int64_t j = begin;
  const auto checked = [&](int r) { return first[r] <= j && j <= last[r]; };
  const int64_t common = first[R - 1] < end ? first[R - 1] : end;
  for (; j < common; ++j) column(j, checked);
  for (; j <= last[0]; ++j) column(j, always);
  for (; j < end; ++j) column(j, checked);
}

template <class L, template <class, int, bool> class Cost, bool kSquared, int R>
inline int64_t hard_rows(const DtwRows<typename L::Value>& p, int64_t row) {
  for (; row + R <= p.rows; row += R) {
    Cost<L, R, kSquared> cost(p.x + row * p.width * L::kCount, p.y, p.width);
    HardCells<L, Cost<L, R, kSquared>> cells(p, cost);
    sweep<R>(p.first + row, p.last + row, cost, cells);
  }
  return row;
}

template <class L, template <class, int, bool> class Cost, bool kSquared>
inline void hard_with(const DtwRows<typename L::Value>& p) {
  int64_t row = hard_rows<L, Cost, kSquared, L::kRows>(p, 0);
  row = hard_rows<L, Cost, kSquared, L::kRows / 2>(p, row);
  hard_rows<L, Cost, kSquared, 1>(p, row);
}

template <class L, bool kSquared>
void hard_kernel(const DtwRows<typename L::Value>& p) {
  if (p.width == 1) hard_with<L, CostOfOne, kSquared>(p);
  else hard_with<L, CostOfMany, kSquared>(p);
}

template <class L, template <class, int, bool> class Cost, bool kWeights, int R>
inline int64_t soft_rows(const SoftDtwRows<typename L::Value>& p, int64_t row) {
  for (; row + R <= p.rows.rows; row += R) {
    Cost<L, R, true> cost(p.rows.x + row * p.rows.width * L::kCount, p.rows.y, p.rows.width);
    SoftCells<L, Cost<L, R, true>, R, kWeights> cells(p, row, cost);
    sweep<R>(p.rows.first + row, p.rows.last + row, cost, cells);
  }
  return row;
}

template <class L, template <class, int, bool> class Cost, bool kWeights>
inline void soft_with(const SoftDtwRows<typename L::Value>& p) {
  soft_rows<L, Cost, kWeights, 1>(p, soft_rows<L, Cost, kWeights, 4>(p, 0));
}

template <class L>
void soft_kernel(const SoftDtwRows<typename L::Value>& p) {
  if (p.rows.width == 1) p.weights ? soft_with<L, CostOfOne, true>(p) : soft_with<L, CostOfOne, false>(p);
  else p.weights ? soft_with<L, CostOfMany, true>(p) : soft_with<L, CostOfMany, false>(p);
}

/// E(i, j) = what reaches it from the row below + the share of E(i, j + 1); d/dx_i of a squared distance is 2 (x_i - y_j).
template <class L>
void soft_back_kernel(const SoftDtwBack<typename L::Value>& p) {
  using Vec = typename L::Vec;
  constexpr int64_t kL = L::kCount;
  for (int64_t i = p.rows - 1; i >= 0; --i) {
    Vec from_right = L::all(0), across = L::all(0);  // what column j + 1 sends to (i, j) and to (i - 1, j)
    for (int64_t j = p.last[i]; j >= p.first[i]; --j) {
      const auto* weights = p.weights + (i * p.columns + j) * 3 * kL;
      const Vec e = L::add(L::load(p.flow + (j + 1) * kL), from_right);
      L::store(p.flow + (j + 1) * kL, L::fma(e, L::load(weights), across));
      from_right = L::mul(e, L::load(weights + kL));
      across = L::mul(e, L::load(weights + 2 * kL));
      if (p.alignment) L::store(p.alignment + (i * p.columns + j) * kL, e);
      if (!p.grad_x) continue;
      const Vec twice = L::add(e, e);
      for (int64_t d = 0; d < p.width; ++d) {
        auto *gx = p.grad_x + (i * p.width + d) * kL, *gy = p.grad_y + (j * p.width + d) * kL;
        const Vec part = L::mul(twice, L::sub(L::load(p.x + (i * p.width + d) * kL), L::load(p.y + (j * p.width + d) * kL)));
        L::store(gx, L::add(L::load(gx), part));
        L::store(gy, L::sub(L::load(gy), part));
      }
    }
    L::store(p.flow + p.first[i] * kL, across);
  }
}

template <class L>
constexpr DtwKernelsOf<typename L::Value> kernels_of() {
  return {L::kCount, hard_kernel<L, true>, hard_kernel<L, false>, soft_kernel<L>, soft_back_kernel<L>};
}

}  // namespace

const DtwKernels ALLOY_KERNEL_TABLE = {ALLOY_KERNEL_NAME, kernels_of<FloatLanes>(), kernels_of<DoubleLanes>()};

}  // namespace alloy::detail

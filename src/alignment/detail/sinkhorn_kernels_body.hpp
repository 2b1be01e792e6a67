// SPDX-License-Identifier: Apache-2.0
// The kernels over two types `FloatLanes` and `DoubleLanes` that the including file defines: a few lanes with the operations
// used below. No include guard and nothing but our own code in here: an inline function of a standard header, compiled for
// AVX-512, may be the one that the linker keeps for every machine. Everything has internal linkage.

namespace alloy::detail {
namespace {

/// What 2^x needs to know of a type: a polynomial on |r| <= 1 / 2, where the normal numbers end.
template <class T>
struct PowerOf;
template <>
struct PowerOf<float> {
  static constexpr float kLeast = -126, kMost = 127.5F;
  static constexpr int kTerms = 7;
  /// Of the least relative error (Remez), 2e-8 with terms in float.
  static constexpr float term(int k) {
    constexpr float kTermsOf[] = {1.0F, 0.69314718F, 0.24022646F, 0.055503286F, 0.0096184891F, 0.0013399931F, 0.00015345812F};
    return kTermsOf[k];
  }
};
template <>
struct PowerOf<double> {
  static constexpr double kLeast = -1022, kMost = 1023.5;
  static constexpr int kTerms = 13;
  /// Of Taylor's series, (ln 2)^k / k!.
  static constexpr double term(int k) { return k == 0 ? 1 : term(k - 1) * 0.693147180559945309417 / k; }
};

template <class T>
struct Series {
  T values[16];
  constexpr Series() : values{} {
    for (int k = 0; k < PowerOf<T>::kTerms; ++k) values[k] = PowerOf<T>::term(k);
  }
};

/// 2^x, relative error about 1e-7 or 4e-16; 0 below kLeast, kept finite above kMost; NaN of NaN, since min and max of the lanes
/// give their second operand if either is NaN. In powers of two the remainder x - n is exact and costs one subtraction.
template <class L>
inline typename L::V power_of_two(typename L::V given) {
  using T = typename L::T;
  using C = PowerOf<T>;
  constexpr Series<T> kSeries;
  const auto x = L::min(L::all(C::kMost), L::max(L::all(C::kLeast - 1), given));
  const auto n = L::round(x);
  const auto r = L::sub(x, n);
  auto p = L::all(kSeries.values[C::kTerms - 1]);
  for (int k = C::kTerms - 2; k >= 0; --k) p = L::fma(p, r, L::all(kSeries.values[k]));
  return L::zero_below(L::times_power_of_two(p, n), x, L::all(C::kLeast));
}

/// The last lanes of a row, filled up with `rest`.
template <class L>
struct Padded {
  using T = typename L::T;
  T values[L::kLanes];
  Padded(const T* x, int64_t count, T rest) {
    for (int64_t i = 0; i < L::kLanes; ++i) values[i] = i < count ? x[i] : rest;
  }
  void store_to(T* x, int64_t count) const {
    for (int64_t i = 0; i < count; ++i) x[i] = values[i];
  }
};

template <class L>
struct Rows {
  using T = typename L::T;
  using V = typename L::V;
  /// Note [Reading ahead]: a matrix that no cache near the core holds comes too late by the processor's own prefetching: its rows are
  /// fetched a page ahead, or by the four that come next.
  static constexpr int64_t kAhead = 4096 / sizeof(T), kLine = 64 / sizeof(T);
  static bool starts_line(int64_t j) { return L::kLanes >= kLine || j % kLine == 0; }
  template <int locality>
  static void read_ahead(const T* x, int64_t count) {  // a number, since it may lie behind the end, where no pointer may
    __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(x) + static_cast<uintptr_t>(count) * sizeof(T)), 0, locality);
  }
  static constexpr T kFar = PowerOf<T>::kLeast * 4;  // 2 to it is 0

  static void dots(const T* rows, int64_t stride, int64_t count, const T* x, int64_t n, T* sums) {
    if (count != kSinkhornRows) {
      for (int64_t r = 0; r < count; ++r) sums[r] = dot(rows + r * stride, x, n);
      return;
    }
    const T *a = rows, *b = a + stride, *c = b + stride, *d = c + stride;
    V sa = L::all(0), sb = sa, sc = sa, sd = sa;
    int64_t j = 0;
    for (; j + L::kLanes <= n; j += L::kLanes) {
      const V v = L::load(x + j);
      if (starts_line(j))
        for (int64_t r = 0; r < kSinkhornRows; ++r) read_ahead<2>(a + j, (kSinkhornRows + r) * stride);
      sa = L::fma(L::load(a + j), v, sa);
      sb = L::fma(L::load(b + j), v, sb);
      sc = L::fma(L::load(c + j), v, sc);
      sd = L::fma(L::load(d + j), v, sd);
    }
    sums[0] = L::sum(sa), sums[1] = L::sum(sb), sums[2] = L::sum(sc), sums[3] = L::sum(sd);
    for (; j < n; ++j) sums[0] += a[j] * x[j], sums[1] += b[j] * x[j], sums[2] += c[j] * x[j], sums[3] += d[j] * x[j];
  }

  static T dot(const T* row, const T* x, int64_t n) {
    V s = L::all(0);
    int64_t j = 0;
    for (; j + L::kLanes <= n; j += L::kLanes) s = L::fma(L::load(row + j), L::load(x + j), s);
    T result = L::sum(s);
    for (; j < n; ++j) result += row[j] * x[j];
    return result;
  }

  static void add_rows(const T* rows, int64_t stride, int64_t count, const T* factors, T* y, int64_t n) {
    int64_t j = 0;
    if (count != kSinkhornRows) {
      for (int64_t r = 0; r < count; ++r) {
        const T* a = rows + r * stride;
        const V f = L::all(factors[r]);
        for (j = 0; j + L::kLanes <= n; j += L::kLanes) L::store(y + j, L::fma(f, L::load(a + j), L::load(y + j)));
        for (; j < n; ++j) y[j] += factors[r] * a[j];
      }
      return;
    }
    const T *a = rows, *b = a + stride, *c = b + stride, *d = c + stride;
    const V fa = L::all(factors[0]), fb = L::all(factors[1]), fc = L::all(factors[2]), fd = L::all(factors[3]);
    for (; j + L::kLanes <= n; j += L::kLanes) {
      const V left = L::fma(fa, L::load(a + j), L::load(y + j)), right = L::fma(fb, L::load(b + j), L::mul(fc, L::load(c + j)));
      L::store(y + j, L::add(left, L::fma(fd, L::load(d + j), right)));
    }
    for (; j < n; ++j) y[j] += factors[0] * a[j] + factors[1] * b[j] + factors[2] * c[j] + factors[3] * d[j];
  }

  static T scale_row(const T* k, const T* x, T factor, T* out, int64_t n) {
    const V f = L::all(factor);
    V s = L::all(0);
    int64_t j = 0;
    for (; j + L::kLanes <= n; j += L::kLanes) {
      const V v = L::mul(f, L::mul(L::load(k + j), L::load(x + j)));
      L::store(out + j, v);
      s = L::add(s, v);
    }
    T result = L::sum(s);
    for (; j < n; ++j) result += out[j] = factor * (k[j] * x[j]);
    return result;
  }

  static T exp_row(const T* c, const T* h, T scale, T shift, T* out, int64_t n) {
    const V minus = L::all(-scale), t = L::all(shift);
    V s = L::all(0);
    int64_t j = 0;
    for (; j + L::kLanes <= n; j += L::kLanes) {
      if (starts_line(j)) read_ahead<3>(c + j, kAhead);
      const V e = power_of_two<L>(L::fma(minus, L::load(c + j), L::add(t, L::load(h + j))));
      L::store(out + j, e);
      s = L::add(s, e);
    }
    if (j < n) {
      Padded<L> pc(c + j, n - j, 0), ph(h + j, n - j, kFar);
      const V e = power_of_two<L>(L::fma(minus, L::load(pc.values), L::add(t, L::load(ph.values))));
      L::store(pc.values, e);
      pc.store_to(out + j, n - j);
      for (int64_t i = n - j; i < L::kLanes; ++i) pc.values[i] = 0;  // a great shift would bring the filling back
      s = L::add(s, L::load(pc.values));
    }
    return L::sum(s);
  }

  static T softmax_row(const T* c, const T* h, T scale, T* out, int64_t n, T* sum) {
    const V minus = L::all(-scale);
    V most = L::all(-__builtin_inff());
    int64_t j = 0;
    for (; j + L::kLanes <= n; j += L::kLanes) {
      const V z = L::fma(minus, L::load(c + j), L::load(h + j));
      L::store(out + j, z);
      most = L::max(most, z);
    }
    T top = L::largest(most);
    for (; j < n; ++j) {
      out[j] = h[j] - scale * c[j];
      top = out[j] > top ? out[j] : top;
    }
    const V t = L::all(top);
    V s = L::all(0);
    for (j = 0; j + L::kLanes <= n; j += L::kLanes) {
      const V e = power_of_two<L>(L::sub(L::load(out + j), t));
      L::store(out + j, e);
      s = L::add(s, e);
    }
    if (j < n) {
      Padded<L> z(out + j, n - j, top + kFar);
      const V e = power_of_two<L>(L::sub(L::load(z.values), t));
      L::store(z.values, e);
      z.store_to(out + j, n - j);
      s = L::add(s, e);
    }
    *sum = L::sum(s);
    return top;
  }

  static void max_into(const T* c, T scale, T shift, T* most, int64_t n) {
    const V minus = L::all(-scale), t = L::all(shift);
    int64_t j = 0;
    for (; j + L::kLanes <= n; j += L::kLanes) L::store(most + j, L::max(L::load(most + j), L::fma(minus, L::load(c + j), t)));
    for (; j < n; ++j) {
      const T z = shift - scale * c[j];
      most[j] = z > most[j] ? z : most[j];
    }
  }

  static void exp_sum_into(const T* c, T scale, T shift, const T* most, T* sums, int64_t n) {
    const V minus = L::all(-scale), t = L::all(shift);
    const auto one = [&](const T* pc, const T* pm, const T* ps) {
      return L::add(L::load(ps), power_of_two<L>(L::sub(L::fma(minus, L::load(pc), t), L::load(pm))));
    };
    int64_t j = 0;
    for (; j + L::kLanes <= n; j += L::kLanes) L::store(sums + j, one(c + j, most + j, sums + j));
    if (j < n) {
      Padded<L> pc(c + j, n - j, 0), pm(most + j, n - j, 0), ps(sums + j, n - j, 0);
      L::store(ps.values, one(pc.values, pm.values, ps.values));
      ps.store_to(sums + j, n - j);
    }
  }

  static bool range(const T* c, int64_t n, T* least, T* most) {
    V low = L::all(__builtin_inff()), high = L::all(-__builtin_inff()), zeros = L::all(0);
    int64_t j = 0;
    for (; j + L::kLanes <= n; j += L::kLanes) {
      const V x = L::load(c + j);
      low = L::min(low, x), high = L::max(high, x);
      zeros = L::fma(x, L::all(0), zeros);  // stays 0 but for NaN and infinity
    }
    T bottom = -L::largest(L::sub(L::all(0), low)), top = L::largest(high), zero = L::sum(zeros);
    for (; j < n; ++j) {
      bottom = c[j] < bottom ? c[j] : bottom;
      top = c[j] > top ? c[j] : top;
      zero += c[j] * 0;
    }
    *least = bottom, *most = top;
    return zero == 0;
  }

  static constexpr SinkhornKernels<T> table(const char* name) {
    return {name, dots, add_rows, scale_row, exp_row, softmax_row, max_into, exp_sum_into, range};
  }
};

}  // namespace

const SinkhornKernels<float> ALLOY_KERNEL_FLOAT = Rows<FloatLanes>::table(ALLOY_KERNEL_NAME);
const SinkhornKernels<double> ALLOY_KERNEL_DOUBLE = Rows<DoubleLanes>::table(ALLOY_KERNEL_NAME);

}  // namespace alloy::detail

// SPDX-License-Identifier: Apache-2.0
// The kernels over a type `Vec` that the including file defines: a few lanes of float with the operations used below.
// No include guard and nothing but our own code in here: an inline function of a standard header, compiled for AVX-512, may
// be the one that the linker keeps for every machine. Everything has internal linkage.

namespace alloy::detail {
namespace {

/// exp for x <= 88: 2^n times a polynomial of degree 6 on |r| <= ln(2) / 2 (relative error 1e-7); 0 below -87.3; NaN of NaN,
/// since every max_of here gives its second operand if either is NaN.
inline Vec exp_of(Vec x) {
  x = max_of(all(-104.0F), x);
  const Vec n = round_of(mul(x, all(1.44269504088896F)));
  const Vec r = fma_of(n, all(1.42860682030941723e-6F), fma_of(n, all(-0.693148612976074F), x));  // Cody-Waite: ln 2 in two parts
  Vec p = all(1.0F / 720);
  p = fma_of(p, r, all(1.0F / 120));
  p = fma_of(p, r, all(1.0F / 24));
  p = fma_of(p, r, all(1.0F / 6));
  p = fma_of(p, r, all(0.5F));
  p = fma_of(p, r, all(1.0F));
  p = fma_of(p, r, all(1.0F));
  return zero_below(times_power_of_two(p, n), x, all(-87.3F));
}

/// log(1 + e) for 0 <= e <= 1, to 1e-7 relative for tiny e too: 2 artanh(e / (2 + e)).
inline Vec log1p_of(Vec e) {
  const Vec t = div(e, add(e, all(2.0F))), t2 = mul(t, t);
  Vec p = all(2.0F / 13);
  p = fma_of(p, t2, all(2.0F / 11));
  p = fma_of(p, t2, all(2.0F / 9));
  p = fma_of(p, t2, all(2.0F / 7));
  p = fma_of(p, t2, all(2.0F / 5));
  p = fma_of(p, t2, all(2.0F / 3));
  p = fma_of(p, t2, all(2.0F));
  return mul(p, t);
}

float max_kernel(const float* x, int64_t n) {
  Vec most = all(-__builtin_inff());
  int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes) most = max_of(most, load(x + j));
  float result = largest(most);
  for (; j < n; ++j) result = x[j] > result ? x[j] : result;
  return result;
}

/// Calls body(j) for whole vectors and, through a padded copy, for the rest: `tail` lanes of kLanes count.
template <class Body, class Tail>
inline void blocks(int64_t n, const Body& body, const Tail& tail) {
  int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes) body(j);
  if (j < n) tail(j, n - j);
}

struct Padded {
  float values[kLanes];
  Padded(const float* x, int64_t count, float rest) {
    for (int64_t i = 0; i < kLanes; ++i) values[i] = i < count ? x[i] : rest;
  }
  void store_to(float* x, int64_t count) const {
    for (int64_t i = 0; i < count; ++i) x[i] = values[i];
  }
};

float exp_sum_kernel(const float* x, int64_t n, float shift) {
  Vec sum = all(0.0F);
  const Vec s = all(shift);
  blocks(
      n, [&](int64_t j) { sum = add(sum, exp_of(sub(load(x + j), s))); },
      [&](int64_t j, int64_t rest) { sum = add(sum, exp_of(sub(load(Padded(x + j, rest, -__builtin_inff()).values), s))); });
  return sum_of(sum);
}

void max_into_kernel(const float* x, float* most, int64_t n) {
  blocks(
      n, [&](int64_t j) { store(most + j, max_of(load(most + j), load(x + j))); },
      [&](int64_t j, int64_t rest) {
        for (int64_t i = j; i < j + rest; ++i) most[i] = x[i] > most[i] ? x[i] : most[i];
      });
}

void exp_sum_into_kernel(const float* x, const float* shifts, float* sums, int64_t n) {
  blocks(
      n, [&](int64_t j) { store(sums + j, add(load(sums + j), exp_of(sub(load(x + j), load(shifts + j))))); },
      [&](int64_t j, int64_t rest) {
        Padded px(x + j, rest, 0), ps(shifts + j, rest, 0), out(sums + j, rest, 0);
        store(out.values, add(load(out.values), exp_of(sub(load(px.values), load(ps.values)))));
        out.store_to(sums + j, rest);
      });
}

void softmax_gradient_kernel(float* x, float g, float shift, const float* h, const float* shifts, int64_t n) {
  const Vec vg = all(g), vs = all(shift);
  const auto one = [&](Vec value, Vec hj, Vec sj) { return fma_of(vg, exp_of(sub(value, vs)), mul(hj, exp_of(sub(value, sj)))); };
  blocks(
      n, [&](int64_t j) { store(x + j, one(load(x + j), load(h + j), load(shifts + j))); },
      [&](int64_t j, int64_t rest) {
        Padded px(x + j, rest, 0), ph(h + j, rest, 0), ps(shifts + j, rest, 0);
        store(px.values, one(load(px.values), load(ph.values), load(ps.values)));
        px.store_to(x + j, rest);
      });
}

float softplus_gradient_kernel(float* x, float bias, float v, const float* w, int64_t n) {
  Vec sum = all(0.0F);
  const auto one = [&](Vec value, Vec weight) {
    const Vec z = add(value, all(bias)), e = exp_of(sub(all(0.0F), abs_of(z)));      // exp(-|z|)
    const Vec u = div(all(1.0F), add(all(1.0F), e));                                  // sigmoid(|z|)
    sum = fma_of(weight, add(max_of(all(0.0F), z), log1p_of(e)), sum);
    return mul(weight, select_positive(z, u, mul(e, u)));
  };
  blocks(
      n, [&](int64_t j) { store(x + j, one(load(x + j), add(all(v), load(w + j)))); },
      [&](int64_t j, int64_t rest) {
        Padded px(x + j, rest, 0), pw(w + j, rest, -v);
        store(px.values, one(load(px.values), add(all(v), load(pw.values))));
        px.store_to(x + j, rest);
      });
  return sum_of(sum);
}

}  // namespace

const PairKernels ALLOY_KERNEL_TABLE = {ALLOY_KERNEL_NAME,      max_kernel,           exp_sum_kernel, max_into_kernel,
                                        exp_sum_into_kernel, softmax_gradient_kernel, softplus_gradient_kernel};

}  // namespace alloy::detail

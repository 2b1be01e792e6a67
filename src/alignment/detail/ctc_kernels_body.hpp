// SPDX-License-Identifier: Apache-2.0
// The kernel over a type `Vec` that the including file defines: kLanes doubles with the operations used below, and `Bits`, an integer
// of 4 kLanes bits. No include guard and nothing but our own code in here: an inline function of a standard header, compiled for
// AVX-512, may be the one that the linker keeps for every machine. Everything has internal linkage.

namespace alloy::detail {
namespace {

constexpr int64_t kRegisters = 4, kWidth = kRegisters * kLanes;
static_assert(kCtcGroup % kWidth == 0 && kCtcFrames % kLanes == 0 && sizeof(Bits) * 8 == kWidth);

/// One frame of kWidth tokens, whose scores are in registers.
/// @param left  scores of the tokens before them, of which the last lane counts
template <bool kTrace>
inline void advance_frame(Vec (&tokens)[kRegisters], Vec (&blanks)[kRegisters], const Vec (&skips)[kRegisters], Vec left, const double* emissions, double blank_emission,
                          Bits (&from)[3]) {
  const Vec blank = all(blank_emission);
#pragma GCC unroll 4
  for (int r = 0; r < kRegisters; ++r) {
    const Vec before = shift_in(left, tokens[r]);  // lane k: token k - 1
    left = tokens[r];
    const Vec skipped = add(before, skips[r]), stayed = max_of(tokens[r], blanks[r]);
    if constexpr (kTrace) {
      from[0] = static_cast<Bits>(from[0] | greater(before, blanks[r]) << r * kLanes);
      from[1] = static_cast<Bits>(from[1] | greater(blanks[r], tokens[r]) << r * kLanes);
      from[2] = static_cast<Bits>(from[2] | greater(skipped, stayed) << r * kLanes);
    }
    tokens[r] = add(max_of(skipped, stayed), load(emissions + r * kLanes));
    blanks[r] = add(max_of(before, blanks[r]), blank);
  }
}

// Note [Tiles of the trellis]: kWidth tokens go through all frames of the call in registers, then the next kWidth. What they need of
// their left neighbours, one score before each frame, is kept in `borders`. Emissions are wanted for kWidth tokens of a frame side by side,
// but lie for kCtcFrames frames of a token side by side: small transpositions in registers are several times faster than fetching each.
template <bool kTrace>
inline void advance_tokens(const CtcAdvance& work) {
  alignas(64) double borders[kCtcFrames * kLanes];
  alignas(64) double emissions[kCtcFrames * kWidth];
  for (double& border : borders) border = -__builtin_inf();
  for (int64_t i = 0; i < work.n; i += kWidth) {
    for (int64_t f = 0; f < kCtcFrames; f += kLanes)
      for (int64_t k = 0; k < kWidth; k += kLanes) transpose(work.emissions + f, work.rows + i + k, emissions + f * kWidth + k);
    Vec tokens[kRegisters], blanks[kRegisters], skips[kRegisters];
#pragma GCC unroll 4
    for (int r = 0; r < kRegisters; ++r) {
      tokens[r] = load(work.token_scores + i + r * kLanes);
      blanks[r] = load(work.blank_scores + i + r * kLanes);
      skips[r] = load(work.skips + i + r * kLanes);
    }
    for (int64_t f = 0; f < work.frames; ++f) {
      const Vec left = load(borders + f * kLanes);
      store(borders + f * kLanes, tokens[kRegisters - 1]);
      Bits from[3] = {0, 0, 0};
      advance_frame<kTrace>(tokens, blanks, skips, left, emissions + f * kWidth, work.blank_emissions[f], from);
      if constexpr (kTrace)
        for (int64_t kind = 0; kind < 3; ++kind) __builtin_memcpy(work.from + ((f * 3 + kind) * work.n + i) / 8, &from[kind], sizeof(Bits));
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRegisters; ++r) {
      store(work.token_scores + i + r * kLanes, tokens[r]);
      store(work.blank_scores + i + r * kLanes, blanks[r]);
    }
  }
}

void advance_kernel(const CtcAdvance& work) {
  if (work.from == nullptr) advance_tokens<false>(work);
  else advance_tokens<true>(work);
}

}  // namespace

const CtcKernels ALLOY_KERNEL_TABLE = {ALLOY_KERNEL_NAME, advance_kernel};

}  // namespace alloy::detail

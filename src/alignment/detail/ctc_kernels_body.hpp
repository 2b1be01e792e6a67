// SPDX-License-Identifier: Apache-2.0
// The kernel over a type `Vec` that the including file defines: kLanes doubles with the operations used below, its `Mask`, and `Bits`, an
// integer of 4 kLanes bits. No include guard and nothing but our own code in here: an inline function of a standard header, compiled for
// AVX-512, may be the one that the linker keeps for every machine. Everything has internal linkage.

namespace alloy::detail {
namespace {

constexpr int64_t kRegisters = 4, kWidth = kRegisters * kLanes, kPieces = kWidth / kLanes * (kCtcFrames / kLanes);
static_assert(kCtcGroup % kWidth == 0 && kCtcFrames % kLanes == 0 && kPieces % (kCtcFrames / 2) == 0 && sizeof(Bits) * 8 == kWidth);

/// kWidth tokens, in registers from frame to frame.
struct Tokens {
  Vec tokens[kRegisters], blanks[kRegisters];
  Mask skips[kRegisters];
};

/// @param left  scores of the tokens before these, of which the last lane counts
template <bool kTrace>
inline void advance_frame(Tokens& s, Vec left, const double* emissions, double blank_emission, Bits (&from)[3]) {
  const Vec blank = all(blank_emission);
#pragma GCC unroll 4
  for (int r = 0; r < kRegisters; ++r) {
    const Vec token = s.tokens[r], before = shift_in(left, token);  // lane k of before: token k - 1
    left = token;
    const Vec into_blank = max_of(before, s.blanks[r]);
    if constexpr (kTrace) {
      from[0] = static_cast<Bits>(from[0] | greater(before, s.blanks[r]) << r * kLanes);
      from[1] = static_cast<Bits>(from[1] | greater(s.blanks[r], token) << r * kLanes);
      from[2] = static_cast<Bits>(from[2] | greater(select(s.skips[r], before, all(-__builtin_inf())), max_of(token, s.blanks[r])) << r * kLanes);
    }
    s.tokens[r] = add(max_of(token, select(s.skips[r], into_blank, s.blanks[r])), load(emissions + r * kLanes));
    s.blanks[r] = add(into_blank, blank);
  }
}

// Note [Tiles of the trellis]: kWidth tokens go through all frames of the call in registers, then the next kWidth. What they need of
// their left neighbours, one score before each frame, is kept in `borders`. Emissions are wanted for kWidth tokens of a frame side by side,
// but lie for kCtcFrames frames of a token side by side: small transpositions in registers are several times faster than fetching each.
// Those of the next kWidth tokens are done between the frames of these, which have to wait for each other.
template <bool kTrace>
inline void advance_tokens(const CtcAdvance& work) {
  alignas(64) double borders[kCtcFrames * kLanes];
  alignas(64) double emissions[2][kCtcFrames * kWidth];
  for (double& border : borders) border = -__builtin_inf();
  const auto fetch = [&](int64_t i, int64_t piece, double* out) {
    const int64_t f = piece / kRegisters * kLanes, k = piece % kRegisters * kLanes;
    transpose(work.emissions + f, work.rows + i + k, out + f * kWidth + k);
  };
  for (int64_t piece = 0; piece < kPieces; ++piece) fetch(0, piece, emissions[0]);
  for (int64_t i = 0; i < work.n; i += kWidth) {
    const double* now = emissions[i / kWidth % 2];
    double* later = emissions[(i / kWidth + 1) % 2];
    const int64_t next = i + kWidth < work.n ? i + kWidth : i;
    Tokens s;
#pragma GCC unroll 4
    for (int r = 0; r < kRegisters; ++r) {
      s.tokens[r] = load(work.token_scores + i + r * kLanes);
      s.blanks[r] = load(work.blank_scores + i + r * kLanes);
      s.skips[r] = is_zero(load(work.skips + i + r * kLanes));
    }
    const auto step = [&](int64_t f) {
      const Vec left = load(borders + f * kLanes);
      store(borders + f * kLanes, s.tokens[kRegisters - 1]);
      Bits from[3] = {0, 0, 0};
      advance_frame<kTrace>(s, left, now + f * kWidth, work.blank_emissions[f], from);
      if constexpr (kTrace)
        for (int64_t kind = 0; kind < 3; ++kind) __builtin_memcpy(work.from + ((f * 3 + kind) * work.n + i) / 8, &from[kind], sizeof(Bits));
    };
    constexpr int64_t kFewPieces = kPieces / (kCtcFrames / 2);
    for (int64_t f = 0; f < kCtcFrames; f += 2) {
#pragma GCC unroll 4
      for (int64_t piece = 0; piece < kFewPieces; ++piece) fetch(next, f / 2 * kFewPieces + piece, later);
      if (f < work.frames) step(f);
      if (f + 1 < work.frames) step(f + 1);
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRegisters; ++r) {
      store(work.token_scores + i + r * kLanes, s.tokens[r]);
      store(work.blank_scores + i + r * kLanes, s.blanks[r]);
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

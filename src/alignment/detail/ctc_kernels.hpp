// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The step of the search for the best CTC path from frame to frame, compiled for AVX-512, AVX2 and any machine. It has additions and
/// comparisons alone, in a fixed order, so all three give the same bits.

#include <cstdint>

namespace alloy::detail {

/// Frames that one call takes, and the number of tokens that a call works on is a multiple of.
constexpr int64_t kCtcFrames = 16, kCtcGroup = 32;

/// State 2 i is the blank before token i, state 2 i + 1 is token i. What is known before the first of the frames is replaced by what is
/// known after the last. The token before the first one here counts as impossible.
struct CtcAdvance {
  double* blank_scores;           ///< [n], best score of a path that ends in the blank before token i
  double* token_scores;           ///< [n], best score of a path that ends in token i
  const double* skips;            ///< [n], 0 where token i may follow token i - 1 without a blank between, else -inf
  const int32_t* rows;            ///< [n], which row of `emissions` token i has
  int64_t n;                      ///< a multiple of kCtcGroup
  const double* emissions;        ///< [rows][kCtcFrames], log-probability of each distinct token in each frame
  const double* blank_emissions;  ///< [kCtcFrames]
  int64_t frames;                 ///< 1..kCtcFrames
  /// [frames][3][n / 8] bits, or null. Set where the blank before token i is best reached from token i - 1; where token i is better
  /// reached from its blank than from itself; where it is best reached from token i - 1. Of equals the state itself is best, then the blank.
  uint8_t* from;
};

struct CtcKernels {
  const char* name;
  void (*advance)(const CtcAdvance& work);
};

extern const CtcKernels kCtcKernelsBaseline;
#if defined(__x86_64__)
extern const CtcKernels kCtcKernelsAvx2, kCtcKernelsAvx512;
#endif

/// The fastest that this machine runs.
const CtcKernels& ctc_kernels();

}  // namespace alloy::detail

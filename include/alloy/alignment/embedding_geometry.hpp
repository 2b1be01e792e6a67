// SPDX-License-Identifier: Apache-2.0
#pragma once

/// How embeddings lie on the unit sphere: the gap between two modalities, how near partners are, how evenly all are spread.
/// Rows are brought to unit length first, so that the figures are those of the papers. Computed in double on the CPU,
/// without gradients.

#include <alloy/core/tensor.hpp>

namespace alloy {

/// Distance between the means of two modalities, 0..2 (Liang et al. 2022, "Mind the Gap", section 2).
/// @param first, second  [N, D] and [M, D], no zero rows
/// @throws ShapeError if they do not fit; DataError without rows, and naming a row that is zero or not finite
ALLOY_API double modality_gap(const Tensor& first, const Tensor& second);

/// Mean of |a_i - b_i|^exponent over partners, 0 = all coincide; 0..4 with exponent 2 (Wang & Isola 2020, eq. 3).
/// @param first, second  [N, D]: row i of one belongs to row i of the other
/// @throws as modality_gap; ConfigError unless exponent > 0
ALLOY_API double alignment(const Tensor& first, const Tensor& second, double exponent = 2);

/// log of the mean of exp(-t |x_i - x_j|^2) over all pairs i < j: 0 = all coincide, the lower the more evenly spread
/// (Wang & Isola 2020, eq. 5). Takes N^2 D steps and N 256 numbers of memory.
/// @param rows  [N, D], N >= 2 @throws as modality_gap; ConfigError unless t > 0
ALLOY_API double uniformity(const Tensor& rows, double t = 2);

/// The figures above of two modalities whose rows are partners, beside how near partners are and all others.
struct AlignmentUniformity {
  int64_t pairs = 0, dim = 0;
  double alignment = 0;                                ///< exponent 2
  double first_uniformity = 0, second_uniformity = 0;
  double modality_gap = 0;
  double partner_cosine = 0, other_cosine = 0;         ///< means over pairs and over all that are no pairs
};
/// @param first, second  [N, D], N >= 2: row i of one belongs to row i of the other @throws as the functions above
ALLOY_API AlignmentUniformity alignment_uniformity(const Tensor& first, const Tensor& second, double t = 2);
/// A table for a person, a line a figure with what it means.
ALLOY_API std::string to_text(const AlignmentUniformity& report, std::string_view first = "first", std::string_view second = "second");

struct PrincipalComponents {
  Tensor points;          ///< [N, count] double, centred; the greatest coordinate of a component is positive
  Tensor variance_share;  ///< [count] double, 0..1 of the total variance; 0 where there is none
};
/// The directions of greatest variance and the rows' coordinates there; no unit length. Components beyond the rank are zero.
/// Takes min(N, D)^3 steps.
/// @param rows  [N, D] finite @throws ShapeError, DataError as above; ConfigError unless count > 0
ALLOY_API PrincipalComponents principal_components(const Tensor& rows, int64_t count = 2);

}  // namespace alloy

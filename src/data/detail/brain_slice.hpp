// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The pictures of data/brain_notes.hpp: slices through warped volumes, and lesions drawn on them.

#include <alloy/data/brain_notes.hpp>

namespace alloy::detail {

struct CutSlice {
  Tensor image;   ///< float [H, W]
  Tensor places;  ///< uint8 [H, W]
};
/// A slice at the height z_mm of the template, moved and warped by `random`, without contrast, bias and noise.
CutSlice cut_slice(const BrainVolumes& volumes, const BrainCaseOptions& options, double z_mm, Random& random);

/// Draws a lesion about a pixel into the slice. @return where it is: bool [H, W]
Tensor draw_lesion(Tensor& image, LesionKind kind, double row, double column, double radius_mm, double pixel_mm, Random& random);
/// A radius that is usual for the kind.
double lesion_radius_mm(LesionKind kind, Random& random);

/// Contrast, bias field and noise; the air about the head stays dark.
void expose(Tensor& image, const BrainCaseOptions& options, Random& random);

}  // namespace alloy::detail

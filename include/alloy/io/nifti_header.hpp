// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What a NIfTI-1 file says about its volume (Cox et al. 2004, "A (sort of) new image data format standard: NIfTI-1"):
/// sizes, type of the values, and where in the head each voxel lies. No LibTorch here.

#include <alloy/core/export.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace alloy {

enum class NiftiType { uint8, int8, int16, uint16, int32, uint32, int64, uint64, float32, float64 };

/// Where the affine came from: the scanner's or an aligned frame (sform before qform), or nowhere. Without a placement
/// the affine only scales: which side is left is then unknown.
enum class NiftiPlacement { none, qform, sform };

/// A point or a direction in millimetres: x to the patient's right, y to the front, z to the top ("RAS+").
using Point3 = std::array<double, 3>;

/// A value.
struct NiftiHeader {
  bool big_endian = false;
  NiftiType type = NiftiType::uint8;
  std::vector<int64_t> shape;  ///< 1 to 7 sizes, each >= 1; the first axis is the fastest in the file
  NiftiPlacement placement = NiftiPlacement::none;
  std::array<double, 12> affine{};  ///< 3 rows of 4: voxel index (i, j, k, 1) to millimetres
  Point3 voxel_mm{};                ///< lengths of the affine's columns
  double slope = 1, intercept = 0;  ///< value = slope * stored + intercept; 1 and 0 where the file has no scaling
  uint64_t data_offset = 0;         ///< where the values start, in bytes of the unpacked file
  uint64_t data_bytes = 0;
  std::string description;  ///< `descrip`, at most 80 bytes, without control characters

  ALLOY_API Point3 to_mm(const Point3& voxel) const;
  /// The voxel index of a point, not rounded.
  ALLOY_API Point3 to_voxel(const Point3& mm) const;
};

inline constexpr size_t kNiftiHeaderBytes = 348;
/// Bytes of a stored value.
ALLOY_API uint64_t nifti_item_bytes(NiftiType type);

/// Lengths are in millimetres whatever unit the file counts in (unknown = mm). A slope of 0, or one that is not finite, means
/// no scaling, as the reference readers take it.
/// @param bytes  the first 348 of the file @param where  what they are (a file name), for messages
/// @throws DataError for another format (NIfTI-2, pairs of .hdr and .img, Analyze), a type of the values that is not in
///         NiftiType, sizes below 1 or of more than 2^63 bytes together, bits that disagree with the type, an offset within the
///         header, an affine that is not finite or flattens space
ALLOY_API NiftiHeader parse_nifti_header(std::span<const std::byte> bytes, std::string_view where);

/// Checks the chain of extensions between header and values, whose content alloy does not read.
/// @param bytes  from byte 348 to the values, at least 4
/// @throws DataError for an extension that ends outside
ALLOY_API void check_nifti_extensions(std::span<const std::byte> bytes, const NiftiHeader& header, std::string_view where);

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Volumes of NIfTI-1 files (`.nii`, `.nii.gz`): MRI and CT scans, atlases of labels. For reading images into models: this is no
/// medical device, and a file's own word on what is left is all that there is.

#include <alloy/core/tensor.hpp>
#include <alloy/io/nifti_header.hpp>

#include <filesystem>

namespace alloy {

enum class NiftiScaling {
  apply,   ///< slope * stored + intercept as float (double for stored doubles); as stored where the file has no scaling
  ignore,  ///< as stored
};

struct NiftiOptions {
  NiftiScaling scaling = NiftiScaling::apply;
  uint64_t max_bytes = uint64_t{1} << 30;  ///< of the values as stored; header and extensions take 64 MiB at most
};

/// A value.
struct NiftiVolume {
  NiftiHeader header;
  Tensor values;  ///< [I, J, K, ...], axes as in the header; strided as the file is, the first axis the fastest
};

/// Reads header and values; gzip is told by the content. Values that are not finite are kept.
/// @throws DataError for a file that is damaged, cut, of another format, holds more than its header says, or is over the
///         limit; IoError if it cannot be read
ALLOY_API NiftiVolume read_nifti(const std::filesystem::path& path, const NiftiOptions& options = {});

}  // namespace alloy

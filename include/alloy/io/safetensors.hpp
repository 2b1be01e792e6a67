// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Named tensors to and from safetensors files, the format that published weights come in. Files are taken as untrusted.

#include <alloy/core/options.hpp>
#include <alloy/core/tensor.hpp>
#include <alloy/io/safetensors_header.hpp>

#include <array>

namespace alloy {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// What to do about NaN and infinite values in a file of weights.
enum class NonFinite { warn, reject, allow };
constexpr auto enum_names(NonFinite) {
  return std::to_array<std::pair<NonFinite, std::string_view>>(
      {{NonFinite::warn, "warn"}, {NonFinite::reject, "reject"}, {NonFinite::allow, "allow"}});
}

struct SafetensorsOptions {
  NonFinite non_finite = NonFinite::warn;
  int64_t max_bytes = int64_t{64} << 30;
  static void describe(auto& self, auto&& field) {
    field("non_finite", self.non_finite, "on NaN or infinite values: log a warning that names the tensors, reject, or allow");
    field("max_bytes", self.max_bytes, "limit of the tensors' bytes together, 64 GiB by default");
  }
};

/// All tensors, on the CPU, each in memory of its own, in the order of the header.
/// Dtypes: F64 F32 F16 BF16 F8_E4M3 F8_E5M2 C64 I64 I32 I16 I8 U64 U32 U16 U8 BOOL.
/// @throws DataError for a file that is damaged, has another dtype or is over a limit; IoError if it cannot be read
ALLOY_API NamedTensors load_safetensors(const std::filesystem::path& path, const SafetensorsOptions& options = {});

/// Writes a file that survives a crash (see `write_file`). The same tensors give the same bytes: sorted by dtype, widest
/// first, then by name, as Python's package does. Tensors on other devices are copied, views are made contiguous.
/// @throws DataError for a repeated or unusable name or an unsupported dtype; IoError
ALLOY_API void save_safetensors(const std::filesystem::path& path, const NamedTensors& tensors, const SafetensorsMetadata& metadata = {});

}  // namespace alloy

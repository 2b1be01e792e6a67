// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Names of dtypes in safetensors files and in LibTorch.

#include <alloy/core/tensor.hpp>

#include <array>
#include <optional>

namespace alloy::detail {

inline constexpr auto kSafetensorsDtypes = std::to_array<std::pair<std::string_view, at::ScalarType>>(
    {{"F32", at::kFloat}, {"F16", at::kHalf}, {"BF16", at::kBFloat16}, {"F64", at::kDouble}, {"I64", at::kLong},
     {"I32", at::kInt}, {"I16", at::kShort}, {"I8", at::kChar}, {"U8", at::kByte}, {"BOOL", at::kBool},
     {"U16", at::kUInt16}, {"U32", at::kUInt32}, {"U64", at::kUInt64}, {"C64", at::kComplexFloat},
     {"F8_E4M3", at::kFloat8_e4m3fn}, {"F8_E5M2", at::kFloat8_e5m2}});

inline std::optional<at::ScalarType> scalar_type_of(std::string_view dtype) {
  for (const auto& [name, type] : kSafetensorsDtypes)
    if (name == dtype) return type;
  return std::nullopt;
}
inline std::string_view safetensors_dtype_of(at::ScalarType type) {
  for (const auto& [name, candidate] : kSafetensorsDtypes)
    if (candidate == type) return name;
  return {};
}

}  // namespace alloy::detail

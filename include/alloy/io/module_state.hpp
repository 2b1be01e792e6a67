// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The state of a module (parameters and buffers, by name) to a safetensors file and back. Loading is strict unless told
/// otherwise: what fits is checked for the whole module before the first value is changed.

#include <alloy/io/safetensors.hpp>
#include <torch/nn/module.h>

namespace alloy {

enum class OnMissing { reject, keep };
enum class OnUnexpected { reject, ignore };
enum class OnDtype { reject, convert };
constexpr auto enum_names(OnMissing) {
  return std::to_array<std::pair<OnMissing, std::string_view>>({{OnMissing::reject, "reject"}, {OnMissing::keep, "keep"}});
}
constexpr auto enum_names(OnUnexpected) {
  return std::to_array<std::pair<OnUnexpected, std::string_view>>({{OnUnexpected::reject, "reject"}, {OnUnexpected::ignore, "ignore"}});
}
constexpr auto enum_names(OnDtype) {
  return std::to_array<std::pair<OnDtype, std::string_view>>({{OnDtype::reject, "reject"}, {OnDtype::convert, "convert"}});
}

struct LoadOptions {
  OnMissing missing = OnMissing::reject;
  OnUnexpected unexpected = OnUnexpected::reject;
  OnDtype dtype = OnDtype::reject;
  NonFinite non_finite = NonFinite::warn;
  static void describe(auto& self, auto&& field) {
    field("missing", self.missing, "tensors that the module has and the file has not: reject, or keep the module's values");
    field("unexpected", self.unexpected, "tensors that the file has and the module has not: reject or ignore");
    field("dtype", self.dtype, "another dtype in the file: reject, or convert to the module's where that keeps the kind of number");
    field("non_finite", self.non_finite, "on NaN or infinite values in the file: warn, reject or allow");
  }
};

/// Parameters, then buffers, under the names of LibTorch (`layers.0.weight`). They share memory with the module.
ALLOY_API NamedTensors module_state(const torch::nn::Module& module);

/// Copies tensors into the module, on whatever device it is.
/// @param where  what the tensors are (a file name), for messages
/// @throws DataError that lists every difference, with both shapes and dtypes; the module is then untouched
ALLOY_API void load_state(torch::nn::Module& module, const NamedTensors& state, const LoadOptions& options = {},
                          std::string_view where = "load_state");

ALLOY_API void save_module(const std::filesystem::path& path, const torch::nn::Module& module, const SafetensorsMetadata& metadata = {});
/// As load_state; the header of the file is compared before any tensor is read.
/// @throws DataError, also for a damaged file; IoError if it cannot be read
ALLOY_API void load_module(const std::filesystem::path& path, torch::nn::Module& module, const LoadOptions& options = {});

}  // namespace alloy

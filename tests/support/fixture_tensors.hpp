// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Tensors of a fixture in safetensors form, by name.

#include <alloy/io/safetensors.hpp>

#include <stdexcept>
#include <string>

namespace alloy_test {

inline at::Tensor fixture_tensor(const std::string& file, const std::string& name) {
  for (const auto& [key, tensor] : alloy::load_safetensors(fixture(file)))
    if (key == name) return tensor;
  throw std::runtime_error(file + " has no tensor " + name);
}

}  // namespace alloy_test

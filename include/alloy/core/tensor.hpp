// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The gateway to LibTorch for headers that only pass tensors: the light include, dtype and shape in messages, and
/// checks that name what was expected.

#include <ATen/core/Tensor.h>
#include <alloy/core/check.hpp>

namespace alloy {

using at::Tensor;

template <>
struct ALLOY_API MessageText<at::ScalarType> {
  static std::string of(at::ScalarType dtype);
};
template <>
struct ALLOY_API MessageText<at::Device> {
  static std::string of(const at::Device& device);
};
/// `float32 [2, 3] on cpu`, or `an undefined tensor`.
template <>
struct ALLOY_API MessageText<at::Tensor> {
  static std::string of(const at::Tensor& tensor);
};

/// Checks rank and sizes; -1 stands for any size.
/// @throws ShapeError `[where] expected <what> of shape [B, 3] ..., got ...`
ALLOY_API void check_shape(const Tensor& tensor, std::initializer_list<int64_t> shape, std::string_view where,
                           std::string_view what);
/// @throws ShapeError unless the dtype is a floating-point one
ALLOY_API void check_floating(const Tensor& tensor, std::string_view where, std::string_view what);
/// Checks a mask: bool and [B, T]. An undefined mask passes: it means all true.
ALLOY_API void check_mask(const Tensor& mask, int64_t batch, int64_t length, std::string_view where);

}  // namespace alloy

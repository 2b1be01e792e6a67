// SPDX-License-Identifier: Apache-2.0
#include <alloy/core/tensor.hpp>

#include <fmt/format.h>

namespace alloy {

std::string MessageText<at::ScalarType>::of(at::ScalarType dtype) {
  switch (dtype) {  // the names that Python users know, not those of C++
    case at::kFloat: return "float32";
    case at::kDouble: return "float64";
    case at::kHalf: return "float16";
    case at::kBFloat16: return "bfloat16";
    case at::kLong: return "int64";
    case at::kInt: return "int32";
    case at::kShort: return "int16";
    case at::kChar: return "int8";
    case at::kByte: return "uint8";
    case at::kBool: return "bool";
    default: return c10::toString(dtype);
  }
}

std::string MessageText<at::Device>::of(const at::Device& device) { return device.str(); }

std::string MessageText<at::Tensor>::of(const at::Tensor& tensor) {
  if (!tensor.defined()) return "an undefined tensor";
  return fmt::format("{} {}{}", MessageText<at::ScalarType>::of(tensor.scalar_type()),
                     MessageText<at::IntArrayRef>::of(tensor.sizes()),
                     tensor.is_cpu() ? "" : " on " + tensor.device().str());
}

void check_shape(const Tensor& tensor, std::initializer_list<int64_t> shape, std::string_view where, std::string_view what) {
  bool fits = tensor.defined() && tensor.dim() == static_cast<int64_t>(shape.size());
  if (fits) {
    int64_t axis = 0;
    for (const int64_t size : shape) {
      fits = fits && (size < 0 || tensor.size(axis) == size);
      ++axis;
    }
  }
  if (fits) [[likely]] return;
  std::string expected;
  for (const int64_t size : shape) expected += (expected.empty() ? "" : ", ") + (size < 0 ? "?" : std::to_string(size));
  fail<ShapeError>("[{}] expected {} of shape [{}], got {}", {where, what, expected, tensor});
}

void check_floating(const Tensor& tensor, std::string_view where, std::string_view what) {
  check<ShapeError>(tensor.defined() && at::isFloatingType(tensor.scalar_type()),
                    "[{}] expected {} of a floating-point dtype, got {}", {where, what, tensor});
}

void check_mask(const Tensor& mask, int64_t batch, int64_t length, std::string_view where) {
  if (!mask.defined()) return;
  check<ShapeError>(mask.scalar_type() == at::kBool && mask.dim() == 2 && mask.size(0) == batch && mask.size(1) == length,
                    "[{}] expected a mask of shape [{}, {}] and dtype bool (true = real token), got {}",
                    {where, batch, length, mask});
}

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#include <alloy/core/batch.hpp>

#include <ATen/Functions.h>

namespace alloy {

namespace {

Tensor take_rows(const Tensor& tensor, const Tensor& index) {
  return tensor.defined() ? tensor.index_select(0, index.to(tensor.device())) : tensor;
}

}  // namespace

ModalityInput ModalityInput::rows(const Tensor& index) const {
  ModalityInput result{take_rows(values, index), take_rows(mask, index), take_rows(present, index), take_rows(times, index), {}};
  for (const auto& [name, tensor] : extra) result.extra.insert(name, take_rows(tensor, index));
  return result;
}

ModalityInput ModalityInput::to(at::Device device) const {
  const auto move = [device](const Tensor& tensor) { return tensor.defined() ? tensor.to(device) : tensor; };
  ModalityInput result{move(values), move(mask), present, move(times), {}};
  for (const auto& [name, tensor] : extra) result.extra.insert(name, move(tensor));
  return result;
}

int64_t batch_size(const Batch& batch) {
  check<ShapeError>(!batch.empty(), "[batch_size] expected at least one modality, got none");
  int64_t size = -1;
  for (const auto& [name, input] : batch) {
    check<ShapeError>(input.values.defined() && input.values.dim() >= 1,
                      "[batch_size] expected values [B, ...] for modality '{}', got {}", {name, input.values});
    const int64_t rows = input.values.size(0);
    if (size < 0) size = rows;
    check<ShapeError>(rows == size, "[batch_size] expected {} samples as in '{}', got {} in '{}'",
                      {size, batch.begin()->first, rows, name});
    check<ShapeError>(!input.mask.defined() || (input.mask.scalar_type() == at::kBool && input.mask.dim() == 2 && input.mask.size(0) == size),
                      "[batch_size] expected a bool mask [{}, T] for modality '{}', got {}", {size, name, input.mask});
    check<ShapeError>(!input.present.defined() || (input.present.scalar_type() == at::kBool && input.present.is_cpu() &&
                                                   input.present.dim() == 1 && input.present.size(0) == size),
                      "[batch_size] expected present of shape [{}], bool, on the CPU for modality '{}', got {}",
                      {size, name, input.present});
    check<ShapeError>(!input.times.defined() || (input.times.dim() == 2 && input.times.size(0) == size),
                      "[batch_size] expected times [{}, T] for modality '{}', got {}", {size, name, input.times});
    for (const auto& [key, tensor] : input.extra)
      check<ShapeError>(tensor.defined() && tensor.dim() >= 1 && tensor.size(0) == size,
                        "[batch_size] expected {} rows in '{}' of modality '{}', got {}", {size, key, name, tensor});
  }
  return size;
}

Batch to(const Batch& batch, at::Device device) {
  Batch result;
  for (const auto& [name, input] : batch) result.insert(name, input.to(device));
  return result;
}

Batch rows(const Batch& batch, const Tensor& index) {
  Batch result;
  for (const auto& [name, input] : batch) result.insert(name, input.rows(index));
  return result;
}

}  // namespace alloy

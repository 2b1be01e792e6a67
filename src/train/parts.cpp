// SPDX-License-Identifier: Apache-2.0
#include "train/detail/parts.hpp"

#include <ATen/Functions.h>

namespace alloy::detail {

namespace {

Batch rows_of(const Batch& batch, int64_t begin, int64_t end) {
  const auto part = [=](const Tensor& tensor) { return tensor.defined() ? tensor.slice(0, begin, end) : tensor; };
  Batch result;
  for (const auto& [name, input] : batch) {
    ModalityInput rows{part(input.values), part(input.mask), part(input.present), part(input.times), {}};
    for (const auto& [key, tensor] : input.extra) rows.extra.insert(key, part(tensor));
    result.insert(name, std::move(rows));
  }
  return result;
}

}  // namespace

std::vector<Batch> parts_of(const Batch& batch, int64_t size) {
  const int64_t count = batch_size(batch);
  std::vector<Batch> parts;
  for (int64_t begin = 0; begin < count; begin += size) parts.push_back(rows_of(batch, begin, std::min(begin + size, count)));
  return parts;
}

}  // namespace alloy::detail

// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/unit_rows.hpp"

#include <ATen/Functions.h>

namespace alloy::detail {

Tensor unit_rows(const Tensor& x, std::string_view where, const std::function<std::string(int64_t row)>& name) {
  // The largest entry first, so that no square overflows or vanishes.
  const Tensor largest = x.abs().amax({1}, /*keepdim=*/true);
  const Tensor bad = largest.isfinite().logical_and(largest > 0).logical_not().squeeze(1);
  if (bad.any().item<bool>()) {
    const int64_t row = bad.to(at::kInt).argmax().item<int64_t>();
    fail<DataError>("[{}] expected an embedding that is finite and not zero, got one with largest entry {} for {}", {where, largest[row].item<double>(), name(row)});
  }
  const Tensor scaled = x / largest;
  return scaled / scaled.norm(2, {1}, /*keepdim=*/true);
}

}  // namespace alloy::detail

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <alloy/core/tensor.hpp>

#include <functional>

namespace alloy::detail {

/// Rows divided by their lengths. @param x  [N, D] floating point @param name  of a row, for the message
/// @throws DataError for a row that is not finite or that is zero
Tensor unit_rows(const Tensor& x, std::string_view where, const std::function<std::string(int64_t row)>& name);

}  // namespace alloy::detail

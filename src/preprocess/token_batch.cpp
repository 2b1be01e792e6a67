// SPDX-License-Identifier: Apache-2.0
#include <alloy/preprocess/token_batch.hpp>

#include <torch/types.h>

#include <algorithm>

namespace alloy {

TokenBatch pad_token_rows(const std::vector<std::vector<int64_t>>& rows, int64_t pad_id) {
  check<ShapeError>(!rows.empty(), "[pad_token_rows] expected at least one row, got none");
  size_t longest = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    check<ShapeError>(!rows[i].empty(), "[pad_token_rows] expected at least one id a row, got none in row {}", {i});
    longest = std::max(longest, rows[i].size());
  }
  const auto batch = static_cast<int64_t>(rows.size()), length = static_cast<int64_t>(longest);
  Tensor ids = torch::full({batch, length}, pad_id, torch::kLong);
  Tensor mask = torch::zeros({batch, length}, torch::kBool);
  for (size_t i = 0; i < rows.size(); ++i) {
    std::ranges::copy(rows[i], ids.data_ptr<int64_t>() + i * longest);
    std::fill_n(mask.data_ptr<bool>() + i * longest, rows[i].size(), true);
  }
  return {.ids = ids, .mask = mask};
}

}  // namespace alloy

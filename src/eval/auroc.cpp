// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/auroc.hpp>

#include <ATen/Functions.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace alloy {

double auroc(const Tensor& scores, const Tensor& positive) {
  check_shape(scores, {-1}, "auroc", "scores");
  check_floating(scores, "auroc", "scores");
  check<ShapeError>(positive.defined() && positive.sizes() == scores.sizes() && positive.scalar_type() == at::kBool,
                    "[auroc] expected a bool for each score, got {} for {}", {positive, scores});
  check<DataError>(scores.isfinite().all().item<bool>(), "[auroc] expected finite scores, got some that are not", {});
  const Tensor s = scores.detach().to(at::kCPU, at::kDouble).contiguous(), p = positive.to(at::kCPU).contiguous();
  const auto* score = s.const_data_ptr<double>();
  const auto* kind = p.const_data_ptr<bool>();
  const int64_t n = s.numel(), positives = std::count(kind, kind + n, true), negatives = n - positives;
  check<DataError>(positives > 0 && negatives > 0, "[auroc] expected samples of both kinds, got {} positive and {} negative", {positives, negatives});
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](int64_t a, int64_t b) { return score[a] < score[b]; });
  double rank_sum = 0;  // of the positives, ties at their mean rank
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    int64_t found = 0;
    for (; end < order.size() && score[order[end]] == score[order[begin]]; ++end) found += kind[order[end]] ? 1 : 0;
    rank_sum += static_cast<double>(found) * (static_cast<double>(begin + end + 1) / 2);
    begin = end;
  }
  const auto count = static_cast<double>(positives);
  return (rank_sum - count * (count + 1) / 2) / (count * static_cast<double>(negatives));
}

}  // namespace alloy

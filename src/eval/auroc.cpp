// SPDX-License-Identifier: Apache-2.0
#include <alloy/core/random.hpp>
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

Score disagreement_auroc(const Tensor& first, const Tensor& second, const Tensor& labels, const DisagreementOptions& options) {
  constexpr auto kWhere = "disagreement_auroc";
  check_shape(first, {-1, -1}, kWhere, "first");
  const int64_t count = first.size(0);
  check_shape(second, {count, first.size(1)}, kWhere, "second");
  check_shape(labels, {count}, kWhere, "labels");
  check<DataError>(count > 0 && labels.min().item<int64_t>() < labels.max().item<int64_t>(), "[{}] expected two labels at least, got {}",
                   {kWhere, count > 0 ? "one" : "none"});
  const Tensor plain = labels.to(at::kCPU, at::kLong).contiguous();
  const auto* label = plain.const_data_ptr<int64_t>();
  std::vector<int64_t> sorted(static_cast<size_t>(count));
  std::iota(sorted.begin(), sorted.end(), 0);
  std::ranges::stable_sort(sorted, {}, [&](int64_t i) { return label[i]; });
  Random random(options.seed);
  std::vector<int64_t> other;
  for (int64_t i = 0; i < count; ++i) {
    // Those of the label stand together: what is drawn is a place among the others.
    const auto own_label = std::ranges::equal_range(sorted, label[i], {}, [&](int64_t j) { return label[j]; });
    const int64_t before = own_label.begin() - sorted.begin(), place = random.below(count - std::ssize(own_label));
    other.push_back(sorted[static_cast<size_t>(place < before ? place : place + std::ssize(own_label))]);
  }
  const Tensor a = first.detach().to(at::kCPU), b = second.detach().to(at::kCPU);
  const Tensor own = 1 - (a * b).sum(1), apart = 1 - (a * b.index_select(0, at::tensor(other, at::kLong))).sum(1);
  return bootstrap(
      count,
      [&](const Tensor& index) {
        const Tensor near = own.index_select(0, index), far = apart.index_select(0, index);
        return auroc(at::cat({near, far}), at::cat({at::zeros_like(near), at::ones_like(far)}).to(at::kBool));
      },
      options.bootstrap);
}

}  // namespace alloy

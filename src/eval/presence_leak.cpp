// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/presence_leak.hpp>

#include <alloy/core/check.hpp>
#include <alloy/core/random.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

namespace alloy {

namespace {

using Counts = std::vector<double>;

/// Bits, of counts that sum to `total`.
double entropy(const Counts& counts, double total) {
  double bits = 0;
  for (const double c : counts)
    if (c > 0) bits -= c / total * std::log2(c / total);
  return bits;
}

/// Sets and classes of all samples as numbers from 0.
struct Table {
  std::vector<size_t> sets, classes;
  size_t num_sets = 0, num_classes = 0;

  std::vector<Counts> counts(const std::vector<size_t>& of_classes) const {
    std::vector<Counts> cells(num_sets, Counts(num_classes));
    for (size_t i = 0; i < sets.size(); ++i) cells[sets[i]][of_classes[i]] += 1;
    return cells;
  }
};

Table tabulate(const Tensor& present, const Tensor& target) {
  const Tensor here = present.cpu().contiguous(), wanted = target.cpu().contiguous();
  const bool* p = here.const_data_ptr<bool>();
  const int64_t* t = wanted.const_data_ptr<int64_t>();
  const int64_t samples = here.size(0), modalities = here.size(1);
  Table table;
  std::map<std::vector<bool>, size_t> set_numbers;
  std::map<int64_t, size_t> class_numbers;
  for (int64_t i = 0; i < samples; ++i) {
    check<DataError>(t[i] >= 0, "[presence_leak] expected class indices >= 0, got {}", {t[i]});
    table.sets.push_back(set_numbers.try_emplace(std::vector<bool>(p + i * modalities, p + (i + 1) * modalities), set_numbers.size()).first->second);
    table.classes.push_back(class_numbers.try_emplace(t[i], class_numbers.size()).first->second);
  }
  table.num_sets = set_numbers.size();
  table.num_classes = class_numbers.size();
  return table;
}

/// H(class) - H(class | set), bits.
double information(const std::vector<Counts>& cells, double class_entropy, double total) {
  double conditional = 0;
  for (const Counts& row : cells) {
    double sum = 0;
    for (const double c : row) sum += c;
    conditional += sum / total * entropy(row, sum);
  }
  return class_entropy - conditional;
}

}  // namespace

PresenceLeak presence_leak(const Tensor& present, const Tensor& target, const PresenceLeakOptions& options) {
  check<ShapeError>(present.dim() == 2 && present.scalar_type() == at::kBool && present.size(0) > 0, "[presence_leak] expected present [N, M] bool, got {}", {present});
  check<ShapeError>(target.dim() == 1 && target.scalar_type() == at::kLong && target.size(0) == present.size(0), "[presence_leak] expected target [{}] int64, got {}",
                    {present.size(0), target});
  check<ConfigError>(options.permutations >= 1, "[presence_leak] expected permutations >= 1, got {}", {options.permutations});
  const Table table = tabulate(present, target);
  const auto total = static_cast<double>(table.sets.size());
  const std::vector<Counts> cells = table.counts(table.classes);
  Counts by_class(table.num_classes);
  PresenceLeak leak;
  for (const Counts& row : cells) {
    leak.guess_accuracy += *std::ranges::max_element(row) / total;
    for (size_t k = 0; k < row.size(); ++k) by_class[k] += row[k];
  }
  leak.majority_accuracy = *std::ranges::max_element(by_class) / total;
  leak.class_entropy = entropy(by_class, total);
  leak.mutual_information = std::max(0.0, information(cells, leak.class_entropy, total));
  if (table.num_sets < 2 || table.num_classes < 2) return leak;

  Random random(options.seed);
  std::vector<size_t> shuffled = table.classes;
  int64_t as_much = 1;  // the one observed counts: p is never 0 (Phipson & Smyth 2010)
  for (int64_t k = 0; k < options.permutations; ++k) {
    for (size_t i = shuffled.size(); i > 1; --i) std::swap(shuffled[i - 1], shuffled[static_cast<size_t>(random.below(static_cast<int64_t>(i)))]);
    if (information(table.counts(shuffled), leak.class_entropy, total) >= leak.mutual_information - 1e-12) ++as_much;
  }
  leak.p_value = static_cast<double>(as_much) / static_cast<double>(options.permutations + 1);
  leak.found = leak.p_value < options.significance && leak.guess_accuracy >= leak.majority_accuracy + 0.01;
  return leak;
}

}  // namespace alloy

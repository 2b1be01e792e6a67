// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/label_map.hpp>

#include <ATen/Functions.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <set>

namespace alloy {

namespace {

void check_names(const std::vector<std::string>& names, std::string_view where, std::string_view what) {
  check<ConfigError>(!names.empty() && std::set(names.begin(), names.end()).size() == names.size(),
                     "[{}] expected {}, at least one, no repeats, got {}", {where, what, names});
}

/// [K, S] double: samples that have both labels.
Tensor count_pairs(const Tensor& a, const Tensor& b, int64_t rows, int64_t columns, std::string_view where) {
  check<ShapeError>(
      a.defined() && b.defined() && a.dim() == 1 && a.sizes() == b.sizes() && a.scalar_type() == at::kLong && b.scalar_type() == at::kLong,
      "[{}] expected classes int64 [N] of both sides, got {} and {}", {where, a, b});
  Tensor counts = at::zeros({rows, columns}, at::kDouble);
  const Tensor first = a.cpu().contiguous(), second = b.cpu().contiguous();
  auto* count = counts.mutable_data_ptr<double>();
  for (int64_t i = 0; i < first.numel(); ++i) {
    const int64_t x = first.const_data_ptr<int64_t>()[i], y = second.const_data_ptr<int64_t>()[i];
    check<DataError>(x >= -1 && x < rows && y >= -1 && y < columns,
                     "[{}] expected classes below {} and {}, -1 = unknown, got {} and {} for sample {}", {where, rows, columns, x, y, i});
    if (x >= 0 && y >= 0) count[x * columns + y] += 1;
  }
  return counts;
}

/// In nats. @param joint  [K, S], sums to 1
double information(const Tensor& joint) {
  const Tensor independent = joint.sum(1, true) * joint.sum(0, true);
  return (joint * (joint / independent).clamp_min(1e-300).log()).nan_to_num(0, 0, 0).sum().item<double>();
}

/// Merges the rows of joint, two at a time, where least information is lost. @return of each row its group, 0 .. count - 1
std::vector<int64_t> merge_rows(Tensor joint, int64_t count) {
  std::vector<int64_t> group(static_cast<size_t>(joint.size(0)));
  std::iota(group.begin(), group.end(), 0);
  while (joint.size(0) > count) {
    const auto merged = [&](int64_t i, int64_t j) {  // j into i, i < j
      Tensor rest = joint.clone();
      rest[i] += joint[j];
      return at::cat({rest.narrow(0, 0, j), rest.narrow(0, j + 1, joint.size(0) - j - 1)});
    };
    double best = -1;
    std::pair<int64_t, int64_t> pair;
    for (int64_t j = 1; j < joint.size(0); ++j)
      for (int64_t i = 0; i < j; ++i)
        if (const double left = information(merged(i, j)); left > best) best = left, pair = {i, j};
    for (int64_t& g : group) {
      if (g == pair.second) g = pair.first;
      else if (g > pair.second) --g;
    }
    joint = merged(pair.first, pair.second);
  }
  return group;
}

LabelMap hard_map(const std::vector<std::string>& labels, const std::vector<std::string>& shared, const std::vector<int64_t>& index) {
  Tensor weights = at::zeros({std::ssize(labels), std::ssize(shared)}, at::kDouble);
  for (size_t k = 0; k < index.size(); ++k) weights[static_cast<int64_t>(k)][index[k]] = 1;
  return {.labels = labels, .shared = shared, .weights = weights};
}

}  // namespace

Tensor LabelMap::index() const {
  const Tensor most = weights.eq(weights.amax(1, true)), places = at::arange(weights.size(1), at::kLong);
  return at::where(most, places, weights.size(1)).amin(1);
}

Tensor LabelMap::apply(const Tensor& classes) const {
  check_shape(classes, {-1}, "LabelMap", "classes");
  check<ShapeError>(classes.scalar_type() == at::kLong, "[LabelMap] expected int64 classes, got {}", {classes});
  const Tensor bad = (classes < -1).logical_or(classes >= weights.size(0));
  if (bad.any().item<bool>())
    fail<DataError>("[LabelMap] expected classes below {}, -1 = unknown, got {}", {weights.size(0), classes.masked_select(bad)[0].item<int64_t>()});
  const Tensor with_unknown = at::cat({index(), at::full({1}, -1, at::kLong)}).to(classes.device());
  return with_unknown.index_select(0, at::where(classes.eq(-1), weights.size(0), classes));
}

Tensor LabelMap::apply_probs(const Tensor& probs) const {
  check_shape(probs, {-1, weights.size(0)}, "LabelMap", "probabilities");
  check_floating(probs, "LabelMap", "probabilities");
  return probs.matmul(weights.to(probs.options()));
}

std::string LabelMap::to_text() const {
  std::string text;
  const Tensor to = index();
  for (int64_t k = 0; k < weights.size(0); ++k) {
    const int64_t s = to[k].item<int64_t>();
    const double share = weights[k][s].item<double>();
    char percent[32] = "";
    if (share < 1) std::snprintf(percent, sizeof percent, " (%.0f %%)", 100 * share);
    text += (k > 0 ? ", " : "") + labels[static_cast<size_t>(k)] + " to " + shared[static_cast<size_t>(s)] + percent;
  }
  return text;
}

LabelMap map_labels(const std::vector<std::pair<std::string, std::string>>& table, const std::vector<std::string>& listed) {
  std::vector<std::string> labels, shared = listed;
  std::vector<int64_t> index;
  for (const auto& [label, to] : table) {
    auto place = std::ranges::find(shared, to);
    check<ConfigError>(place != shared.end() || listed.empty(), "[map_labels] expected one of the shared labels {} for {}, got {}",
                       {shared, label, to});
    if (place == shared.end()) place = shared.insert(shared.end(), to);
    labels.push_back(label);
    index.push_back(place - shared.begin());
  }
  check_names(labels, "map_labels", "labels");
  check_names(shared, "map_labels", "shared labels");
  return hard_map(labels, shared, index);
}

void LearnLabelMapOptions::validate() const {
  check<ConfigError>(smoothing >= 0 && std::isfinite(smoothing), "[learn_label_map] expected smoothing >= 0, got {}", {smoothing});
  check<ConfigError>(least_samples > 0, "[learn_label_map] expected least_samples > 0, got {}", {least_samples});
}

LabelMap learn_label_map(const std::vector<std::string>& labels, const std::vector<std::string>& shared, const Tensor& classes, const Tensor& targets,
                         const LearnLabelMapOptions& options) {
  options.validate();
  check_names(labels, "learn_label_map", "labels");
  check_names(shared, "learn_label_map", "shared labels");
  const Tensor counts = count_pairs(classes, targets, std::ssize(labels), std::ssize(shared), "learn_label_map");
  for (int64_t k = 0; k < counts.size(0); ++k) {
    const double seen = counts[k].sum().item<double>();
    check<DataError>(seen >= static_cast<double>(options.least_samples), "[learn_label_map] expected at least {} samples of each label, got {} of {}",
                     {options.least_samples, seen, labels[static_cast<size_t>(k)]});
  }
  const Tensor smoothed = counts + options.smoothing * counts.sum(0, true) / counts.sum();
  return {.labels = labels, .shared = shared, .weights = smoothed / smoothed.sum(1, true)};
}

SharedLabels learn_shared_labels(const std::vector<std::string>& first_labels, const std::vector<std::string>& second_labels, const Tensor& first,
                                 const Tensor& second, int64_t count) {
  check_names(first_labels, "learn_shared_labels", "first labels");
  check_names(second_labels, "learn_shared_labels", "second labels");
  const int64_t most = std::min<int64_t>({8, std::ssize(first_labels), std::ssize(second_labels)});
  check<ConfigError>(count >= 2 && count <= most, "[learn_shared_labels] expected 2..{} shared labels, got {}", {most, count});
  Tensor joint = count_pairs(first, second, std::ssize(first_labels), std::ssize(second_labels), "learn_shared_labels");
  for (const auto& [labels, sums] : {std::pair{&first_labels, joint.sum(1)}, std::pair{&second_labels, joint.sum(0)}})
    for (int64_t k = 0; k < sums.size(0); ++k)
      check<DataError>(sums[k].item<double>() > 0, "[learn_shared_labels] expected samples of each label, got none of {}",
                       {(*labels)[static_cast<size_t>(k)]});
  joint = joint / joint.sum();
  const double whole = information(joint);
  check<DataError>(whole > 1e-12, "[learn_shared_labels] expected labels that say something of each other, got mutual information {}", {whole});

  const auto rows = merge_rows(joint, count), columns = merge_rows(joint.t().contiguous(), count);
  Tensor merged = at::zeros({count, count}, at::kDouble);
  for (size_t i = 0; i < rows.size(); ++i)
    for (size_t j = 0; j < columns.size(); ++j) merged[rows[i]][columns[j]] += joint[static_cast<int64_t>(i)][static_cast<int64_t>(j)];
  std::vector<int64_t> order(static_cast<size_t>(count)), best;  // of group r of the first side: its partner
  std::iota(order.begin(), order.end(), 0);
  SharedLabels out{.information = information(merged) / whole};
  do {  // at most 8! orders
    double agreed = 0;
    for (int64_t r = 0; r < count; ++r) agreed += merged.const_data_ptr<double>()[r * count + order[static_cast<size_t>(r)]];
    if (best.empty() || agreed > out.agreement) out.agreement = agreed, best = order;
  } while (std::ranges::next_permutation(order).found);

  const auto joined = [&](const std::vector<std::string>& labels, const std::vector<int64_t>& groups, int64_t group) {
    std::string name;
    for (size_t k = 0; k < labels.size(); ++k)
      if (groups[k] == group) name += (name.empty() ? "" : "+") + labels[k];
    return name;
  };
  std::vector<std::string> shared;
  std::vector<int64_t> partner(static_cast<size_t>(count));
  for (int64_t r = 0; r < count; ++r) {
    const int64_t c = best[static_cast<size_t>(r)];
    partner[static_cast<size_t>(c)] = r;
    shared.push_back(joined(first_labels, rows, r) + "/" + joined(second_labels, columns, c));
  }
  std::vector<int64_t> second_index;
  for (const int64_t group : columns) second_index.push_back(partner[static_cast<size_t>(group)]);
  out.first = hard_map(first_labels, shared, rows);
  out.second = hard_map(second_labels, shared, second_index);
  return out;
}

}  // namespace alloy

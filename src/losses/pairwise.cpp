// SPDX-License-Identifier: Apache-2.0
#include <alloy/losses/decoupled.hpp>
#include <alloy/losses/info_nce.hpp>
#include <alloy/losses/pairwise.hpp>
#include <alloy/losses/sigmoid_loss.hpp>

#include <ATen/Functions.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace alloy {

namespace {

constexpr auto kCentroid = "centroid";
constexpr auto kAll = "all";

std::string pair_name(std::string_view a, std::string_view b) { return std::string(a) + "-" + std::string(b); }

/// The pairs that a scheme compares, in the order of the modalities.
std::vector<std::pair<std::string, std::string>> pairs_of(const PairwiseLossOptions& o) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (size_t i = 0; i < o.modalities.size(); ++i) {
    if (o.scheme == PairScheme::centroid) pairs.emplace_back(o.modalities[i], kCentroid);
    for (size_t j = i + 1; j < o.modalities.size() && o.scheme != PairScheme::centroid; ++j)
      if (o.scheme == PairScheme::all || o.modalities[i] == o.anchor || o.modalities[j] == o.anchor) pairs.emplace_back(o.modalities[i], o.modalities[j]);
  }
  return pairs;
}

bool names_pair(const PairWeightOptions& named, const std::string& a, const std::string& b) {
  return (a == named.first && b == named.second) || (a == named.second && b == named.first);
}

Tensor unit_rows(const Tensor& x) { return x / x.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12); }

Tensor present_of(const Embedded& e) { return e.present.defined() ? e.present.to(e.values.device()) : at::ones({e.values.size(0)}, at::kBool); }

/// The unit mean of all modalities but one, and where there is any. Absent rows are replaced, never multiplied: they may
/// hold NaN.
Embedded centroid_without(const ModalityMap<Embedded>& all, const std::string& name) {
  Tensor sum, any;
  for (const auto& [other, e] : all) {
    if (other == name) continue;
    const Tensor here = present_of(e), values = at::where(here.unsqueeze(1), e.values, at::zeros({}, e.values.options()));
    sum = sum.defined() ? sum + values : values;
    any = any.defined() ? any.logical_or(here) : here;
  }
  return sum.defined() ? Embedded{unit_rows(sum), any} : Embedded{};
}

}  // namespace

void PairwiseLossOptions::validate() const {
  check<ConfigError>(modalities.size() >= 2 && std::set(modalities.begin(), modalities.end()).size() == modalities.size(),
                     "[PairwiseLoss] expected at least two modalities and no repeats, got {}", {modalities});
  for (const std::string& name : modalities)
    check<ConfigError>(!name.empty() && name.find_first_of(".-") == std::string::npos && name != kCentroid && name != kAll,
                       "[PairwiseLoss] expected names without dot or dash, and none of 'centroid' and 'all', got '{}'", {name});
  const bool anchored = scheme == PairScheme::anchored;
  check<ConfigError>(anchored == !anchor.empty() && (!anchored || std::ranges::find(modalities, anchor) != modalities.end()),
                     "[PairwiseLoss] expected an anchor among {} with the scheme anchored, and none with others, got scheme {} and anchor '{}'", {modalities, scheme, anchor});
  check<ConfigError>(objective != PairObjective::sigmoid || scale.with_bias, "[PairwiseLoss] expected scale.with_bias with the objective sigmoid, got none");
  check<ConfigError>(label_smoothing >= 0 && label_smoothing < 1 && (label_smoothing == 0 || objective == PairObjective::info_nce),
                     "[PairwiseLoss] expected label_smoothing in 0..1, and only with info_nce, got {} with {}", {label_smoothing, objective});
  scale.validate();
  const auto pairs = pairs_of(*this);
  for (const PairWeightOptions& named : weights) {
    check<ConfigError>(std::ranges::any_of(pairs, [&](const auto& pair) { return names_pair(named, pair.first, pair.second); }),
                       "[PairwiseLoss] expected weights of pairs that are compared among {}, got '{}' and '{}'", {modalities, named.first, named.second});
    check<ConfigError>(named.weight >= 0 && std::isfinite(named.weight), "[PairwiseLoss] expected a weight >= 0, got {}", {named.weight});
  }
}

PairwiseLossImpl::PairwiseLossImpl(PairwiseLossOptions options) : options_(std::move(options)) {
  for (const auto& [a, b] : pairs_of(options_)) {
    WeightedPair pair{a, b};
    for (const PairWeightOptions& named : options_.weights)
      if (names_pair(named, a, b)) pair.weight = named.weight;
    if (pair.weight > 0) pairs_.push_back(std::move(pair));
  }
  check<ConfigError>(!pairs_.empty(), "[PairwiseLoss] expected a pair with a weight above 0, got none");
  const auto add = [&](const std::string& name) {
    LogitScale scale(options_.scale);
    register_module("scale_" + name, scale);
    scales_.insert(name, scale);
  };
  if (options_.scale_per_pair)
    for (const WeightedPair& pair : pairs_) add(pair_name(pair.first, pair.second));
  else add(kAll);
}

LogitScale PairwiseLossImpl::scale(std::string_view first, std::string_view second) const {
  if (!options_.scale_per_pair) return scales_.at(kAll);
  const std::string name = pair_name(first, second);
  return scales_.at(scales_.contains(name) ? name : pair_name(second, first));
}

void PairwiseLossImpl::clamp() {
  for (auto& item : scales_) item.second->clamp();
}

Tensor PairwiseLossImpl::part(const Tensor& a, const Tensor& b, const LogitScale& scale, const PairInfo& pairs) const {
  switch (options_.objective) {
    case PairObjective::sigmoid: return sigmoid_loss(a, b, scale->forward(), scale->bias(), pairs);
    case PairObjective::decoupled: return decoupled_contrastive(a, b, scale->forward(), pairs);
    case PairObjective::info_nce: break;
  }
  return info_nce(a, b, scale->forward(), pairs, {.label_smoothing = options_.label_smoothing});
}

std::vector<ComparedPair> PairwiseLossImpl::compared(const ModalityMap<Embedded>& embeddings) const {
  check<ShapeError>(embeddings.size() > 0, "[PairwiseLoss] expected embeddings of {}, got none", {options_.modalities});
  const Tensor& first = embeddings.begin()->second.values;
  for (const auto& [name, e] : embeddings) {
    check<ConfigError>(std::ranges::find(options_.modalities, name) != options_.modalities.end(), "[PairwiseLoss] expected embeddings of {}, got '{}'", {options_.modalities, name});
    check_shape(e.values, {first.size(0), first.dim() == 2 ? first.size(1) : -1}, "PairwiseLoss", "embeddings of '" + name + "'");
    if (e.present.defined()) check_shape(e.present, {first.size(0)}, "PairwiseLoss", "presence of '" + name + "'");
  }
  std::vector<ComparedPair> result;
  for (const auto& [a, b, weight] : pairs_) {
    if (!embeddings.contains(a) || (b != kCentroid && !embeddings.contains(b))) continue;
    const Embedded right = b == kCentroid ? centroid_without(embeddings, a) : embeddings.at(b);
    if (right.values.defined()) result.push_back({a, b, embeddings.at(a), right, weight});
  }
  return result;
}

PairwiseLossOutput PairwiseLossImpl::forward(const ModalityMap<Embedded>& embeddings, const PairInfo& pairs) {
  PairwiseLossOutput out;
  double weights = 0;
  for (const auto& [a, b, left, right, weight] : compared(embeddings)) {
    const Tensor rows = present_of(left).logical_and(present_of(right)).nonzero().squeeze(1);
    if (rows.size(0) < 2) continue;  // one row has nothing to be told from
    const auto pick = [&](const Tensor& x) { return x.defined() ? x.index_select(0, rows) : x; };
    const PairInfo info{pick(pairs.ids), pick(pairs.weights)};
    if (info.weights.defined() && info.weights.max().item<double>() == 0) continue;
    const Tensor loss = part(pick(left.values), pick(right.values), scale(a, b), info);
    out.parts.insert(pair_name(a, b), loss);
    out.counts.insert(pair_name(a, b), rows.size(0));
    out.total = out.total.defined() ? out.total + weight * loss : weight * loss;
    weights += weight;
  }
  if (out.total.defined()) out.total = out.total / weights;
  return out;
}

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#include <alloy/fusion/late.hpp>

#include "fusion/detail/late_stack.hpp"
#include "fusion/detail/weights.hpp"

#include <torch/types.h>

#include <cmath>
#include <limits>
#include <numeric>

namespace alloy {

namespace {

constexpr double kTieBreak = 1e-3;  // below one vote among a thousand modalities

bool is_weighted(LateRule rule) {
  return rule == LateRule::weighted_average || rule == LateRule::log_pool || rule == LateRule::weighted_vote;
}

/// Median over the modalities present; the mean of the middle two for an even number. [B, M, K] to [B, K]
Tensor masked_median(const Tensor& values, const Tensor& present) {
  const Tensor last = at::full({}, std::numeric_limits<double>::infinity(), values.options());
  const Tensor sorted = std::get<0>(at::where(present.unsqueeze(2), values, last).sort(1));
  const Tensor count = present.sum(1);  // [B]
  const auto pick = [&](const Tensor& index) {
    return sorted.gather(1, index.view({-1, 1, 1}).expand({-1, 1, values.size(2)})).squeeze(1);
  };
  return (pick((count - 1).floor_divide(2)) + pick(count.floor_divide(2))) / 2;
}

/// Votes for each class as shares of the weight, the mean probability deciding ties. [B, K]
Tensor vote_shares(const Tensor& probs, const Tensor& weights) {
  const Tensor votes = at::zeros_like(probs).scatter_(2, probs.argmax(2, /*keepdim=*/true), 1.0);
  return (detail::weighted_sum(votes, weights) + kTieBreak * detail::weighted_sum(probs, weights)) / (1 + kTieBreak);
}

/// Points of a Borda count, 0 for the least likely class. [B, M, K]
Tensor borda_points(const Tensor& probs) { return probs.argsort(-1, /*descending=*/false).argsort(-1, /*descending=*/false).to(probs.scalar_type()); }

Tensor normalised_log(const Tensor& scores) {
  return detail::safe_log(scores / scores.sum(1, /*keepdim=*/true).clamp_min(1e-30));
}

}  // namespace

void LateFusionOptions::validate() const {
  check_modalities("LateFusion", modalities, {}, 1);
  if (weights.empty()) return;
  check<ConfigError>(is_weighted(rule), "[LateFusion] expected weights only with a weighted rule, got them with {}", {rule});
  check<ConfigError>(weights.size() == modalities.size(), "[LateFusion] expected a weight for each of {} modalities, got {}", {modalities.size(), weights.size()});
  for (const double w : weights) check<ConfigError>(w >= 0 && std::isfinite(w), "[LateFusion] expected weights >= 0, got {}", {w});
  check<ConfigError>(std::accumulate(weights.begin(), weights.end(), 0.0) > 0, "[LateFusion] expected a weight above 0, got none");
}

LateFusionImpl::LateFusionImpl(LateFusionOptions options) : options_(std::move(options)) {
  const auto count = static_cast<int64_t>(options_.modalities.size());
  Tensor weights = options_.weights.empty() ? torch::ones({count}) : torch::tensor(options_.weights, torch::kFloat);
  weights_ = register_buffer("weights", weights / weights.sum());
  temperatures_ = register_buffer("temperatures", torch::ones({count}));
  log_prior_ = register_buffer("log_prior", torch::zeros({0}));
}

void LateFusionImpl::prepare(Task task, int64_t outputs) {
  const bool any_task = options_.rule == LateRule::average || options_.rule == LateRule::weighted_average || options_.rule == LateRule::median;
  const bool fits = task == Task::classification || any_task || (task == Task::multilabel && options_.rule == LateRule::max);
  check<ConfigError>(fits, "[LateFusion] expected a rule that serves {}, got {}; use average, weighted_average or median", {task, options_.rule});
  check<ConfigError>(outputs > 0, "[LateFusion] expected outputs > 0, got {}", {outputs});
  task_ = task;
  log_prior_.set_data(at::full({outputs}, -std::log(static_cast<double>(outputs)), log_prior_.options()));
}

LateFusionImpl::Stack LateFusionImpl::stack(const ModalityMap<ModalityLogits>& logits) const {
  const auto inputs = collect_logits("LateFusion", logits, options_.modalities);
  const Tensor raw = at::stack(inputs.values, 1);
  return {raw / temperatures_.to(raw.options()).view({1, -1, 1}), inputs.present};
}

Decision LateFusionImpl::forward(const ModalityMap<ModalityLogits>& logits) {
  const auto [scaled, present] = stack(logits);
  const Tensor p = detail::opinions(scaled, task_);  // [B, M, K]
  const Tensor here = present.to(p.scalar_type());
  const Tensor equal = here / here.sum(1, /*keepdim=*/true);                                                    // [B, M]
  const Tensor weights = detail::renormalise(weights_.to(p.options()).expand(present.sizes()), present);        // [B, M]
  Decision decision;
  Tensor combined;  // [B, K]
  switch (options_.rule) {
    case LateRule::average: combined = detail::weighted_sum(p, equal); break;
    case LateRule::weighted_average: combined = detail::weighted_sum(p, weights); break;
    case LateRule::median: combined = masked_median(p, present); break;
    case LateRule::max: combined = at::where(present.unsqueeze(2), p, at::zeros({}, p.options())).amax(1); break;
    case LateRule::log_pool: decision.log_probs = detail::weighted_sum(scaled.log_softmax(2), weights).log_softmax(1); break;
    case LateRule::naive_bayes: {
      const Tensor log_prior = log_prior_.numel() > 0 ? log_prior_.to(p.options()) : at::zeros({p.size(2)}, p.options());
      const Tensor evidence = detail::weighted_sum(scaled.log_softmax(2), here);                                // [B, K]
      decision.log_probs = (evidence - (here.sum(1, /*keepdim=*/true) - 1) * log_prior).log_softmax(1);
      break;
    }
    case LateRule::hard_vote: combined = vote_shares(p, equal); break;
    case LateRule::weighted_vote: combined = vote_shares(p, weights); break;
    case LateRule::rank: combined = detail::weighted_sum(borda_points(p), equal); break;
  }
  if (combined.defined()) {
    if (task_ == Task::classification) decision.log_probs = normalised_log(combined);
    else decision.log_probs = task_ == Task::multilabel ? combined.logit(/*eps=*/1e-7) : combined;
  }
  if (options_.rule == LateRule::average || options_.rule == LateRule::hard_vote) decision.weights = equal;
  if (is_weighted(options_.rule)) decision.weights = weights;
  return decision;
}

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#include <alloy/fusion/late.hpp>

#include "fusion/detail/late_stack.hpp"
#include "fusion/detail/weights.hpp"

#include <alloy/core/log.hpp>

#include <torch/optim/adam.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <cmath>
#include <numbers>

namespace alloy {

namespace {

/// Mean loss of combined opinions [N, K] for the target of the task.
Tensor opinion_loss(const Tensor& combined, const Tensor& target, Task task) {
  if (task == Task::classification) return -detail::safe_log(combined.gather(1, target.unsqueeze(1))).mean();
  if (task == Task::multilabel) return at::binary_cross_entropy(combined.clamp(1e-7, 1 - 1e-7), target);
  return at::mse_loss(combined, target);
}

/// The smallest point of a function with one minimum, to about 1e-6 of the interval (golden-section search).
template <class F>
double minimise(F&& f, double low, double high) {
  constexpr double ratio = 1.0 / std::numbers::phi;
  double a = high - ratio * (high - low), b = low + ratio * (high - low);
  double fa = f(a), fb = f(b);
  for (int i = 0; i < 30; ++i) {
    if (fa < fb) {
      high = b, b = a, fb = fa;
      a = high - ratio * (high - low), fa = f(a);
    } else {
      low = a, a = b, fa = fb;
      b = low + ratio * (high - low), fb = f(b);
    }
  }
  return (low + high) / 2;
}

}  // namespace

void LateFusionImpl::fit(const ModalityMap<ModalityLogits>& logits, const Tensor& target) {
  const torch::NoGradGuard no_grad;
  temperatures_.fill_(1.0);
  Stack all = stack(logits);
  all.logits = all.logits.detach().to(at::kDouble);
  const int64_t samples = all.logits.size(0), outputs = all.logits.size(2);
  check<ShapeError>(log_prior_.numel() == outputs, "[LateFusion] expected prepare() for {} outputs before fit(), got {}", {outputs, log_prior_.numel()});
  Tensor wanted = target;
  if (task_ == Task::classification) {
    check_shape(target, {samples}, "LateFusion", "target");
    check<ShapeError>(target.scalar_type() == at::kLong, "[LateFusion] expected target of dtype int64, got {}", {target});
    check<DataError>(samples > 0 && target.min().item<int64_t>() >= 0 && target.max().item<int64_t>() < outputs,
                     "[LateFusion] expected class indices in 0..{}, got others", {outputs - 1});
  } else {
    check_shape(target, {samples, outputs}, "LateFusion", "target");
    wanted = target.to(at::kDouble);
  }
  if (options_.calibrate && task_ != Task::regression) {
    fit_temperatures(all, wanted);
    all.logits = all.logits / temperatures_.to(at::kDouble).view({1, -1, 1});
  }
  if (options_.rule == LateRule::naive_bayes) {
    const Tensor counts = at::bincount(wanted, {}, outputs).to(at::kDouble) + 1.0;  // Laplace: no class gets probability 0
    log_prior_.copy_((counts / counts.sum()).log());
  }
  if (options_.rule == LateRule::naive_bayes) warn_of_repetition(all);
  if (!options_.weights.empty()) return;
  if (options_.rule == LateRule::weighted_average || options_.rule == LateRule::log_pool) fit_weights(all, wanted);
  if (options_.rule == LateRule::weighted_vote) fit_vote_weights(all, wanted);
}

/// Two modalities that always decide alike are one, and the product rule counts it twice.
void LateFusionImpl::warn_of_repetition(const Stack& all) const {
  constexpr double kAlike = 0.99;
  const Tensor log_probs = all.logits.log_softmax(2);
  for (size_t a = 0; a < options_.modalities.size(); ++a)
    for (size_t b = 0; b < a; ++b) {
      const auto i = static_cast<int64_t>(a), j = static_cast<int64_t>(b);
      const Tensor rows = all.present.select(1, i).logical_and(all.present.select(1, j)).nonzero().squeeze(1);
      if (rows.size(0) < 2) continue;
      const Tensor pair = at::stack({log_probs.select(1, i).index_select(0, rows).flatten(), log_probs.select(1, j).index_select(0, rows).flatten()});
      const double correlation = at::corrcoef(pair)[0][1].item<double>();
      if (correlation > kAlike)
        log_message(LogLevel::warning, format_message("[LateFusion] '{}' and '{}' decide alike (correlation of their log-probabilities {}): naive_bayes counts the same evidence twice "
                                                      "and is too sure; leave one out, or take average",
                                                      {options_.modalities[b], options_.modalities[a], std::round(1000 * correlation) / 1000}));
    }
}

void LateFusionImpl::fit_temperatures(const Stack& all, const Tensor& target) {
  for (int64_t m = 0; m < all.present.size(1); ++m) {
    const Tensor rows = all.present.select(1, m).nonzero().squeeze(1);
    if (rows.size(0) == 0) continue;
    const Tensor logits = all.logits.select(1, m).index_select(0, rows);
    const Tensor wanted = target.index_select(0, rows);
    const auto loss = [&](double log_temperature) {
      return opinion_loss(detail::opinions(logits / std::exp(log_temperature), task_), wanted, task_).item<double>();
    };
    temperatures_[m].fill_(std::exp(minimise(loss, std::log(0.05), std::log(20.0))));
  }
}

void LateFusionImpl::fit_weights(const Stack& all, const Tensor& target) {
  // A softmax over scores keeps the weights on the simplex; the likelihood of a mixture is concave in them.
  const torch::AutoGradMode grad(true);
  Tensor scores = torch::zeros({all.present.size(1)}, torch::TensorOptions(torch::kDouble).requires_grad(true));
  const Tensor opinions = options_.rule == LateRule::log_pool ? all.logits.log_softmax(2) : detail::opinions(all.logits, task_);
  torch::optim::Adam optimizer({scores}, torch::optim::AdamOptions(0.05));
  for (int step = 0; step < 400; ++step) {
    const Tensor weights = detail::renormalise(scores.softmax(0).expand(all.present.sizes()), all.present);
    Tensor combined = detail::weighted_sum(opinions, weights);
    if (options_.rule == LateRule::log_pool) combined = combined.softmax(1);
    optimizer.zero_grad();
    opinion_loss(combined, target, task_).backward();
    optimizer.step();
  }
  const torch::NoGradGuard no_grad;
  weights_.copy_(scores.softmax(0));
}

void LateFusionImpl::fit_vote_weights(const Stack& all, const Tensor& target) {
  const auto classes = static_cast<double>(all.logits.size(2));
  const Tensor right = all.logits.argmax(2).eq(target.unsqueeze(1)).logical_and(all.present);  // [N, M]
  for (int64_t m = 0; m < all.present.size(1); ++m) {
    const double seen = all.present.select(1, m).sum().item<double>();
    const double accuracy = (right.select(1, m).sum().item<double>() + 1.0) / (seen + 2.0);  // never 0 or 1
    // Log odds against guessing (multi-class AdaBoost, Hastie et al. 2009, eq. 2c); worse than chance gets no vote.
    weights_[m].fill_(std::max(0.0, std::log(accuracy / (1.0 - accuracy)) + std::log(std::max(classes - 1.0, 1.0))));
  }
  const double sum = weights_.sum().item<double>();
  if (sum > 0) weights_.div_(sum);
  else weights_.fill_(1.0 / static_cast<double>(weights_.numel()));
}

}  // namespace alloy

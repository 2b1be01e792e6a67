// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/time_evidence.hpp>

#include <torch/types.h>

#include <cmath>
#include <numbers>

namespace alloy {

namespace {

constexpr double kLeastStd = 1.0;  // second: stamps that agree by chance must not outweigh everything

}  // namespace

void TimePrior::validate() const {
  check<ConfigError>(std::isfinite(mean_s) && std_s > 0 && std::isfinite(std_s), "[TimePrior] expected a finite mean_s and std_s > 0, got {} and {}",
                     {mean_s, std_s});
  check<ConfigError>(outliers >= 0 && outliers <= 1, "[TimePrior] expected outliers in 0..1, got {}", {outliers});
  check<ConfigError>(period_s > 0 && std::isfinite(period_s), "[TimePrior] expected a finite period_s > 0, got {}", {period_s});
}

TimePrior fit_time_prior(const Tensor& differences, double period_s, double outliers) {
  check_shape(differences, {-1}, "fit_time_prior", "differences");
  const Tensor all = differences.to(torch::kCPU, torch::kDouble), known = all.masked_select(all.isfinite());
  check<DataError>(known.numel() >= 3, "[fit_time_prior] expected at least 3 pairs with a stamp, got {} of {}", {known.numel(), all.numel()});
  const Tensor mean = known.quantile(0.5);
  TimePrior prior{
      .mean_s = mean.item<double>(), .std_s = 1.4826 * (known - mean).abs().quantile(0.5).item<double>(), .outliers = outliers, .period_s = period_s};
  prior.std_s = std::max(prior.std_s, kLeastStd);
  prior.validate();
  return prior;
}

Tensor time_evidence(const Tensor& events, const Tensor& stamps, const TimePrior& prior) {
  prior.validate();
  check_shape(events, {-1}, "time_evidence", "events");
  check_shape(stamps, {-1}, "time_evidence", "stamps");
  const Tensor at = events.to(torch::kDouble), written = stamps.to(torch::kDouble);
  check<DataError>(at.isfinite().all().item<bool>(), "[time_evidence] expected finite times of events, got NaN or infinity");
  const Tensor z = (written.unsqueeze(0) - at.unsqueeze(1) - prior.mean_s) / prior.std_s;  // [E, L]
  const Tensor near = -0.5 * z.square() + std::log(prior.period_s / (prior.std_s * std::sqrt(2 * std::numbers::pi))) + std::log1p(-prior.outliers);
  const Tensor evidence = torch::logaddexp(near, torch::full_like(near, std::log(prior.outliers)));  // of no outliers: -infinity, which adds nothing
  return torch::where(z.isfinite(), evidence, 0.0);
}

Tensor bounded_evidence(const Tensor& evidence, double outliers) {
  check<ConfigError>(outliers >= 0 && outliers <= 1, "[bounded_evidence] expected outliers in 0..1, got {}", {outliers});
  check_shape(evidence, {-1, -1}, "bounded_evidence", "evidence");
  check<ShapeError>(evidence.size(1) > 0, "[bounded_evidence] expected at least one column, got {}", {evidence});
  const Tensor rows = evidence.to(torch::kDouble);
  const Tensor ratio = rows.log_softmax(1) + std::log(static_cast<double>(rows.size(1))) + std::log1p(-outliers);
  return torch::logaddexp(ratio, torch::full_like(ratio, std::log(outliers)));
}

double fit_evidence_weight(const Tensor& evidence, const Tensor& other, const Tensor& candidates, const Tensor& right) {
  constexpr double kMost = 8, kGolden = 0.6180339887498949;
  check_shape(evidence, {-1, -1}, "fit_evidence_weight", "evidence");
  check_shape(other, {evidence.size(0), evidence.size(1)}, "fit_evidence_weight", "other evidence");
  check_shape(candidates, {evidence.size(0), evidence.size(1)}, "fit_evidence_weight", "candidates");
  check_shape(right, {evidence.size(0)}, "fit_evidence_weight", "right");
  check<ShapeError>(candidates.scalar_type() == torch::kBool && right.scalar_type() == torch::kLong,
                    "[fit_evidence_weight] expected bool candidates and int64 right, got {} and {}", {candidates, right});
  check<DataError>(evidence.size(0) > 0, "[fit_evidence_weight] expected at least one row, got none");
  check<DataError>(
      right.ge(0).logical_and(right.lt(evidence.size(1))).all().item<bool>() && candidates.gather(1, right.unsqueeze(1)).all().item<bool>(),
      "[fit_evidence_weight] expected each right item among its candidates, got one that is not");
  const Tensor learnt = torch::where(candidates, evidence.to(torch::kDouble), 0.0),
               given = torch::where(candidates, other.to(torch::kDouble), -INFINITY);
  const auto likelihood = [&](double weight) { return (weight * learnt + given).log_softmax(1).gather(1, right.unsqueeze(1)).mean().item<double>(); };
  double low = 0, high = kMost;  // the mean log-likelihood is concave in the weight
  while (high - low > 1e-4) {
    const double first = high - kGolden * (high - low), second = low + kGolden * (high - low);
    if (likelihood(first) < likelihood(second)) low = first;
    else high = second;
  }
  return (low + high) / 2;
}

}  // namespace alloy

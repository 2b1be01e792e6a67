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
  check<ConfigError>(std::isfinite(mean_s) && std_s > 0 && std::isfinite(std_s), "[TimePrior] expected a finite mean_s and std_s > 0, got {} and {}", {mean_s, std_s});
  check<ConfigError>(outliers >= 0 && outliers <= 1, "[TimePrior] expected outliers in 0..1, got {}", {outliers});
  check<ConfigError>(period_s > 0 && std::isfinite(period_s), "[TimePrior] expected a finite period_s > 0, got {}", {period_s});
}

TimePrior fit_time_prior(const Tensor& differences, double period_s, double outliers) {
  check_shape(differences, {-1}, "fit_time_prior", "differences");
  const Tensor all = differences.to(torch::kCPU, torch::kDouble), known = all.masked_select(all.isfinite());
  check<DataError>(known.numel() >= 3, "[fit_time_prior] expected at least 3 pairs with a stamp, got {} of {}", {known.numel(), all.numel()});
  const Tensor mean = known.quantile(0.5);
  TimePrior prior{.mean_s = mean.item<double>(), .std_s = 1.4826 * (known - mean).abs().quantile(0.5).item<double>(), .outliers = outliers, .period_s = period_s};
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
  const Tensor z = (written.unsqueeze(0) - at.unsqueeze(1) - prior.mean_s) / prior.std_s;                                     // [E, L]
  const Tensor near = -0.5 * z.square() + std::log(prior.period_s / (prior.std_s * std::sqrt(2 * std::numbers::pi))) + std::log1p(-prior.outliers);
  const Tensor evidence = torch::logaddexp(near, torch::full_like(near, std::log(prior.outliers)));  // of no outliers: -infinity, which adds nothing
  return torch::where(z.isfinite(), evidence, 0.0);
}

}  // namespace alloy

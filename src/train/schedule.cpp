// SPDX-License-Identifier: Apache-2.0
#include <alloy/train/schedule.hpp>

#include <cmath>
#include <numbers>

namespace alloy {

void ScheduleOptions::validate() const { check<ConfigError>(warmup >= 0, "[Schedule] expected warmup >= 0 steps, got {}", {warmup}); }

double learning_rate_at(int64_t step, int64_t steps, double peak, const ScheduleOptions& options) {
  if (step < options.warmup) return peak * static_cast<double>(step + 1) / static_cast<double>(options.warmup);
  if (options.kind == ScheduleKind::constant) return peak;
  const double place = static_cast<double>(step - options.warmup), length = static_cast<double>(std::max<int64_t>(steps - options.warmup, 1));
  return peak * 0.5 * (1 + std::cos(std::numbers::pi * std::min(place / length, 1.0)));
}

}  // namespace alloy

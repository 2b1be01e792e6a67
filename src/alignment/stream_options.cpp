// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/stream_options.hpp>

#include <cmath>
#include <set>

namespace alloy {

namespace {

constexpr int64_t kMost = int64_t{1} << 24;

void check_modality(const StreamModality& m, int64_t window_steps) {
  constexpr int64_t kMostNumbers = int64_t{1} << 31;
  check<ConfigError>(m.dim >= 1 && m.dim <= kMost, "[StreamAligner] expected dim of '{}' within 1..{}, got {}", {m.name, kMost, m.dim});
  check<ConfigError>(m.capacity >= 2 && m.capacity <= kMostNumbers / m.dim, "[StreamAligner] expected capacity of '{}' within 2..{}, got {}",
                     {m.name, kMostNumbers / m.dim, m.capacity});
  check<ConfigError>(window_steps <= kMostNumbers / m.dim, "[StreamAligner] expected at most {} numbers a window of '{}', got {} steps of {}",
                     {kMostNumbers, m.name, window_steps, m.dim});
  check<ConfigError>(m.max_gap_seconds > 0 && std::isfinite(m.max_gap_seconds), "[StreamAligner] expected max_gap_seconds of '{}' above 0, got {}",
                     {m.name, m.max_gap_seconds});
}

}  // namespace

void StreamAlignerOptions::validate() const {
  check<ConfigError>(!modalities.empty(), "[StreamAligner] expected at least one modality, got none");
  check<ConfigError>(std::isfinite(start_seconds), "[StreamAligner] expected a finite start_seconds, got {}", {start_seconds});
  check<ConfigError>(step_seconds > 0 && std::isfinite(step_seconds), "[StreamAligner] expected step_seconds above 0, got {}", {step_seconds});
  check<ConfigError>(window_steps >= 1 && window_steps <= kMost && hop_steps >= 1 && hop_steps <= kMost,
                     "[StreamAligner] expected window_steps and hop_steps within 1..{}, got {} and {}", {kMost, window_steps, hop_steps});
  check<ConfigError>(reorder_seconds >= 0 && std::isfinite(reorder_seconds), "[StreamAligner] expected reorder_seconds >= 0, got {}",
                     {reorder_seconds});
  check<ConfigError>(max_jump_seconds > 0, "[StreamAligner] expected max_jump_seconds above 0, got {}", {max_jump_seconds});
  std::set<std::string> names;
  for (const StreamModality& m : modalities) {
    check<ConfigError>(!m.name.empty() && names.insert(m.name).second,
                       "[StreamAligner] expected modalities of different names, got '{}' twice or empty", {m.name});
    check_modality(m, window_steps);
    const double reach = m.method == StreamMethod::window_mean ? step_seconds / 2 : m.method == StreamMethod::previous ? 0 : m.max_gap_seconds;
    check<ConfigError>(
        max_delay_seconds >= reorder_seconds + reach && std::isfinite(max_delay_seconds),
        "[StreamAligner] expected max_delay_seconds of at least {}: '{}' is read {} s past a step, and may come {} s out of order; got {}",
        {reorder_seconds + reach, m.name, reach, reorder_seconds, max_delay_seconds});
  }
}

}  // namespace alloy

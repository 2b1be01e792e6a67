// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The learning rate over the steps of a training.

#include <alloy/core/options.hpp>

#include <array>

namespace alloy {

enum class ScheduleKind { cosine, constant };
constexpr auto enum_names(ScheduleKind) {
  return std::to_array<std::pair<ScheduleKind, std::string_view>>({{ScheduleKind::cosine, "cosine"}, {ScheduleKind::constant, "const"}});
}

struct ScheduleOptions {
  ScheduleKind kind = ScheduleKind::cosine;
  int64_t warmup = 0;
  static void describe(auto& self, auto&& field) {
    field("kind", self.kind, "after the warm-up: half a cosine down to 0 (Loshchilov & Hutter 2017, without restarts), or as it is");
    field("warmup", self.warmup, "steps that raise the rate linearly from peak / warmup to the peak, >= 0");
  }
  ALLOY_API void validate() const;
};

/// The rate of a step, counted from 0, of a training of `steps` steps.
ALLOY_API double learning_rate_at(int64_t step, int64_t steps, double peak, const ScheduleOptions& options);

}  // namespace alloy

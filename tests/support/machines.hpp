// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A few machines with series of two groups, made by hand.

#include <alloy/data/machine_windows.hpp>

#include <cmath>

namespace alloy_test {

/// Machines `m0`, `m1` ... of ten days with a value every ten minutes: channel `heat.a` is noise, `heat.b` noise that rises by 6 in the last five of
/// the ten hours before each stop in `faults_h`, `load.x` constant noise.
inline alloy::MachineRecords machines_with_faults(int64_t count, const std::vector<double>& faults_h, uint64_t seed = 1) {
  alloy::MachineRecords records{.channels = {"heat.a", "heat.b", "load.x"}};
  alloy::Random random(seed);
  for (int64_t m = 0; m < count; ++m) {
    const int64_t steps = 10 * 144;
    at::Tensor values = torch::empty({steps, 3});
    for (int64_t t = 0; t < steps; ++t) {
      double rise = 0;
      for (const double stop : faults_h) {
        const double before = stop - static_cast<double>(t + 1) / 6;  // hours
        if (before >= 0 && before < 5) rise = 6;
      }
      values[t][0] = random.normal(), values[t][1] = random.normal() + rise, values[t][2] = random.normal();
    }
    const std::string name = "m" + std::to_string(m);
    records.machines.push_back({.machine = name, .series = {.times = 600 * torch::arange(steps, torch::kDouble), .values = values}});
    for (const double stop : faults_h)
      records.logs.push_back({.machine = name,
                              .time_s = 3600 * stop + 1000,
                              .text = "overheated, cooler cleaned",
                              .start_s = 3600 * (stop - 10),
                              .stop_s = 3600 * stop,
                              .failure = true,
                              .page = static_cast<int64_t>(stop / 120)});
    records.logs.push_back({.machine = name, .time_s = 3600 * 20, .text = "round done", .page = 0});
    records.logs.push_back({.machine = name, .text = "nothing new"});
  }
  return records;
}

}  // namespace alloy_test

// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alignment/delay.hpp>
#include <alloy/core/random.hpp>
#include <alloy/core/threads.hpp>

using namespace alloy;

TEST_CASE("estimate_delay of audio mixes down and brings rates together", "[alignment]") {
  const ThreadScope one(1);
  Random random(3);
  Audio first{.channels = 2, .sample_rate_hz = 16'000};
  for (int i = 0; i < 2 * 48'000; ++i) first.samples.push_back(static_cast<float>(0.1 * random.normal()));
  Audio second = resample(first, 24'000);  // a little louder on one side, half a second later
  for (size_t i = 0; i < second.samples.size(); i += 2) second.samples[i] *= 1.2F;
  second.samples.insert(second.samples.begin(), 24'000, 0.0F);
  const DelayEstimate found = estimate_delay(first, second, {.max_delay_seconds = 1});
  CHECK_THAT(found.delay_seconds, WithinAbs(0.5, 0.1 / 16'000));
  CHECK_THAT(found.drift_ppm, WithinAbs(0, 2));
}

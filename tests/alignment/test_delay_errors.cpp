// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alignment/delay.hpp>
#include <alloy/core/random.hpp>
#include <alloy/core/threads.hpp>

#include <cmath>
#include <numbers>

using namespace alloy;

namespace {

constexpr double kRate = 1000;
constexpr int64_t kWindow = 256;
constexpr int kPairs = 40;

/// Sound that is known at every moment, not only at samples: a hundred waves up to a share of the sample rate.
class Waves {
 public:
  Waves(Random& random, double most) {
    for (int i = 0; i < 100; ++i) {
      turns_.push_back(random.uniform(0.01, most) * 2 * std::numbers::pi);
      phases_.push_back(random.uniform(0, 2 * std::numbers::pi));
      heights_.push_back(random.normal());
    }
  }
  /// A recording whose clock shows delay + (1 + drift) t samples at the event's sample t.
  Tensor recorded(int64_t samples, double delay, double drift) const {
    const Tensor time = (at::arange(samples, torch::kDouble) - delay) / (1 + drift);
    return at::cos(time.unsqueeze(1) * row(turns_) + row(phases_)).matmul(row(heights_));
  }

 private:
  static Tensor row(const std::vector<double>& values) { return torch::tensor(values, torch::kDouble); }
  std::vector<double> turns_, phases_, heights_;
};

struct Pairs {
  int64_t length = 0;  // samples
  DriftModel model = DriftModel::linear;
  double snr_db = 20;  // of each recording
  double most = 0.4;   // highest frequency, as a share of the sample rate
  double max_drift_ppm = 2000;
};
struct Coverage {
  int64_t windows = 0;
  int delay = 0, drift = 0;     // pairs whose truth is within the error
  int trusted = 0, beyond = 0;  // pairs of some confidence, and those among them with more drift than was looked for
  double of_delay() const { return static_cast<double>(delay) / kPairs; }
  double of_drift() const { return static_cast<double>(drift) / kPairs; }
};

Coverage coverage(const Pairs& pairs) {
  Coverage found;
  for (int seed = 1; seed <= kPairs; ++seed) {
    Random random(static_cast<uint64_t>(seed));
    const Waves event(random, pairs.most);
    const double delay = random.uniform(5, 25), drift = pairs.model == DriftModel::none ? 0 : random.uniform(-100e-6, 100e-6);
    const auto heard = [&](const Tensor& x) {
      Tensor noise = torch::zeros_like(x);
      for (int64_t i = 0; i < noise.size(0); ++i) noise.mutable_data_ptr<double>()[i] = random.normal();
      return x + noise * x.std() * std::pow(10, -pairs.snr_db / 20);
    };
    const Tensor first = heard(event.recorded(pairs.length, 0, 0)), second = heard(event.recorded(pairs.length + 40, delay, drift));
    const DelayEstimate got = estimate_delay(first, second,
                                             {.sample_rate_hz = kRate,
                                              .drift = pairs.model,
                                              .max_delay_seconds = 0.06,
                                              .max_drift_ppm = pairs.max_drift_ppm,
                                              .window_seconds = static_cast<double>(kWindow) / kRate});
    found.windows = std::max(found.windows, std::ssize(got.windows));
    found.delay += std::abs(got.delay_seconds * kRate - delay) <= got.delay_error_seconds * kRate ? 1 : 0;
    found.drift += std::abs(got.drift_ppm - drift * 1e6) <= got.drift_error_ppm ? 1 : 0;
    found.trusted += got.confidence > 0.3 ? 1 : 0;
    found.beyond += got.confidence > 0.3 && std::abs(got.drift_ppm) > 1.01 * pairs.max_drift_ppm ? 1 : 0;
  }
  return found;
}

}  // namespace

TEST_CASE("the errors of a delay cover the truth about as often as they say", "[alignment]") {
  const ThreadScope one(1);
  double delay = 0, drift = 0;
  const std::pair<int64_t, int64_t> drifting[] = {{2 * kWindow, 3}, {5 * kWindow / 2, 4}, {3 * kWindow, 5}, {4 * kWindow, 7}};
  for (const auto& [length, windows] : drifting) {
    const Coverage found = coverage({.length = length});
    INFO(windows << " windows: " << found.of_delay() << " and " << found.of_drift());
    CHECK((found.windows == windows && found.trusted == kPairs));
    CHECK((found.of_delay() > 0.5 && found.of_delay() < 0.86));
    CHECK((found.of_drift() > 0.5 && found.of_drift() < 0.86));
    delay += found.of_delay() / 4;
    drift += found.of_drift() / 4;
  }
  INFO(delay << " and " << drift);
  CHECK_THAT(delay, WithinAbs(0.683, 0.08));
  CHECK_THAT(drift, WithinAbs(0.683, 0.08));
  for (const int64_t length : {3 * kWindow / 2, 2 * kWindow}) {  // two and three windows, clocks of equal speed
    const Coverage found = coverage({.length = length, .model = DriftModel::none, .snr_db = 10});
    INFO(found.windows << " windows: " << found.of_delay());
    CHECK((found.of_delay() > 0.5 && found.of_delay() < 0.86));
    CHECK(found.of_drift() == 1);
  }
}

TEST_CASE("the errors of a delay cover what interpolation errs by", "[alignment]") {
  const ThreadScope one(1);
  const Coverage found = coverage({.length = 3 * kWindow, .snr_db = 200, .most = 0.499});  // up to half the sample rate
  INFO(found.of_delay() << " and " << found.of_drift());
  CHECK(found.of_delay() > 0.6);
  CHECK(found.of_drift() > 0.6);
}

TEST_CASE("more drift than is looked for, by the chance of few windows, is no reason to trust no delay", "[alignment]") {
  const ThreadScope one(1);
  const Coverage found = coverage({.length = 2 * kWindow, .snr_db = 10, .max_drift_ppm = 200});
  INFO(found.trusted << " of " << kPairs << ", " << found.beyond << " beyond");
  CHECK(found.trusted > 0.8 * kPairs);
  CHECK(found.beyond > 0.2 * kPairs);
}

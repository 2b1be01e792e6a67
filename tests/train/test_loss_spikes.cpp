// SPDX-License-Identifier: Apache-2.0
// Reliability row T5: batches whose values are 10,000 times too large now and then.
#include "support/contrastive.hpp"

#include <algorithm>
#include <cmath>

using namespace alloy;

namespace {

constexpr int64_t kBatch = 25, kBatches = 20;
const std::vector<int64_t> kSpikes = {110, 150, 180};  // steps, from 1

/// Samples of the batches that are off are scaled; without shuffling, batch and step are known.
class Spiked final : public Dataset {
 public:
  explicit Spiked(std::shared_ptr<const Dataset> inner) : inner_(std::move(inner)) {}
  int64_t size() const override { return kBatch * kBatches * 10; }
  Sample get(int64_t index, Random& random) const override {
    Sample sample = inner_->get(index % inner_->size(), random);
    const bool off = std::ranges::find(kSpikes, index / kBatch + 1) != kSpikes.end();
    if (off)
      for (auto& item : sample.values) item.second = item.second * 1e4;
    return sample;
  }

 private:
  std::shared_ptr<const Dataset> inner_;
};

std::vector<double> losses_with(OptimizerKind kind) {
  JointEmbedding joint = make_joint();
  Loader train(std::make_shared<Spiked>(make_data(kBatch * kBatches, 1)), {.batch_size = kBatch, .shuffle = false});
  ContrastiveTrainerOptions options = quick_options();
  options.epochs = 1;
  options.clip_norm = 0;  // which would help either
  options.optimizer.kind = kind;
  std::vector<double> losses;
  ContrastiveTrainer(joint, options).fit(train, nullptr, {.step = [&](const ContrastiveStepRecord& r) { losses.push_back(r.loss); }});
  return losses;
}

/// The median of ten steps after `step`, which is counted from 1.
double trend(const std::vector<double>& losses, int64_t step) {
  std::vector<double> some(losses.begin() + step, losses.begin() + step + 10);
  std::ranges::nth_element(some, some.begin() + 5);
  return some[5];
}

}  // namespace

TEST_CASE("row T5: StableAdamW is back on the trend within ten steps after a spike", "[train]") {
  const std::vector<double> stable = losses_with(OptimizerKind::stable_adamw), adamw = losses_with(OptimizerKind::adamw);
  REQUIRE(static_cast<int64_t>(stable.size()) == kBatches * 10);
  for (const auto& losses : {stable, adamw}) CHECK(std::ranges::all_of(losses, [](double loss) { return std::isfinite(loss); }));
  for (const int64_t step : kSpikes) {
    const double before = trend(stable, step - 11), after = trend(stable, step + 10);
    INFO("step " << step << ": StableAdamW " << before << ", " << after << "; AdamW " << trend(adamw, step - 11) << ", " << trend(adamw, step + 10));
    CHECK(stable[static_cast<size_t>(step - 1)] > 1.3 * before);  // it was a spike
    CHECK(after < 1.15 * before);
  }
}

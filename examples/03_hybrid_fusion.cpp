// SPDX-License-Identifier: Apache-2.0
/// Hybrid fusion: the class is a relation between two modalities (do they agree?), which no decision rule can see, because
/// each modality alone says nothing about it. Modalities that act on each other before the decision can.

#include <alloy/alloy.hpp>

#include <cstdio>

using namespace alloy;

namespace {

std::shared_ptr<MemoryDataset> make_data(int64_t count, uint64_t seed) {
  Random random(seed);
  std::vector<Sample> samples;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t spoken = random.below(4), match = random.below(2);
    const int64_t shown = match ? spoken : (spoken + 1 + random.below(3)) % 4;
    samples.push_back({.id = std::to_string(i), .values = {}, .target = torch::tensor(match)});
    for (const auto& [name, place] : {std::pair{"gesture", shown}, {"speech", spoken}}) {
      std::vector<float> values(6);
      for (float& value : values) value = static_cast<float>(0.4 * random.normal());
      values[static_cast<size_t>(place)] += 1.5f;
      samples.back().values.insert(name, torch::tensor(values));
    }
  }
  return std::make_shared<MemoryDataset>(std::move(samples));
}

double score(const AnyFusion& fusion) {
  seed_everything(1);
  // [hybrid fusion]
  FusionModel model(fusion, {.outputs = 2});  // any strategy: the rest does not change
  model->add("gesture", FeatureEncoder({.in_dim = 6, .dim = 16}));
  model->add("speech", FeatureEncoder({.in_dim = 6, .dim = 16}));
  Loader train(make_data(2000, 1), {.batch_size = 32}), valid(make_data(500, 2), {.shuffle = false}), test(make_data(1000, 3), {.shuffle = false});
  Trainer(model, {.learning_rate = 0.01, .epochs = 8}).fit(train, &valid);
  // [hybrid fusion]
  const Predictions all = predict_all(model, test);
  return accuracy(all.logits.argmax(1), all.target);
}

}  // namespace

int main() {
  const std::vector<std::string> names = {"gesture", "speech"};
  const double late = score(LateFusion({.modalities = names, .rule = LateRule::weighted_average}));
  const double gated = score(GatedFusion({.modalities = names, .dim = 16}));
  const double low_rank = score(LowRankFusion({.modalities = names, .dim = 16, .rank = 4}));
  std::printf("late weighted average: %.1f %%\ngated:                 %.1f %%\nlow-rank tensor:       %.1f %%\n", 100 * late, 100 * gated, 100 * low_rank);
  const bool expected = late < 0.57 && low_rank > 0.85 && gated > 0.75;
  std::printf("%s: a relation needs interaction\n", expected ? "as expected" : "NOT what was expected");
  return expected ? 0 : 1;
}

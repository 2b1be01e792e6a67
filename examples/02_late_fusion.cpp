// SPDX-License-Identifier: Apache-2.0
/// Late fusion: two classifiers decide on their own, and their decisions are combined by a weighted average or by votes.
/// The data is simulated: a good microphone and a poor one hear the same command; a third sensor often fails altogether.

#include <alloy/alloy.hpp>

#include <cstdio>

using namespace alloy;

namespace {

const std::vector<std::string> kSensors = {"good", "poor", "shaky"};

std::shared_ptr<MemoryDataset> make_data(int64_t count, uint64_t seed) {
  Random random(seed);
  std::vector<Sample> samples;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t command = random.below(5);
    samples.push_back({.id = std::to_string(i), .values = {}, .target = torch::tensor(command)});
    for (const std::string& sensor : kSensors) {
      if (sensor == "shaky" && random.chance(0.5)) continue;  // absent: the rules go on without it
      std::vector<float> reading(8);
      for (float& value : reading) value = static_cast<float>(random.normal());
      reading[static_cast<size_t>(command)] += sensor == "good" ? 2.2f : sensor == "poor" ? 1.2f : 2.0f;
      samples.back().values.insert(sensor, torch::tensor(reading));
    }
  }
  return std::make_shared<MemoryDataset>(std::move(samples));
}

}  // namespace

int main() {
  seed_everything(1);
  // [late fusion]
  FusionModel model(LateFusion({.modalities = kSensors, .rule = LateRule::weighted_average, .calibrate = true}), {.outputs = 5});
  for (const std::string& sensor : kSensors) model->add(sensor, FeatureEncoder({.in_dim = 8, .dim = 16}));

  Loader train(make_data(2000, 1), {.batch_size = 32}), valid(make_data(500, 2), {.shuffle = false}), test(make_data(1000, 3), {.shuffle = false});
  Trainer(model, {.learning_rate = 0.01, .epochs = 5}).fit(train, &valid);  // weights are fitted on the validation data
  // [late fusion]
  double best_alone = 0, worst_rule = 1;
  for (const std::string& sensor : kSensors) {
    const Predictions alone = predict_all(model, test, {.only = {sensor}});
    const double score = accuracy(alone.logits.argmax(1), alone.target);
    if (sensor != "shaky") best_alone = std::max(best_alone, score);
    std::printf("%-18s %.1f %% of %zu samples\n", sensor.c_str(), 100 * score, alone.ids.size());
  }
  for (const LateRule rule : {LateRule::weighted_average, LateRule::average, LateRule::naive_bayes, LateRule::weighted_vote, LateRule::hard_vote}) {
    model->replace_rule(LateFusion({.modalities = kSensors, .rule = rule, .calibrate = true}));  // encoders and heads stay
    const Predictions held_out = predict_all(model, valid);
    (*model->fusion().decision())->fit(held_out.modality_logits, held_out.target);
    const Predictions all = predict_all(model, test);
    const double score = accuracy(all.logits.argmax(1), all.target);
    if (rule == LateRule::weighted_average || rule == LateRule::naive_bayes) worst_rule = std::min(worst_rule, score);
    std::printf("%-18s %.1f %%\n", std::string(name_of(rule)).c_str(), 100 * score);
  }
  const bool expected = worst_rule > best_alone;
  std::printf("%s: the fitted rules beat the best sensor that is always there\n", expected ? "as expected" : "NOT what was expected");
  return expected ? 0 : 1;
}

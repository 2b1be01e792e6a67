// SPDX-License-Identifier: Apache-2.0
/// Zero-shot classes: pictures and captions learn one space by contrast; then pictures are sorted into classes that are
/// named by prompts, some of which no picture or caption in training ever showed.
/// The data is simulated: one of five shapes in one of five colours, on noise. Five of the 25 pairs are kept out of training.

#include <alloy/alloy.hpp>

#include <torch/optim/adamw.h>

#include <cstdio>

using namespace alloy;

namespace {

const std::vector<std::string> kShapes = {"square", "cross", "ring", "bar", "pole"}, kColours = {"red", "green", "blue", "yellow", "white"};
const std::vector<std::string> kCaptions = {"{}", "a {}", "a photo of a {}", "there is a {} on it", "one {} and nothing else"};

std::string class_name(int64_t c) { return kColours[static_cast<size_t>(c / 5)] + " " + kShapes[static_cast<size_t>(c % 5)]; }
bool kept_out(int64_t c) { return c / 5 == c % 5; }

Tensor draw(int64_t c, Random& random) {
  const double rgb[5][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {1, 1, 0}, {1, 1, 1}};
  Tensor picture = torch::zeros({3, 16, 16});
  const int64_t y = 3 + random.below(10), x = 3 + random.below(10);
  for (int64_t dy = -3; dy <= 3; ++dy)
    for (int64_t dx = -3; dx <= 3; ++dx) {
      const int64_t far = std::max(std::abs(dy), std::abs(dx));
      const bool ink[5] = {true, std::abs(dy) == std::abs(dx), far == 3, std::abs(dy) <= 1, std::abs(dx) <= 1};
      for (int64_t i = 0; i < 3 && ink[c % 5]; ++i) picture[i][y + dy][x + dx] = rgb[c / 5][i];
    }
  return add_gaussian_noise(picture, 0.5, random);
}

/// Pictures with captions, of classes that are kept out of training or of the others.
std::shared_ptr<MemoryDataset> make_data(int64_t count, bool unseen, uint64_t seed) {
  Random random(seed);
  const auto reader = make_modality_reader("text", {});
  std::vector<Sample> samples;
  while (static_cast<int64_t>(samples.size()) < count) {
    const int64_t c = random.below(25);
    if (kept_out(c) != unseen) continue;
    const std::string caption = fill_templates({kCaptions[static_cast<size_t>(random.below(5))]}, class_name(c))[0];
    samples.push_back({.id = std::to_string(samples.size()), .values = {{"image", draw(c, random)}, {"text", reader->read(caption)}}, .target = torch::tensor(c)});
  }
  return std::make_shared<MemoryDataset>(std::move(samples));
}

void train(JointEmbedding joint, Loader& loader, int64_t epochs) {
  joint->objective();  // its scale is trained too
  torch::optim::AdamW optimizer(joint->parameters(), torch::optim::AdamWOptions(3e-3));
  LabelledBatch batch;
  for (int64_t epoch = 0; epoch < epochs; ++epoch)
    for (loader.start(epoch); loader.next(batch);) {
      optimizer.zero_grad();
      joint->loss(joint->forward(batch.inputs), {.ids = batch.target}).total.backward();  // captions of one class are no negatives
      optimizer.step();
      joint->objective()->clamp();
    }
}

double top1(JointEmbedding joint, Loader& test, const std::vector<std::string>& templates) {
  std::vector<std::string> labels;
  for (int64_t c = 0; c < 25; ++c) labels.push_back(class_name(c));
  // [zero shot]
  const auto reader = make_modality_reader("text", {});  // as the text encoder was trained
  const ClassPrompts prompts = prompts_from_texts(joint, "text", *reader, {.labels = labels, .templates = templates});
  const ZeroShotClassifier classifier(joint, prompts);
  const ZeroShotScores scores = zero_shot_scores(classifier, "image", embed_all(joint, test));
  // [zero shot]
  std::printf("  %5.1f %% (%.1f .. %.1f), by chance %.1f %%\n", 100 * scores.top1.score.value, 100 * scores.top1.score.low, 100 * scores.top1.score.high, 100 * scores.top1.chance);
  return scores.top1.score.value;
}

}  // namespace

int main() {
  seed_everything(1);
  JointEmbedding joint({.dim = 32});
  joint->add("image", ConvImageEncoder({.channels = 3, .dim = 64, .stages = {16, 32}}));
  joint->add("text", TextEncoder({.dim = 64, .heads = 2, .layers = 1, .max_length = 64}));
  Loader data(make_data(2000, false, 1), {.batch_size = 64}), seen(make_data(500, false, 2), {.shuffle = false}), unseen(make_data(500, true, 3), {.shuffle = false});
  train(joint, data, 8);
  for (auto* test : {&seen, &unseen}) {
    std::printf("%s\n", test == &seen ? "seen" : "unseen");
    for (const auto& t : std::vector<std::vector<std::string>>{{}, {"a {}"}, {"a drawing of a {}"}, {"look, a {}!"}, {"this is a {}"}, {"a drawing of a {}", "look, a {}!", "this is a {}"}, kCaptions}) {
      std::printf("%zu %s", t.size(), t.empty() ? "" : t[0].c_str());
      top1(joint, *test, t);
    }
  }
  return 0;
}

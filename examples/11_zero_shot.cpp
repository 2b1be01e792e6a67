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
  const Tensor rgb = torch::tensor({{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {1, 1, 0}, {1, 1, 1}})[c / 5].view({3, 1, 1});
  const Tensor y = torch::arange(-3, 4).abs().view({7, 1}).expand({7, 7}), x = y.t();
  const Tensor ink[5] = {y >= 0, y == x, torch::maximum(y, x) == 3, y <= 1, x <= 1};
  const int64_t top = random.below(10), left = random.below(10);
  Tensor picture = torch::zeros({3, 16, 16});
  picture.slice(1, top, top + 7).slice(2, left, left + 7).copy_(rgb * ink[c % 5]);
  return add_gaussian_noise(picture, 0.3, random);
}

/// Pictures with captions, of classes that are kept out of training or of the others.
std::shared_ptr<MemoryDataset> make_data(int64_t count, bool new_classes, uint64_t seed) {
  Random random(seed);
  const auto reader = make_modality_reader("text", {});
  std::vector<Sample> samples;
  while (static_cast<int64_t>(samples.size()) < count) {
    const int64_t c = random.below(25);
    if (kept_out(c) != new_classes) continue;
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

/// Share of pictures whose class is found among all 25.
double top1(JointEmbedding joint, const EmbeddedSet& pictures, const std::vector<std::string>& templates, const char* what) {
  std::vector<std::string> labels;
  for (int64_t c = 0; c < 25; ++c) labels.push_back(class_name(c));
  // [zero shot]
  const auto reader = make_modality_reader("text", {});  // as the captions were read in training
  const ClassPrompts prompts = prompts_from_texts(joint, "text", *reader, {.labels = labels, .templates = templates});
  const ZeroShotClassifier classifier(joint, prompts);
  const RetrievalScore found = zero_shot_scores(classifier, "image", pictures).top1;
  // [zero shot]
  std::printf("%-45s %.1f %% (%.1f .. %.1f), by chance %.1f %%\n", what, 100 * found.score.value, 100 * found.score.low, 100 * found.score.high, 100 * found.chance);
  return found.score.value;
}

}  // namespace

int main() {
  const ThreadScope one_thread(1);  // more only wait for each other on tensors this small
  seed_everything(1);
  JointEmbedding joint({.dim = 32});
  joint->add("image", ConvImageEncoder({.channels = 3, .dim = 64, .stages = {16, 32}}));
  joint->add("text", TextEncoder({.dim = 32, .heads = 2, .layers = 1, .max_length = 64}));
  Loader data(make_data(4000, /*new_classes=*/false, 1), {.batch_size = 64});
  train(joint, data, 5);

  // [retrieval]
  Loader test(make_data(500, /*new_classes=*/false, 2), {.shuffle = false});
  const EmbeddedSet pictures = embed_all(joint, test);
  for (const auto& [from, to, scores] : joint_scores(pictures, {.groups = pictures.target}))  // any caption of the class is right
    std::printf("%s to %s: R@1 %.1f %%, by chance %.1f %%\n", from.c_str(), to.c_str(), 100 * scores.at("R@1").score.value, 100 * scores.at("R@1").chance);
  // [retrieval]
  const double known = top1(joint, pictures, kCaptions, "classes and words of training");
  const std::vector<std::string> others = {"a drawing of a {}", "look, a {}!", "this is a {}"};
  double alone = 0;
  for (const auto& one : others) alone += top1(joint, pictures, {one}, ("other words: " + one).c_str()) / 3;
  const double together = top1(joint, pictures, others, "mean of these three");
  Loader strangers(make_data(500, /*new_classes=*/true, 3), {.shuffle = false});
  const double unseen = top1(joint, embed_all(joint, strangers), kCaptions, "classes never shown, among the same 25");
  const bool expected = known > 0.6 && together > alone && unseen > 0.15;
  std::printf("%s: classes are found by name; the mean of several prompts finds more than one\n", expected ? "as expected" : "NOT what was expected");
  return expected ? 0 : 1;
}

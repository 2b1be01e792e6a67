// SPDX-License-Identifier: Apache-2.0
/// Early fusion: embeddings of a text side by side with features of a picture, read by one joint network.
/// The data is simulated: a shape is drawn (square or cross) and a colour word is typed; the class is the pair of both, so
/// neither the picture nor the word is enough alone.

#include <alloy/alloy.hpp>

#include <cstdio>

using namespace alloy;

namespace {

Tensor draw(int64_t shape, Random& random) {
  Tensor picture = torch::zeros({1, 16, 16});
  const int64_t y = 4 + random.below(8), x = 4 + random.below(8);
  for (int64_t d = -3; d <= 3; ++d) {
    if (shape == 0) picture[0][y + d].slice(0, x - 3, x + 4).fill_(1.0);  // square
    else picture[0][y + d][x + d].fill_(1.0), picture[0][y + d][x - d].fill_(1.0);  // cross
  }
  return add_gaussian_noise(picture, 0.3, random);
}

std::shared_ptr<MemoryDataset> make_data(int64_t count, uint64_t seed) {
  Random random(seed);
  const ByteTokenizer tokenizer({.max_length = 16});
  const std::vector<std::string> words = {"red", "green", "blue"};
  std::vector<Sample> samples;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t shape = random.below(2), colour = random.below(3);
    samples.push_back({.id = std::to_string(i), .values = {}, .target = torch::tensor(shape * 3 + colour)});
    samples.back().values.insert("image", draw(shape, random));
    samples.back().values.insert("text", torch::tensor(tokenizer.encode(words[static_cast<size_t>(colour)])));
  }
  return std::make_shared<MemoryDataset>(std::move(samples));
}

}  // namespace

int main() {
  seed_everything(1);
  // [early fusion]
  FusionModel model(ConcatFusion({.modalities = {"image", "text"}, .dim = 32}), {.outputs = 6});
  model->add("image", ConvImageEncoder({.channels = 1, .dim = 32, .stages = {8, 16}}));
  model->add("text", TextEncoder({.dim = 32, .heads = 2, .layers = 1, .max_length = 16}));

  Loader train(make_data(1200, 1), {.batch_size = 32}), test(make_data(300, 2), {.shuffle = false});
  Trainer(model, {.learning_rate = 3e-3, .epochs = 5}).fit(train);
  const Predictions all = predict_all(model, test);
  // [early fusion]
  const double both = accuracy(all.logits.argmax(1), all.target);
  const Predictions blind = predict_all(model, test, {.only = {"text"}});
  const double words = accuracy(blind.logits.argmax(1), blind.target);
  std::printf("picture and word: %.1f %%, word alone: %.1f %% (half of the six classes cannot be told apart)\n", 100 * both, 100 * words);
  const bool expected = both > 0.9 && words < 0.7;
  std::printf("%s\n", expected ? "as expected" : "NOT what was expected");
  return expected ? 0 : 1;
}

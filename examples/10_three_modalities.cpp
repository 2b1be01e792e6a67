// SPDX-License-Identifier: Apache-2.0
/// Three modalities in one space, learnt from samples most of which lack one: pictures, captions and sounds. Sound and picture are
/// never compared in training, yet one finds the other, by way of the captions (Girdhar et al. 2023, "ImageBind").
/// The data is simulated: coloured shapes, sentences that name them, and tones whose pitch and number tell colour and shape.

#include <alloy/alloy.hpp>

#include <cstdio>

using namespace alloy;

namespace {

std::shared_ptr<ShapesDataset> scenes(int64_t count, int64_t seed, double missing) {
  ShapesDatasetOptions options{.samples = count, .seed = seed, .sound = "sound", .missing = missing};
  options.transform.size = 24;
  return std::make_shared<ShapesDataset>(options);
}

}  // namespace

int main() {
  const ThreadScope one_thread(1);
  seed_everything(1);
  // [three modalities]
  JointEmbedding joint({.dim = 48, .loss = {.scheme = PairScheme::anchored, .anchor = "text"}});
  joint->add("image", ResidualImageEncoder({.dim = 64, .image_size = 24, .widths = {16, 32, 64}, .stem_stride = 2}));
  joint->add("text", TextEncoder({.dim = 64, .heads = 4, .layers = 1, .max_length = 64}));
  joint->add("sound", ConvAudioEncoder({.mel_bins = 32, .frames = 32, .dim = 64, .widths = {8, 16, 32}}));

  Loader train(scenes(2000, 1, /*missing=*/0.8), {.batch_size = 50});  // four of five samples lack a modality
  ContrastiveTrainer(joint, {.learning_rate = 3e-3, .epochs = 4, .schedule = {.warmup = 10}}).fit(train);

  Loader test(scenes(200, 2, /*missing=*/0.0), {.shuffle = false});
  const EmbeddedSet set = embed_all(joint, test);
  const auto pairs = joint_scores(set, {.groups = set.target});  // sounds do not tell place: any scene of the colour and shape is right
  // [three modalities]
  double worst_lift = 1e9;
  for (const auto& [from, to, found] : pairs) {
    const RetrievalScore r = found.at("R@5");
    std::printf("%-6s to %-6s R@5 %.2f (%.2f .. %.2f), by chance %.2f\n", from.c_str(), to.c_str(), r.score.value, r.score.low, r.score.high, r.chance);
    worst_lift = std::min(worst_lift, r.score.value / r.chance);
  }
  const bool expected = pairs.size() == 6 && worst_lift > 2;
  std::printf("%s\n", expected ? "as expected" : "NOT what was expected");
  return expected ? 0 : 1;
}

// SPDX-License-Identifier: Apache-2.0
#include "support/contrastive.hpp"
#include "support/warnings.hpp"

using namespace alloy;

namespace {

JointEmbedding make_pictures(double patch_dropout) {
  seed_everything(3);
  JointEmbedding joint({.dim = 8});
  joint->add("image", VitEncoder({.image_size = 8, .patch_size = 2, .channels = 1, .dim = 8, .heads = 2, .layers = 2, .dropout_rate = 0.1, .patch_dropout = patch_dropout}));
  joint->add("a", Tower(TowerOptions{}));
  joint->objective();
  return joint;
}

/// A picture and six numbers out of it.
std::shared_ptr<MemoryDataset> make_scenes(int64_t count) {
  torch::manual_seed(8);
  std::vector<Sample> samples;
  for (int64_t i = 0; i < count; ++i) {
    const Tensor picture = torch::randn({1, 8, 8});
    samples.push_back({.id = "s" + std::to_string(i), .values = {{"image", picture}, {"a", picture.flatten().slice(0, 0, 6).contiguous()}}, .target = {}});
  }
  return std::make_shared<MemoryDataset>(std::move(samples));
}

std::vector<double> losses_of(JointEmbedding joint, const ContrastiveTrainerOptions& options, const CancelToken& stop = {}, int64_t stop_at = -1) {
  std::vector<double> losses;
  Loader train(make_scenes(48), {.batch_size = 8});
  const auto on_step = [&](const ContrastiveStepRecord& r) {
    losses.push_back(r.loss);
    if (r.step == stop_at) stop.cancel();
  };
  try {
    ContrastiveTrainer(std::move(joint), options).fit(train, nullptr, {.step = on_step, .cancel = stop});
  } catch (const CancelledError&) {
  }
  return losses;
}

}  // namespace

TEST_CASE("the gradient cache is exact with patch dropout", "[train]") {
  JointEmbedding joint = make_pictures(0.5);
  joint->to(torch::kDouble);
  torch::manual_seed(5);
  const Batch batch{{"image", {.values = torch::randn({14, 1, 8, 8}, torch::kDouble)}}, {"a", {.values = torch::randn({14, 6}, torch::kDouble)}}};
  // The direct way in the same chunks, which draw the same numbers.
  torch::manual_seed(9);
  std::vector<Tensor> image, a;
  for (int64_t begin = 0; begin < 14; begin += 4) {
    const auto e = joint->forward(rows(batch, torch::arange(begin, std::min<int64_t>(begin + 4, 14))));
    image.push_back(e.at("image").values);
    a.push_back(e.at("a").values);
  }
  joint->loss({{"image", {torch::cat(image), {}}}, {"a", {torch::cat(a), {}}}}).total.backward();
  std::vector<Tensor> wanted;
  for (const Tensor& p : joint->parameters()) wanted.push_back(p.grad().clone());
  joint->zero_grad();
  torch::manual_seed(9);
  cached_backward(joint, batch, {}, {.chunk_size = 4});
  const auto parameters = joint->parameters();
  for (size_t i = 0; i < wanted.size(); ++i) CHECK_THAT(parameters[i].grad(), AllClose(wanted[i], 1e-9, 1e-12));
}

TEST_CASE("a training with patch dropout is taken up bit by bit, and computes its blocks again", "[train]") {
  ContrastiveTrainerOptions options = quick_options();
  options.force_patch_dropout = 0.5;
  options.accum_freq = 2;
  JointEmbedding unbroken = make_pictures(0);
  const auto straight = losses_of(unbroken, options);

  ContrastiveTrainerOptions again = options;
  again.grad_checkpointing = true;
  JointEmbedding recomputed = make_pictures(0);
  CHECK(losses_of(recomputed, again)[0] == straight[0]);

  const TempDir dir;
  const Warnings quiet;
  options.folder = dir.path();
  options.resume = "latest";
  auto pieces = losses_of(make_pictures(0), options, {}, 2);
  JointEmbedding second = make_pictures(0);
  torch::rand({5});
  for (const double loss : losses_of(second, options)) pieces.push_back(loss);
  CHECK(pieces == straight);
  check_same(weights(second), weights(unbroken));
}

TEST_CASE("a trainer forces patch dropout, or leaves it to the encoders", "[train]") {
  ContrastiveTrainerOptions options = quick_options();
  JointEmbedding own = make_pictures(0.5);
  const auto as_the_encoder_says = losses_of(own, options);
  options.force_patch_dropout = 0.5;
  CHECK(losses_of(make_pictures(0), options) == as_the_encoder_says);
  options.force_patch_dropout = 0;
  const auto none = losses_of(make_pictures(0.5), options);
  CHECK(none != as_the_encoder_says);
  options.force_patch_dropout = -1;
  CHECK(losses_of(make_pictures(0), options) == none);
  options.force_patch_dropout = 1;
  CHECK_THROWS_WITH(ContrastiveTrainer(own, options), ContainsSubstring("force_patch_dropout in 0..1") && ContainsSubstring("got 1"));
  options.force_patch_dropout = 0.5;
  JointEmbedding without = make_joint();
  Loader train(make_data(32, 1), {.batch_size = 16});
  CHECK_THROWS_WITH(ContrastiveTrainer(without, options).fit(train), ContainsSubstring("an encoder with patches"));
}

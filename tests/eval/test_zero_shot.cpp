// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alloy.hpp>

using namespace alloy;

namespace {

/// What a token id is worth in the test's space of three directions.
std::array<double, 3> worth(int64_t id) {
  const auto x = static_cast<double>(id);
  return {std::sin(x), std::cos(1.7 * x), std::sin(0.3 * x + 1.0)};
}

struct BagOptions {
  static void describe(auto&, auto&&) {}
};

/// The sum of the worths of the tokens that the mask keeps.
class BagImpl final : public Encoder {
 public:
  using Options = BagOptions;
  static constexpr auto kName = "bag";
  explicit BagImpl(BagOptions) : table_(torch::empty({260, 3})) {
    for (int64_t id = 0; id < 260; ++id)
      for (int64_t d = 0; d < 3; ++d) table_[id][d] = worth(id)[static_cast<size_t>(d)];
  }
  Features forward(const ModalityInput& input) override {
    Tensor x = table_.index({input.values});  // [B, T, 3]
    if (input.mask.defined()) x = x * input.mask.unsqueeze(2);
    return {.pooled = x.sum(1)};
  }
  int64_t dim() const override { return 3; }
  const BagOptions& options() const { return options_; }

 private:
  BagOptions options_;
  Tensor table_;
};
using Bag = Holder<BagImpl>;

/// The space is that of the encoders: projections are the identity.
JointEmbedding make_joint(PairwiseLossOptions loss = {.scale = {.start = 20}}) {
  JointEmbedding joint({.dim = 3, .loss = std::move(loss)});
  joint->add("text", Bag(BagOptions{}));
  joint->add("image", FeatureEncoder({.in_dim = 3}));
  joint->add("audio", FeatureEncoder({.in_dim = 3}));
  const torch::NoGradGuard no_grad;
  for (auto& p : joint->named_parameters())
    if (p.key().starts_with("projection")) p.value().copy_(torch::eye(3));
  return joint;
}

using Vector = std::array<double, 3>;
Vector unit(Vector v) {
  const double length = std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
  return {v[0] / length, v[1] / length, v[2] / length};
}
Vector embed_by_hand(const std::string& text) {
  Vector sum = worth(ByteTokenizer::kBeginId), end = worth(ByteTokenizer::kEndId);
  for (size_t d = 0; d < 3; ++d) sum[d] += end[d];
  for (const char c : text)
    for (size_t d = 0; d < 3; ++d) sum[d] += worth(ByteTokenizer::kFirstByteId + static_cast<unsigned char>(c))[d];
  return unit(sum);
}
Vector class_by_hand(const std::vector<std::string>& prompts) {
  Vector sum{};
  for (const std::string& prompt : prompts)
    for (size_t d = 0; d < 3; ++d) sum[d] += embed_by_hand(prompt)[d];
  return unit(sum);
}

const auto kReader = make_modality_reader("text", {});
const std::vector<std::string> kLabels = {"cat", "dog", "a long one"};
const std::vector<std::string> kTemplates = {"a photo of a {}", "{}: is it a {}?", "drawing, {}"};

std::string what(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing thrown";
}

}  // namespace

TEST_CASE("templates", "[eval]") {
  CHECK(fill_templates(kTemplates, "cat") == std::vector<std::string>{"a photo of a cat", "cat: is it a cat?", "drawing, cat"});
  CHECK(fill_templates({}, "cat") == std::vector<std::string>{"cat"});
  CHECK(fill_templates({"{}{}"}, "{}") == std::vector<std::string>{"{}{}"});  // what the label brings is not filled again
  CHECK_THAT(what([] { fill_templates({"a photo of a {c}"}, "cat"); }), ContainsSubstring("expected {} where the label goes in each template, got 'a photo of a {c}'"));
}

TEST_CASE("zero-shot classes from templates", "[eval]") {
  JointEmbedding joint = make_joint();
  const ClassPrompts prompts = prompts_from_texts(joint, "text", *kReader, {.labels = kLabels, .templates = kTemplates, .batch_size = 2});
  const ZeroShotClassifier classifier(joint, prompts);
  torch::manual_seed(2);
  const Tensor images = torch::randn({5, 3});
  const ZeroShotOutput out = classifier.classify("image", {.values = images});
  SECTION("as by hand") {
    for (int64_t b = 0; b < 5; ++b) {
      const Vector image = unit({images[b][0].item<double>(), images[b][1].item<double>(), images[b][2].item<double>()});
      std::array<double, 3> cosines{};
      double sum = 0;
      for (size_t k = 0; k < 3; ++k) {
        const Vector mean = class_by_hand({"a photo of a " + kLabels[k], kLabels[k] + ": is it a " + kLabels[k] + "?", "drawing, " + kLabels[k]});
        cosines[k] = image[0] * mean[0] + image[1] * mean[1] + image[2] * mean[2];
        sum += std::exp(20 * cosines[k]);
      }
      const auto best = static_cast<size_t>(std::ranges::max_element(cosines) - cosines.begin());
      for (size_t k = 0; k < 3; ++k) {
        CHECK_THAT(out.similarities[b][static_cast<int64_t>(k)].item<double>(), WithinAbs(cosines[k], 1e-5));
        CHECK_THAT(out.log_probs[b][static_cast<int64_t>(k)].item<double>(), WithinAbs(20 * cosines[k] - std::log(sum), 2e-4));
      }
      CHECK(out.best[b].item<int64_t>() == static_cast<int64_t>(best));
      CHECK(out.labels[static_cast<size_t>(b)] == kLabels[best]);
    }
    CHECK_THAT(out.log_probs.exp().sum(1), AllClose(torch::ones({5}), 1e-5));
  }
  SECTION("averaging is not one template, no template is the label, batches of prompts do not matter") {
    const Tensor one = prompts_from_texts(joint, "text", *kReader, {.labels = kLabels, .templates = {kTemplates[0]}}).embeddings;
    const Tensor plain = prompts_from_texts(joint, "text", *kReader, {.labels = kLabels}).embeddings;
    const Vector cat = class_by_hand({"cat"});
    CHECK_THAT(plain[0].to(torch::kDouble), AllClose(torch::tensor({cat[0], cat[1], cat[2]}, torch::kDouble), 1e-5));
    CHECK((one - prompts.embeddings).abs().max().item<double>() > 0.05);
    const Tensor at_once = prompts_from_texts(joint, "text", *kReader, {.labels = kLabels, .templates = kTemplates, .batch_size = 100}).embeddings;
    CHECK_THAT(at_once, AllClose(prompts.embeddings, 1e-6));
    CHECK_THAT(at_once.norm(2, {1}), AllClose(torch::ones({3}), 1e-5));
  }
  SECTION("temperature: explicit, or as learned") {
    CHECK_THAT(classifier.scale("image"), WithinRel(20.0, 1e-5));
    const ZeroShotOutput cool = ZeroShotClassifier(joint, prompts, {.scale = 2}).classify("image", {.values = images});
    CHECK_THAT(cool.log_probs, AllClose((2 * out.similarities).log_softmax(1), 1e-5));
    CHECK_THAT(cool.best, SameBits(out.best));
    {
      const torch::NoGradGuard no_grad;
      for (auto& p : joint->objective()->parameters()) p.fill_(std::log(7.0));
    }
    CHECK_THAT(classifier.scale("image"), WithinRel(7.0, 1e-5));
  }
  SECTION("a batch of one, and inputs that are embedded already") {
    const ZeroShotOutput one = classifier.classify("image", {.values = images.narrow(0, 3, 1)});
    CHECK_THAT(one.log_probs, AllClose(out.log_probs.narrow(0, 3, 1), 1e-5));
    CHECK(one.labels == std::vector<std::string>{out.labels[3]});
    CHECK_THAT(classifier.classify_embedded("image", 1e30 * images).log_probs, AllClose(out.log_probs, 1e-4));
  }
  SECTION("the model keeps its mode, and results carry no gradient") {
    CHECK(joint->is_training());
    CHECK_FALSE(out.log_probs.requires_grad());
    CHECK_FALSE(prompts.embeddings.requires_grad());
  }
  SECTION("missing modality") {
    const ModalityInput gaps{.values = images, .present = torch::tensor({true, true, false, true, true})};
    CHECK_THROWS_AS(classifier.classify("image", gaps), DataError);
    CHECK_THAT(what([&] { classifier.classify("image", gaps); }), ContainsSubstring("'image' in every sample, got none in sample 2"));
    CHECK_THAT(what([&] { classifier.classify("video", {.values = images}); }), ContainsSubstring("text, image, audio, got 'video'"));
    CHECK_THAT(what([&] { prompts_from_texts(joint, "video", *kReader, {.labels = kLabels}); }), ContainsSubstring("got 'video'"));
  }
}

TEST_CASE("zero-shot classes by example and from ready embeddings", "[eval]") {
  JointEmbedding joint = make_joint();
  const Tensor sounds = torch::tensor({{1.f, 0.f, 0.f}, {0.f, 9.f, 0.f}, {0.f, 0.f, 1.f}, {0.f, 1.f, 1.f}});
  const Tensor images = torch::tensor({{3.f, 0.1f, 0.f}, {0.f, 0.2f, 0.1f}});
  SECTION("one example a class; its length does not count") {
    const ZeroShotClassifier classifier(joint, prompts_from_examples(joint, "audio", {.values = sounds.narrow(0, 0, 3)}, kLabels));
    CHECK(classifier.classify("image", {.values = images}).labels == std::vector<std::string>{"cat", "dog"});
    CHECK(classifier.labels() == kLabels);
  }
  SECTION("several examples of a class are averaged as unit vectors") {
    const ClassPrompts p = prompts_from_examples(joint, "audio", {.values = sounds}, {"x", "y"}, torch::tensor({0, 1, 1, 1}));
    const double half = std::sqrt(0.5), length = std::sqrt(2.0) * (1 + half);
    CHECK_THAT(p.embeddings, AllClose(torch::tensor({{1., 0., 0.}, {0., (1 + half) / length, (1 + half) / length}}, torch::kFloat), 1e-6));
    CHECK(p.modality == "audio");
  }
  SECTION("ready embeddings, of any length and floating type") {
    const Tensor ready = torch::tensor({{1e-30, 0., 0.}, {0., 1e30, 0.}, {0., 0., 2.}}, torch::kDouble);
    const ZeroShotClassifier classifier(joint, {.labels = kLabels, .embeddings = ready, .modality = "text"});
    CHECK_THAT(classifier.classify("image", {.values = torch::eye(3)}).similarities, AllClose(torch::eye(3), 1e-6));
    CHECK_THAT(classifier.prompts().embeddings, AllClose(torch::eye(3), 1e-6));
  }
  SECTION("errors") {
    CHECK_THAT(what([&] { prompts_from_examples(joint, "audio", {.values = sounds}, kLabels); }), ContainsSubstring("each of 3 labels, or their classes, got 4 examples"));
    CHECK_THAT(what([&] { prompts_from_examples(joint, "audio", {.values = sounds}, kLabels, torch::tensor({0, 1, 3, 1})); }), ContainsSubstring("classes 0..2, got 3 for example 2"));
    CHECK_THAT(what([&] { prompts_from_examples(joint, "audio", {.values = sounds}, kLabels, torch::tensor({0, 2, 0, 2})); }), ContainsSubstring("got none of 'dog'"));
    CHECK_THROWS_AS(prompts_from_examples(joint, "audio", {.values = sounds}, kLabels, torch::tensor({0, 1})), ShapeError);
    CHECK_THROWS_AS(prompts_from_examples(joint, "audio", {.values = sounds}, kLabels, torch::tensor({0., 1., 2., 1.})), ShapeError);
    const Tensor opposite = torch::cat({sounds.narrow(0, 0, 1), -sounds.narrow(0, 0, 1)});
    CHECK_THAT(what([&] { prompts_from_examples(joint, "audio", {.values = torch::cat({opposite, sounds})}, kLabels, torch::tensor({1, 1, 0, 0, 2, 2})); }),
               ContainsSubstring("label 'dog', got some that cancel"));
  }
}

TEST_CASE("zero-shot: scale of the pair", "[eval]") {
  JointEmbedding joint = make_joint({.scheme = PairScheme::anchored, .anchor = "image", .scale = {.start = 5}, .scale_per_pair = true});
  {
    const torch::NoGradGuard no_grad;
    for (auto& p : joint->objective()->named_parameters())
      if (p.key().find("text-image") != std::string::npos) p.value().fill_(std::log(8.0));
  }
  const ClassPrompts prompts = prompts_from_texts(joint, "text", *kReader, {.labels = kLabels});
  const ZeroShotClassifier classifier(joint, prompts);
  CHECK_THAT(classifier.scale("image"), WithinRel(8.0, 1e-5));
  CHECK_THAT(what([&] { classifier.classify("audio", {.values = torch::eye(3)}); }), ContainsSubstring("of 'text' with 'audio'") && ContainsSubstring("set the option scale"));
  CHECK_NOTHROW(ZeroShotClassifier(joint, prompts, {.scale = 3}).classify("audio", {.values = torch::eye(3)}));
}

TEST_CASE("zero-shot: errors", "[eval]") {
  JointEmbedding joint = make_joint();
  const auto prompts = [&](PromptOptions o) { return what([&] { prompts_from_texts(joint, "text", *kReader, o); }); };
  CHECK_THAT(prompts({.labels = {"cat", "dog"}, .templates = {"a {}", "a photo"}}), ContainsSubstring("got 'a photo'"));
  CHECK_THAT(prompts({.labels = {"cat", " "}}), ContainsSubstring("no empty label, got one at place 1"));
  CHECK_THAT(prompts({.labels = {"cat", "dog", "cat"}}), ContainsSubstring("each label once, got 'cat' twice"));
  CHECK_THAT(prompts({.labels = {"cat"}}), ContainsSubstring("at least two labels to choose from, got 1: cat"));
  CHECK_THAT(prompts({.labels = {"cat", "dog"}, .batch_size = 0}), ContainsSubstring("batch_size > 0"));
  CHECK_THROWS_AS(prompts_from_texts(joint, "text", *kReader, {}), ConfigError);
  CancelToken cancel;
  cancel.cancel();
  CHECK_THROWS_AS(prompts_from_texts(joint, "text", *kReader, {.labels = kLabels}, cancel), CancelledError);

  const auto ready = [&](const Tensor& embeddings) { return what([&] { ZeroShotClassifier(joint, {.labels = kLabels, .embeddings = embeddings, .modality = "text"}); }); };
  Tensor bad = torch::eye(3);
  bad[1] = 0;
  CHECK_THAT(ready(bad), ContainsSubstring("finite and not zero, got one with largest entry 0 for label 'dog'"));
  bad[1][2] = std::nan("");
  CHECK_THAT(ready(bad), ContainsSubstring("label 'dog'"));
  CHECK_THAT(ready(torch::ones({2, 3})), ContainsSubstring("got float32 [2, 3]"));
  CHECK_THAT(ready(torch::ones({3, 4})), ContainsSubstring("in the model's space"));
  CHECK_THAT(ready(torch::ones({3, 3}, torch::kLong)), ContainsSubstring("int64 [3, 3]"));
  const ClassPrompts fine{.labels = kLabels, .embeddings = torch::eye(3), .modality = "text"};
  CHECK_THROWS_AS(ZeroShotClassifier(joint, fine, {.scale = -1}), ConfigError);
  CHECK_THROWS_AS(ZeroShotClassifier(joint, fine, {.scale = std::nan("")}), ConfigError);
  const ZeroShotClassifier classifier(joint, fine);
  CHECK_THAT(what([&] { classifier.classify_embedded("image", torch::zeros({2, 3})); }), ContainsSubstring("for row 0"));
  CHECK_THROWS_AS(classifier.classify_embedded("image", torch::ones({2, 4})), ShapeError);
}

TEST_CASE("zero-shot accuracy", "[eval]") {
  JointEmbedding joint({.dim = 7});
  joint->add("text", FeatureEncoder({.in_dim = 7}));
  joint->add("image", FeatureEncoder({.in_dim = 7}));
  const ZeroShotClassifier classifier(joint, {.labels = {"0", "1", "2", "3", "4", "5", "6"}, .embeddings = torch::eye(7), .modality = "text"});
  // Samples 1..4 of five have an image: classes 2 (nearest), 0 (fourth), 5 (seventh), 1 (tied with another for the first place)
  const Tensor images = torch::tensor({{.1f, .2f, .9f, .3f, .4f, .5f, .6f}, {.4f, .1f, .2f, .3f, .5f, .6f, .7f}, {.7f, .2f, .3f, .4f, .5f, .1f, .6f}, {.1f, .9f, .9f, .2f, .3f, .4f, .5f}});
  EmbeddedSet set{.ids = {"a", "b", "c", "d", "e"}, .target = torch::tensor({6, 2, 0, 5, 1}), .modalities = {}, .skipped = {}};
  set.modalities.insert("image", {images, torch::tensor({1, 2, 3, 4})});
  const ZeroShotScores scores = zero_shot_scores(classifier, "image", set, {.resamples = 50});
  CHECK(scores.samples == 4);
  CHECK(scores.labels == 7);
  CHECK_THAT(scores.top1.score.value, WithinAbs(1.5 / 4, 1e-12));
  CHECK_THAT(scores.top5.score.value, WithinAbs(3.0 / 4, 1e-12));
  CHECK_THAT(scores.top1.chance, WithinAbs(1 / 7.0, 1e-12));
  CHECK_THAT(scores.top5.chance, WithinAbs(5 / 7.0, 1e-12));
  CHECK(scores.top1.name == "top1");
  CHECK(scores.top1.score.low < scores.top1.score.value);
  SECTION("errors") {
    CHECK_THAT(what([&] { zero_shot_scores(classifier, "text", set); }), ContainsSubstring("'text', got only: image"));
    set.target[3] = 7;
    CHECK_THAT(what([&] { zero_shot_scores(classifier, "image", set); }), ContainsSubstring("classes 0..6, as there are labels, got 7 for sample 'd'"));
    set.target = set.target.to(torch::kFloat);
    CHECK_THROWS_AS(zero_shot_scores(classifier, "image", set), ShapeError);
    set.target = Tensor();
    CHECK_THAT(what([&] { zero_shot_scores(classifier, "image", set); }), ContainsSubstring("with targets, got none"));
    set.modalities.insert("text", {torch::zeros({0, 7}), torch::zeros({0}, torch::kLong)});
    CHECK_THROWS_AS(zero_shot_scores(classifier, "text", set), DataError);
  }
}

TEST_CASE("zero-shot: a set embedded from data, classified by prompts", "[eval]") {
  JointEmbedding joint = make_joint();
  const ZeroShotClassifier classifier(joint, prompts_from_texts(joint, "text", *kReader, {.labels = kLabels, .templates = kTemplates}));
  std::vector<Sample> samples;
  for (int64_t i = 0; i < 9; ++i) {
    const Vector v = class_by_hand({"drawing, " + kLabels[static_cast<size_t>(i % 3)]});
    samples.push_back({.id = std::to_string(i), .values = {{"image", torch::tensor({v[0], v[1], v[2]}, torch::kFloat)}}, .target = torch::tensor(i % 3)});
  }
  Loader loader(std::make_shared<MemoryDataset>(samples), {.batch_size = 4, .shuffle = false});
  const EmbeddedSet set = embed_all(joint, loader);
  const ZeroShotOutput out = classifier.classify_embedded("image", set.modalities.at("image").values);
  CHECK_THAT(zero_shot_scores(classifier, "image", set, {.resamples = 10}).top1.score.value, WithinAbs(accuracy(out.best, set.target), 1e-12));
}

TEST_CASE("labels and templates from a file", "[eval]") {
  const TempDir dir;
  write_file(dir / "labels.txt", "a cat \r\n\n  \nzwei Hunde\nlast");
  CHECK(read_prompt_file(dir / "labels.txt") == std::vector<std::string>{"a cat", "zwei Hunde", "last"});
  write_file(dir / "empty.txt", "\n \n");
  CHECK_THROWS_WITH(read_prompt_file(dir / "empty.txt"), ContainsSubstring("empty.txt") && ContainsSubstring("a line of text"));
  CHECK_THROWS_AS(read_prompt_file(dir / "gone.txt"), IoError);
}

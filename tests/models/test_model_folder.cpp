// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alloy.hpp>

#include <fstream>

using namespace alloy;

namespace {

SavedModel small_model(AnyFusion fusion) {
  SavedModel saved{.model = FusionModel(std::move(fusion), {.outputs = 3}), .labels = {"x", "y", "z"}, .modalities = {}};
  saved.model->add("image", ConvImageEncoder({.channels = 1, .dim = 8, .stages = {4, 8}}));
  saved.model->add("text", TextEncoder({.dim = 8, .heads = 2, .layers = 1}));
  saved.modalities = {{"image", "image", to_config(ImageTransformOptions{.size = 8, .channels = 1})}, {"text", "text", to_config(ByteTokenizerOptions{.max_length = 16})}};
  saved.model->eval();
  return saved;
}

Batch batch_of(int64_t n) { return {{"image", {.values = torch::randn({n, 1, 8, 8})}}, {"text", {.values = torch::randint(4, 250, {n, 6})}}}; }

void replace_in(const std::filesystem::path& file, const std::string& from, const std::string& to) {
  std::string text = read_text_file(file, 1 << 20);
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  write_file(file, text.replace(at, from.size(), to));
}

}  // namespace

TEST_CASE("a model folder gives the model back, bit for bit", "[models]") {
  seed_everything(1);
  TempDir dir;
  const std::vector<std::string> names = {"image", "text"};
  LateFusion late({.modalities = names, .rule = LateRule::naive_bayes});
  for (const AnyFusion& fusion : {AnyFusion(GatedFusion({.modalities = names, .dim = 8})), AnyFusion(CrossAttentionFusion({.modalities = names, .dim = 8, .heads = 2})), AnyFusion(late)}) {
    const SavedModel saved = small_model(fusion);
    if (fusion.decision()) late->fit({{"image", {torch::randn({9, 3}), {}}}, {"text", {torch::randn({9, 3}), {}}}}, torch::tensor({0, 0, 0, 0, 0, 1, 1, 2, 2}));
    save_model(dir / "m", saved);
    const SavedModel loaded = load_model(dir / "m");
    CHECK(loaded.labels == saved.labels);
    CHECK(loaded.modalities[1].preprocess == saved.modalities[1].preprocess);
    CHECK(loaded.model->modalities() == names);
    const Batch batch = batch_of(4);
    FusionModel model = saved.model, again = loaded.model;
    CHECK_THAT(again->predict(batch).logits, SameBits(model->predict(batch).logits));
  }
}

TEST_CASE("model folders name what is wrong in them", "[models]") {
  TempDir dir;
  const auto folder = dir / "m";
  const auto fresh = [&] { save_model(folder, small_model(GatedFusion({.modalities = {"image", "text"}, .dim = 8}))); };
  const auto message = [&](const std::string& from, const std::string& to) {
    fresh();
    replace_in(folder / "config.json", from, to);
    try {
      load_model(folder);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("loaded");
  };
  CHECK_THAT(message("\"format_version\": 1", "\"format_version\": 2"), ContainsSubstring("format_version: expected 1, got 2; this is alloy's format of a newer version"));
  CHECK_THAT(message("\"gated\"", "\"gatd\""), ContainsSubstring("unknown fusion 'gatd', known: attention, concat"));
  CHECK_THAT(message("\"conv_image\"", "\"conf\""), ContainsSubstring("unknown encoder 'conf'"));
  CHECK_THAT(message("\"vocab_size\"", "\"vocabsize\""), ContainsSubstring("/modalities/1/encoder/options/vocabsize: unknown option, known: vocab_size"));
  CHECK_THAT(message("\"alloy_fusion\"", "\"clip\""), ContainsSubstring("expected 'alloy_fusion', got 'clip'"));
  CHECK_THAT(message("\"task\"", "\"tusk\""), ContainsSubstring("tusk: unknown option"));
  CHECK_THAT(message("\"outputs\": 3", "\"outputs\": 4"), ContainsSubstring("expected 4 labels or none, got 3"));
  CHECK_THAT(message("\"layers\": 1", "\"layers\": 2"), ContainsSubstring("encoder_text.transformer.blocks_1"));
  CHECK_THAT(message("{", "["), ContainsSubstring("expected JSON"));
  fresh();
  std::filesystem::remove(folder / "model.safetensors");
  CHECK_THROWS_WITH(load_model(folder), ContainsSubstring("model.safetensors"));
  CHECK_THROWS_AS(load_model(dir / "nothing"), IoError);
}

TEST_CASE("saving what cannot be loaded is refused before anything is written", "[models]") {
  struct Stranger final : Encoder {
    Features forward(const ModalityInput& input) override { return {.pooled = input.values}; }
    int64_t dim() const override { return 4; }
  };
  TempDir dir;
  SavedModel saved{.model = FusionModel(SumFusion({.modalities = {"a"}, .dim = 4}), {.outputs = 2}), .labels = {}, .modalities = {}};
  saved.model->add("a", std::make_shared<Stranger>());
  CHECK_THROWS_WITH(save_model(dir / "m", saved), ContainsSubstring("made by make_shared"));
  CHECK_FALSE(std::filesystem::exists(dir / "m"));
  saved = small_model(GatedFusion({.modalities = {"image", "text"}, .dim = 8}));
  saved.labels = {"one"};
  CHECK_THROWS_WITH(save_model(dir / "m", saved), ContainsSubstring("3 labels or none, got 1"));
}

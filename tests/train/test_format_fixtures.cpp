// SPDX-License-Identifier: Apache-2.0
// Reliability row C9: folders of each released format load for ever. tests/fixtures/format-N holds what version N wrote; that of the format
// in force is made anew, on purpose only, by
//   ALLOY_FORMAT_FIXTURE=tests/fixtures/format-1 build/ci/tests/alloy_tests "write the fixture of this format"
#include "support/catch.hpp"

#include <alloy/alloy.hpp>

#include <cstdlib>

using namespace alloy;
namespace fs = std::filesystem;

namespace {

const fs::path kFixture = fs::path(ALLOY_TEST_FIXTURES) / "format-1";
constexpr int64_t kSteps = 8, kStop = 3;

/// Values that no generator of random numbers makes.
Tensor ramp(at::IntArrayRef shape, double offset = 0) {
  const int64_t count = c10::multiply_integers(shape);
  return torch::sin(torch::arange(count, torch::kDouble) * 0.7 + offset).to(torch::kFloat).view(shape);
}

Batch inputs() { return {{"image", {.values = ramp({3, 1, 8, 8})}}, {"text", {.values = torch::arange(4, 22).view({3, 6})}}}; }

SavedModel fusion() {
  SavedModel saved{.model = FusionModel(GatedFusion({.modalities = {"image", "text"}, .dim = 4}), {.outputs = 2}), .labels = {"no", "yes"}, .modalities = {}};
  saved.model->add("image", ConvImageEncoder({.channels = 1, .dim = 4, .stages = {4}}));
  saved.model->add("text", TextEncoder({.dim = 4, .heads = 2, .layers = 1}));
  saved.modalities = {{"image", "image", to_config(ImageTransformOptions{.size = 8, .channels = 1})}, {"text", "text", to_config(ByteTokenizerOptions{.max_length = 16})}};
  return saved;
}

JointEmbedding joint() {
  JointEmbedding model({.dim = 4, .loss = {.weights = {{.first = "a", .second = "a2", .weight = 0.5}}}});
  model->add("a", FeatureEncoder({.in_dim = 3, .dim = 4}));
  model->add("b", FeatureEncoder({.in_dim = 3, .dim = 4}));
  model->add_view("a2", "a");
  return model;
}

/// Goes on from `resume`, or from the start; ends after `steps`.
void train(const JointEmbedding& model, const fs::path& folder, const std::string& resume, int64_t steps) {
  std::vector<Sample> samples;
  for (int i = 0; i < 16; ++i) samples.push_back({.id = "s" + std::to_string(i), .values = {{"a", ramp({3}, i)}, {"b", ramp({3}, i + 0.3)}, {"a2", ramp({3}, i + 0.1)}}, .target = {}});
  Loader loader(std::make_shared<MemoryDataset>(std::move(samples)), {.batch_size = 4, .seed = 5});
  const CancelToken stop;
  ContrastiveTrainerOptions options{.learning_rate = 0.01, .epochs = 2, .weight_average = 0.9, .folder = folder, .data_digest = "fixture", .report_to = ReportTo::none};
  options.resume = resume;
  try {
    ContrastiveTrainer(model, options).fit(loader, nullptr, {.step = [&](const ContrastiveStepRecord& r) { if (r.step == steps && steps < kSteps) stop.cancel(); }, .cancel = stop});
  } catch (const CancelledError&) {
  }
}

NamedTensors state_of(const torch::nn::Module& module, const std::string& prefix) {
  NamedTensors state = module_state(module);
  for (auto& [name, tensor] : state) name = prefix + name;
  return state;
}

}  // namespace

TEST_CASE("write the fixture of this format", "[train]") {
  const char* wanted = std::getenv("ALLOY_FORMAT_FIXTURE");
  if (wanted == nullptr) return;
  const fs::path folder = wanted;
  const TempDir scratch;
  seed_everything(1);
  SavedModel late = fusion();
  late.model->eval();
  JointEmbedding model = joint();
  NamedTensors expected{{"fusion.logits", late.model->predict(inputs()).logits}};
  fs::create_directories(folder);
  save_model(folder / "fusion", late);
  train(model, scratch / "run", "", kStop);
  fs::remove_all(folder / "checkpoint");
  fs::copy(latest_checkpoint(scratch / "run" / "checkpoints")->folder, folder / "checkpoint", fs::copy_options::recursive);
  save_model(folder / "joint", SavedJoint{.model = model, .modalities = {{"a", "features", Config::object()}}});
  expected.emplace_back("joint.a", model->embed("a", {.values = ramp({2, 3})}));
  train(model, scratch / "run", "latest", kSteps);
  for (auto& item : state_of(*model, "trained.")) expected.push_back(item);
  save_safetensors(folder / "expected.safetensors", expected);
}

TEST_CASE("row C9: folders of format 1 load, and their training goes on", "[train]") {
  NamedTensors expected = load_safetensors(kFixture / "expected.safetensors");
  const auto wanted = [&](const std::string& name) {
    for (const auto& [key, tensor] : expected)
      if (key == name) return tensor;
    throw std::out_of_range(name);
  };
  SavedModel late = load_model(kFixture / "fusion");
  CHECK(late.labels == std::vector<std::string>{"no", "yes"});
  CHECK(late.modalities[1].preprocess == to_config(ByteTokenizerOptions{.max_length = 16}));
  CHECK_THAT(late.model->predict(inputs()).logits, AllClose(wanted("fusion.logits"), 1e-5));

  SavedJoint space = load_joint_model(kFixture / "joint");
  CHECK(space.model->view_of("a2") == "a");
  CHECK_THAT(space.model->embed("a", {.values = ramp({2, 3})}), AllClose(wanted("joint.a"), 1e-5));

  const TempDir dir;
  JointEmbedding model = joint();
  train(model, dir / "run", (kFixture / "checkpoint").string(), kSteps);
  size_t compared = 0;
  for (const auto& [name, tensor] : state_of(*model, "trained.")) {
    INFO(name);
    CHECK_THAT(tensor.detach(), AllClose(wanted(name), 1e-4));
    ++compared;
  }
  CHECK(compared + 2 == expected.size());
}

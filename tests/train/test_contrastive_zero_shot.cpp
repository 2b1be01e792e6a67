// SPDX-License-Identifier: Apache-2.0
#include "support/contrastive.hpp"

#include <fstream>
#include <sstream>

using namespace alloy;

namespace {

constexpr int64_t kSide = 8;

/// One vector as .npy, without the care that atomic files take of a crash.
void write_features(const std::filesystem::path& path, const Tensor& x) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(x.numel()) + ",), }";
  header.resize(117, ' ');
  std::ofstream file(path, std::ios::binary);
  file << std::string("\x93NUMPY\x01\0\x76\0", 10) << header << '\n';
  file.write(static_cast<const char*>(x.const_data_ptr()), static_cast<std::streamsize>(x.nbytes()));
}

/// Drawn scenes as files of features: pairs.csv to train on, and classes.csv, whose class is the colour.
void write_scenes(const std::filesystem::path& folder) {
  Random random(5);
  std::string pairs = "picture,caption,split\n", classes = "picture,caption,colour,split\n";
  for (int64_t i = 0; i < 160; ++i) {
    ShapeScene scene = random_scene(random);
    scene.size = 1, scene.place = 0;  // quickly learnt
    const std::string name = "s" + std::to_string(i) + ".npy", &colour = shape_colors()[static_cast<size_t>(scene.color)];
    write_features(folder / name, draw_scene(scene, kSide, random).to(torch::kFloat).div(255).flatten());
    if (i < 112) pairs += name + "," + caption_of(scene) + "," + (i < 96 ? "train" : "valid") + "\n";
    else classes += (i == 120 ? "" : name) + "," + caption_of(scene) + "," + colour + "," + (i % 2 ? "test" : "") + "\n";
  }
  write_file(folder / "pairs.csv", pairs);
  write_file(folder / "classes.csv", classes);
  write_file(folder / "templates.txt", "a large {} circle in the middle\n\na large {} square in the middle  \r\n");
}

const std::vector<std::string> kTemplates{"a large {} circle in the middle", "a large {} square in the middle"};

ContrastiveJobOptions job() {
  const Config words = Config::object({{"buckets", Config(512)}});
  ContrastiveJobOptions o{.data = "pairs.csv", .modalities = {{.name = "image", .kind = "features", .column = "picture"}, {.name = "text", .kind = "hashed_text", .column = "caption", .preprocess = words}}};
  o.model.dim = 16;
  o.training = {.learning_rate = 1e-3, .epochs = 5, .log_every = 3};
  o.batch_size = 8;
  o.zero_shot = {.data = "classes.csv", .label = "colour", .templates = kTemplates};
  return o;
}

std::optional<double> value(const ContrastiveEpochRecord& record, const std::string& name) {
  if (!record.validation) return std::nullopt;
  for (const auto& [known, found] : record.validation->values)
    if (known == name) return found;
  return std::nullopt;
}

/// Share of classes.csv that a classifier made of the model folder gets right, a sample at a time.
double accuracy_of(const std::filesystem::path& model, const std::filesystem::path& folder, const std::string& split = {}) {
  const SavedJoint saved = load_joint_model(model);
  const ModalityInfo& text = saved.modalities[1];
  const auto manifest = read_manifest(folder / "classes.csv");
  const ZeroShotClassifier classifier(saved.model, prompts_from_texts(saved.model, "text", *make_modality_reader(text.kind, text.preprocess), {.labels = shape_colors(), .templates = kTemplates}));
  int64_t right = 0, all = 0;
  for (int64_t row = 0; row < manifest.num_rows(); ++row) {
    if (manifest.cell(row, "picture").empty() || (!split.empty() && manifest.cell(row, "split") != split)) continue;
    const Tensor pixels = read_npy(folder / manifest.cell(row, "picture")).to(torch::kFloat);
    right += classifier.classify("image", {.values = pixels.unsqueeze(0)}).labels[0] == manifest.cell(row, "colour");
    ++all;
  }
  return static_cast<double>(right) / static_cast<double>(all);
}

}  // namespace

TEST_CASE("zero-shot accuracy of an epoch is that of the saved model", "[train]") {
  const TempDir dir;
  write_scenes(dir.path());
  ContrastiveJobOptions o = job();
  SECTION("of the best epoch, of averaged weights; the score and the weights are as without it") {
    o.training.folder = "run";
    o.training.weight_average = 0.5;
    o.training.epochs = 6;
    const ContrastiveJobResult found = run_contrastive_job(o, dir.path());
    save_model(dir / "model", found.saved);
    REQUIRE(found.history.epochs.size() == 6);
    const auto top1 = value(found.history.epochs[static_cast<size_t>(found.history.best_epoch)], "image zero-shot top1");
    REQUIRE(top1);
    CHECK_THAT(*top1, WithinAbs(accuracy_of(dir / "model", dir.path()), 1e-9));
    CHECK(*top1 > 0.3);  // by chance 0.125
    CHECK(value(found.history.epochs[0], "image zero-shot top5").value() >= value(found.history.epochs[0], "image zero-shot top1").value());

    o.zero_shot = {};
    o.training.folder = "";
    const ContrastiveJobResult without = run_contrastive_job(o, dir.path());
    for (size_t i = 0; i < 6; ++i) CHECK(without.history.epochs[i].validation->score == found.history.epochs[i].validation->score);
    check_same(weights(found.saved.model), weights(without.saved.model));

    const std::string log = read_text_file(dir / "run" / "log.jsonl", 1 << 20), page = read_text_file(dir / "run" / "report.html", 16 << 20);
    CHECK_THAT(log, ContainsSubstring("\"image zero-shot top1\": "));
    CHECK_THAT(page, ContainsSubstring("validation top1") && ContainsSubstring("image zero-shot"));
    std::ostringstream events;
    for (const auto& file : std::filesystem::directory_iterator(dir / "run" / "events")) events << std::ifstream(file.path(), std::ios::binary).rdbuf();
    CHECK_THAT(events.str(), ContainsSubstring("validation/image zero-shot top1"));
  }
  SECTION("every second epoch and the last, without validation data, which leaves the last state") {
    write_file(dir / "pairs.csv", [&] {
      std::string text = read_text_file(dir / "pairs.csv", 1 << 20);
      return text.substr(0, text.find("s96.npy"));
    }());
    o.zero_shot.every = 2;
    o.zero_shot.templates = {};
    o.zero_shot.templates_file = "templates.txt";
    o.zero_shot.labels = shape_colors();
    o.zero_shot.split = "test";
    const ContrastiveJobResult found = run_contrastive_job(o, dir.path());
    save_model(dir / "model", found.saved);
    for (size_t i = 0; i < 5; ++i) CHECK(found.history.epochs[i].validation.has_value() == (i == 1 || i == 3 || i == 4));
    CHECK_FALSE(found.history.epochs[4].validation->score);
    CHECK_FALSE(found.history.best_score);
    CHECK_THAT(value(found.history.epochs[4], "image zero-shot top1").value(), WithinAbs(accuracy_of(dir / "model", dir.path(), "test"), 1e-9));
  }
}

TEST_CASE("zero-shot data that do not fit are told before training", "[train]") {
  const TempDir dir;
  write_scenes(dir.path());
  const auto expect = [&](auto change, const auto& text) {
    ContrastiveJobOptions o = job();
    change(o.zero_shot);
    int64_t steps = 0;
    CHECK_THROWS_WITH(run_contrastive_job(o, dir.path(), {.step = [&](const ContrastiveStepRecord&) { ++steps; }}), text);
    CHECK(steps == 0);
  };
  expect([](auto& z) { z.label = "class"; }, ContainsSubstring("/zero_shot/label") && ContainsSubstring("'class'") && ContainsSubstring("picture, caption, colour, split"));
  expect([](auto& z) { z.column = "photo"; }, ContainsSubstring("/zero_shot/column") && ContainsSubstring("'photo'") && ContainsSubstring("picture, caption, colour, split"));
  expect([](auto& z) { z.modality = "sound"; }, ContainsSubstring("/zero_shot/modality") && ContainsSubstring("image, text") && ContainsSubstring("'sound'"));
  expect([](auto& z) { z.prompts = "words"; }, ContainsSubstring("/zero_shot/prompts") && ContainsSubstring("image, text"));
  expect([](auto& z) { z.prompts = "image"; }, ContainsSubstring("a modality of texts") && ContainsSubstring("features"));
  expect([](auto& z) { z.labels = {"red", "green"}; }, ContainsSubstring("classes.csv, line"));
  expect([](auto& z) { z.labels = {"red"}; }, ContainsSubstring("label"));
  expect([](auto& z) { z.templates = {"a picture"}; }, ContainsSubstring("where the label goes"));
  expect([](auto& z) { z.templates_file = "templates.txt"; }, ContainsSubstring("templates or templates_file, got both"));
  expect([](auto& z) { z.split = "valid"; }, ContainsSubstring("whose split is 'valid'"));
  expect([](auto& z) { z.every = 0; }, ContainsSubstring("/zero_shot/every") && ContainsSubstring("got 0"));
  expect([](auto& z) { z.data = ""; }, ContainsSubstring("/zero_shot/data"));
  expect([](auto& z) { z.data = "gone.csv"; }, ContainsSubstring("gone.csv"));
}

// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alloy.hpp>

using namespace alloy;

namespace {

ModalityMap<std::shared_ptr<const ModalityReader>> readers() {
  return {{"note", make_modality_reader("text", Config())}, {"vector", make_modality_reader("features", Config())}};
}

}  // namespace

TEST_CASE("a manifest is a dataset", "[data]") {
  TempDir dir;
  save_safetensors(dir / "v.safetensors", {{"v", torch::tensor({1.f, 2.f})}});
  Manifest manifest{.columns = {"id", "note", "vector", "label", "split"},
                    .rows = {{"first", "hi", "v.safetensors", "cat", "train"}, {"", "", "v.safetensors", "dog", "train"}, {"third", "x", "gone.npy", "cat", "test"}},
                    .folder = dir.path()};
  const ManifestDataset train(manifest, readers(), {.labels = {"cat", "dog"}, .split = "train"});
  Random random(0);
  REQUIRE(train.size() == 2);
  const Sample first = train.get(0, random), second = train.get(1, random);
  CHECK(first.id == "first");
  CHECK_THAT(first.values.at("note"), AllClose(torch::tensor({1, 4 + 'h', 4 + 'i', 2})));
  CHECK_THAT(first.values.at("vector"), AllClose(torch::tensor({1.f, 2.f})));
  CHECK(second.id == "row 2");
  CHECK_FALSE(second.values.contains("note"));  // an empty cell
  CHECK(second.target.item<int64_t>() == 1);
  CHECK_THAT(train.presence(), SameBits(torch::tensor({{true, true}, {false, true}})));
  CHECK_THAT(train.targets(), SameBits(torch::tensor({0, 1})));
  const ManifestDataset all(manifest, readers(), {.labels = {"cat", "dog"}});
  CHECK_THROWS_AS(all.get(2, random), IoError);
  CHECK(manifest_labels(manifest, Task::classification) == std::vector<std::string>{"cat", "dog"});

  CHECK_THROWS_WITH(ManifestDataset(manifest, readers(), {.labels = {"cat"}}), ContainsSubstring("[row 2] expected one of the labels cat, got 'dog'"));
  CHECK_THROWS_WITH(ManifestDataset(manifest, readers(), {.labels = {"cat", "dog"}, .split = "dev"}), ContainsSubstring("'dev', got none"));
  CHECK_THROWS_AS(ManifestDataset(manifest, {{"smell", make_modality_reader("text", Config())}}, {.labels = {"cat", "dog"}}), ConfigError);
  manifest.rows[1][2] = "";
  CHECK_THROWS_WITH(ManifestDataset(manifest, readers(), {.labels = {"cat", "dog"}}), ContainsSubstring("[row 2] expected at least one of the modalities note, vector, got empty cells"));
}

TEST_CASE("a file that vanishes in the middle of an epoch costs its sample and nothing else", "[data]") {
  TempDir dir;
  Manifest manifest{.columns = {"id", "vector", "label"}, .rows = {}, .folder = dir.path()};
  for (int i = 0; i < 200; ++i) {
    const std::string name = "v" + std::to_string(i);
    save_safetensors(dir / (name + ".safetensors"), {{"v", torch::full({2}, i, torch::kFloat)}});
    manifest.rows.push_back({name, name + ".safetensors", "a"});
  }
  const auto data = std::make_shared<ManifestDataset>(manifest, ModalityMap<std::shared_ptr<const ModalityReader>>{{"vector", make_modality_reader("features", Config())}},
                                                      ManifestDatasetOptions{.labels = {"a"}});
  for (const int64_t workers : {0, 3}) {
    const auto epoch = [&](Loader& loader, const auto& after_first) {
      std::vector<std::string> ids;
      LabelledBatch batch;
      for (bool first = true; loader.next(batch); first = false) {
        if (first) after_first();
        ids.insert(ids.end(), batch.ids.begin(), batch.ids.end());
      }
      return ids;
    };
    Loader loader(data, {.batch_size = 2, .shuffle = false, .workers = workers, .prefetch = 2, .bad_sample_limit = 0.01});
    const auto ids = epoch(loader, [&] { std::filesystem::remove(dir / "v150.safetensors"); });
    CHECK(ids.size() == 199);
    CHECK(std::ranges::find(ids, "v150") == ids.end());
    REQUIRE(loader.bad_samples().size() == 1);
    CHECK_THAT(loader.bad_samples().begin()->first, ContainsSubstring("v150.safetensors"));
    Loader strict(data, {.batch_size = 2, .shuffle = false, .workers = workers, .bad_sample_limit = 0});
    CHECK_THROWS_WITH(epoch(strict, [] {}), ContainsSubstring("v150"));
    save_safetensors(dir / "v150.safetensors", {{"v", torch::ones({2})}});
    loader.start(1);
    CHECK(epoch(loader, [] {}).size() == 200);  // usable again
  }
}

TEST_CASE("a row keeps its place in the file, whatever is selected", "[data]") {
  TempDir dir;
  write_file(dir / "d.csv", "note,label\na,x\n\n\"b\nb\",y\n,x\n");
  const Manifest all = read_manifest(dir / "d.csv");
  CHECK(all.place(1) == "d.csv, line 4");
  const std::vector<int64_t> chosen = {2, 0};
  const Manifest part = all.select(chosen);
  CHECK(part.place(0) == "d.csv, line 6");
  CHECK(part.place(1) == "d.csv, line 2");
  const ModalityMap<std::shared_ptr<const ModalityReader>> note{{"note", make_modality_reader("text", Config())}};
  CHECK_THROWS_WITH(ManifestDataset(part, note, {.labels = {"x", "y"}}), ContainsSubstring("[d.csv, line 6] expected at least one of the modalities note"));
}

TEST_CASE("alternatives in a cell", "[data]") {
  TempDir dir;
  for (int i = 1; i <= 3; ++i) save_safetensors(dir / (std::to_string(i) + ".safetensors"), {{"v", torch::full({1}, i, torch::kFloat)}});
  Manifest manifest{.columns = {"id", "note", "vector"},
                    .rows = {{"x|y", "a|b|c", "1.safetensors|2.safetensors|3.safetensors"}, {"", R"(p\|q)", ""}, {"", "", "3.safetensors"}},
                    .folder = dir.path()};
  const auto note = [](const Sample& sample) { return static_cast<char>(sample.values.at("note")[1].item<int64_t>() - 4); };
  const auto vector = [](const Sample& sample) { return sample.values.at("vector").item<int>(); };

  SECTION("are drawn evenly, each modality for itself, by the sample's randomness alone") {
    const ManifestDataset data(manifest, readers(), {.alternatives = "|"});
    std::map<std::pair<char, int>, int> counts;
    for (uint64_t seed = 0; seed < 900; ++seed) {
      Random random(mix_seed({seed})), same(mix_seed({seed}));
      const Sample sample = data.get(0, random), again = data.get(0, same);
      CHECK(note(sample) == note(again));
      CHECK(vector(sample) == vector(again));
      ++counts[{note(sample), vector(sample)}];
    }
    REQUIRE(counts.size() == 9);
    double chi_squared = 0;
    for (const auto& [pair, count] : counts) chi_squared += (count - 100.0) * (count - 100.0) / 100.0;
    CHECK(chi_squared < 26.1);  // p = 0.001 at 8 degrees of freedom
  }
  SECTION("the first is taken where asked") {
    const ManifestDataset data(manifest, readers(), {.alternatives = "|", .choice = AlternativeChoice::first});
    for (uint64_t seed = 0; seed < 20; ++seed) {
      Random random(seed);
      const Sample sample = data.get(0, random);
      CHECK(note(sample) == 'a');
      CHECK(vector(sample) == 1);
      CHECK(sample.id == "x|y");  // not a modality
    }
  }
  SECTION("escapes, single values and empty cells") {
    const ManifestDataset data(manifest, readers(), {.alternatives = "|"});
    Random random(0);
    CHECK_THAT(data.get(1, random).values.at("note"), AllClose(torch::tensor({1, 4 + 'p', 4 + '|', 4 + 'q', 2})));
    CHECK_FALSE(data.get(1, random).values.contains("vector"));
    CHECK(vector(data.get(2, random)) == 3);
    CHECK_THAT(data.presence(), SameBits(torch::tensor({{true, true}, {true, false}, {false, true}})));
  }
  SECTION("without the option a cell is one value") {
    const ManifestDataset data(manifest.select(std::vector<int64_t>{1}), readers(), {});
    Random random(0);
    CHECK(data.get(0, random).values.at("note").size(0) == 2 + 4);  // p\|q between begin and end
  }
  SECTION("epochs differ, numbers of workers do not") {
    manifest.rows.assign(64, manifest.rows[0]);
    const auto data = std::make_shared<ManifestDataset>(manifest, readers(), ManifestDatasetOptions{.alternatives = "|"});
    const auto notes = [&](int64_t workers, int64_t epoch) {
      Loader loader(data, {.batch_size = 64, .workers = workers});
      loader.start(epoch);
      LabelledBatch batch;
      REQUIRE(loader.next(batch));
      return batch.inputs.at("note").values;
    };
    CHECK_THAT(notes(0, 0), SameBits(notes(3, 0)));
    CHECK_FALSE(at::equal(notes(0, 0), notes(0, 1)));
  }
  SECTION("mistakes are named") {
    manifest.rows[1][1] = "a||b";
    CHECK_THROWS_WITH(ManifestDataset(manifest, readers(), {.alternatives = "|"}),
                      ContainsSubstring("[row 2] expected alternatives in column note, none of them empty, got 'a||b'"));
    CHECK_NOTHROW(ManifestDataset(manifest, readers(), {.alternatives = ";"}));
    for (const char* bad : {"||", "\\", "\xC3\xA9"})
      CHECK_THROWS_WITH(ManifestDataset(manifest, readers(), {.alternatives = bad}), ContainsSubstring("expected one character as separator"));
  }
}

TEST_CASE("targets of other tasks", "[data]") {
  const Manifest manifest{.columns = {"note", "label"}, .rows = {{"a", "x|z"}, {"b", ""}}, .folder = {}};
  Random random(0);
  const ModalityMap<std::shared_ptr<const ModalityReader>> note{{"note", make_modality_reader("text", Config())}};
  const ManifestDataset labels(manifest, note, {.task = Task::multilabel, .labels = {"x", "y", "z"}});
  CHECK_THAT(labels.get(0, random).target, AllClose(torch::tensor({1.f, 0.f, 1.f})));
  CHECK_THAT(labels.get(1, random).target, AllClose(torch::zeros({3})));
  const Manifest numbers{.columns = {"note", "label"}, .rows = {{"a", "1.5|-2"}, {"b", "3|4x"}}, .folder = {}};
  CHECK_THROWS_WITH(ManifestDataset(numbers, note, {.task = Task::regression}), ContainsSubstring("[row 2] expected a number as label, got '4x'"));
}

TEST_CASE("modality readers", "[data]") {
  TempDir dir;
  Image image{.width = 4, .height = 2, .channels = 1, .pixels = {0, 255, 0, 255, 0, 255, 0, 255}};
  write_file(dir / "p.png", encode_png(image));
  const auto picture = make_modality_reader("image", parse_json(R"({"size": 2, "channels": 1, "mean": [0.0], "std": [1.0], "interpolation": "box"})", "t"));
  CHECK(picture->read("p.png", dir.path()).sizes() == at::IntArrayRef({1, 2, 2}));
  Audio stereo{.samples = std::vector<float>(2 * 8000, 0.25f), .channels = 2, .sample_rate_hz = 8000};
  write_file(dir / "s.wav", encode_wav(stereo));
  const auto sound = make_modality_reader("audio", parse_json(R"({"log_mel": {"mel_bins": 8}, "seconds": 0.5})", "t"));
  CHECK(sound->read((dir / "s.wav").string()).sizes() == at::IntArrayRef({51, 8}));  // 16 kHz, hop 160, centred
  write_file(dir / "text.png", "not a picture");
  CHECK_THROWS_AS(picture->read("text.png", dir.path()), DataError);
  CHECK_THROWS_AS(picture->read("missing.png", dir.path()), IoError);
  CHECK_THROWS_AS(picture->read(dir.path().string()), IoError);
  save_safetensors(dir / "two.safetensors", {{"a", torch::zeros({1})}, {"b", torch::ones({1})}});
  CHECK_THROWS_WITH(make_modality_reader("features", Config())->read("two.safetensors", dir.path()), ContainsSubstring("got: a, b"));
  CHECK(make_modality_reader("features", parse_json(R"({"tensor": "b"})", "t"))->read("two.safetensors", dir.path()).item<float>() == 1.f);
  CHECK_THROWS_WITH(make_modality_reader("smell", Config(), "/m/kind"), "/m/kind: unknown kind 'smell', known: image, audio, text, features, hashed_text");
  CHECK_THROWS_WITH(make_modality_reader("image", parse_json(R"({"sise": 2})", "t"), "/m"), ContainsSubstring("/m/sise: unknown option, known: size"));
}

TEST_CASE("readers that augment", "[data]") {
  TempDir dir;
  Image image{.width = 12, .height = 12, .channels = 4, .pixels = std::vector<uint8_t>(12 * 12 * 4, 0)};
  for (size_t i = 0; i < image.pixels.size(); i += 4) image.pixels[i] = 200, image.pixels[i + 3] = i < 288 ? 255 : 0;
  write_file(dir / "p.png", encode_png(image));
  Audio tone{.samples = std::vector<float>(4000), .channels = 1, .sample_rate_hz = 8000};
  for (size_t i = 0; i < 4000; ++i) tone.samples[i] = 0.3f * std::sin(0.2f * static_cast<float>(i));
  write_file(dir / "s.wav", encode_wav(tone));
  const auto options = [](const char* json) { return parse_json(json, "t"); };
  const std::vector<std::tuple<std::string, std::string, Config, Config>> cases = {
      {"image", "p.png", options(R"({"size": 8})"), options(R"({"rotation": 20, "background": 1, "brightness": 0.3})")},
      {"audio", "s.wav", options(R"({"log_mel": {"mel_bins": 8, "sample_rate_hz": 8000}, "seconds": 0.5, "rms": 0.1})"), options(R"({"speed": 0.1, "shift_seconds": 0.1, "spec_augment": {"time_masks": 1}})")},
      {"text", "several words to drop", Config(), options(R"({"drop_words": 0.5})")},
      {"hashed_text", "several words to drop", options(R"({"max_n": 0})"), options(R"({"drop_words": 0.5})")}};
  for (const auto& [kind, value, preprocess, augment] : cases) {
    INFO(kind);
    const auto plain = make_modality_reader(kind, preprocess), augmenting = make_augmenting_reader(kind, preprocess, augment);
    Random a(1), b(1), c(2);
    CHECK_THAT(augmenting->read(value, dir.path()), SameBits(plain->read(value, dir.path())));
    CHECK_THAT(plain->read_augmented(value, dir.path(), c), SameBits(plain->read(value, dir.path())));
    const Tensor one = augmenting->read_augmented(value, dir.path(), a);
    CHECK_THAT(augmenting->read_augmented(value, dir.path(), b), SameBits(one));
    bool differs = false;
    for (int i = 0; i < 10; ++i) differs = differs || !at::equal(augmenting->read_augmented(value, dir.path(), c), one);
    CHECK(differs);
  }
  SECTION("a dataset augments by its own random numbers") {
    const Manifest manifest{.columns = {"photo"}, .rows = {{"p.png"}}, .folder = dir.path()};
    const auto& [kind, value, preprocess, augment] = cases[0];
    const ManifestDataset train(manifest, {{"photo", make_augmenting_reader(kind, preprocess, augment)}}, {}), valid(manifest, {{"photo", make_modality_reader(kind, preprocess)}}, {});
    Random a(1), b(2);
    CHECK_FALSE(at::equal(train.get(0, a).values.at("photo"), train.get(0, b).values.at("photo")));
    CHECK_THAT(valid.get(0, a).values.at("photo"), SameBits(valid.get(0, b).values.at("photo")));
    CHECK_THAT(valid.get(0, a).values.at("photo")[1][6], SameBits(torch::ones({8})));  // transparent: white, (1 - 0.5) / 0.5
  }
  SECTION("messages name the place") {
    CHECK_THROWS_WITH(make_augmenting_reader("image", Config(), options(R"({"turn": 1})"), "/m/0/preprocess", "/m/0/augment"), ContainsSubstring("/m/0/augment/turn: unknown option, known: flip"));
    CHECK_THROWS_WITH(make_augmenting_reader("features", Config(), options(R"({"noise": 1})"), "", "/m/0/augment"), ContainsSubstring("/m/0/augment: expected nothing"));
    CHECK_NOTHROW(make_augmenting_reader("features", Config(), options("{}")));
  }
}

TEST_CASE("a job augments its training data and saves nothing of it", "[data]") {
  TempDir dir;
  std::string rows = "photo,note,label,split\n";
  for (int i = 0; i < 12; ++i) {
    const uint8_t level = i % 2 == 0 ? 40 : 200;
    write_file(dir / ("p" + std::to_string(i) + ".png"), encode_png({.width = 8, .height = 8, .channels = 1, .pixels = std::vector<uint8_t>(64, level)}));
    rows += "p" + std::to_string(i) + ".png," + (i % 2 == 0 ? "dark thing" : "light thing") + "," + (i % 2 == 0 ? "dark" : "light") + (i < 8 ? ",train\n" : ",valid\n");
  }
  write_file(dir / "data.csv", rows);
  const ThreadScope one(1);
  const auto job = [&](const std::string& augment) {
    return from_config<FusionJobOptions>(parse_json(R"({"data": "data.csv", "dim": 8, "batch_size": 4, "training": {"epochs": 2}, "modalities": [
      {"name": "photo", "kind": "image", "preprocess": {"size": 8, "channels": 1})" + augment + R"(, "encoder": {"type": "residual_image", "options": {"channels": 1, "dim": 8, "image_size": 8, "widths": [8]}}},
      {"name": "note", "kind": "hashed_text", "preprocess": {"buckets": 64}}]})", "t"));
  };
  const FusionJobResult with = run_fusion_job(job(R"(, "augment": {"brightness": 0.9, "noise": 0.5})"), dir.path()), without = run_fusion_job(job(""), dir.path());
  CHECK(model_to_config(with.saved) == model_to_config(without.saved));
  CHECK(to_json(model_to_config(with.saved)).find("augment") == std::string::npos);
  CHECK(to_json(model_to_config(with.saved)).find("hashed_text") != std::string::npos);
  CHECK(with.history.epochs.front().train_loss != without.history.epochs.front().train_loss);
  save_model(dir / "model", with.saved);
  CHECK(load_model(dir / "model").modalities[0].preprocess.find("size")->as_int() == 8);
  CHECK_THROWS_WITH(run_fusion_job(job(R"(, "augment": {"brightnes": 1})"), dir.path()), ContainsSubstring("/modalities/0/augment/brightnes: unknown option"));
}

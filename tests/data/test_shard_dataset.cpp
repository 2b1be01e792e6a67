// SPDX-License-Identifier: Apache-2.0
#include "support/shards.hpp"

#include <alloy/core/json.hpp>
#include <alloy/core/log.hpp>

using namespace alloy;

TEST_CASE("a shard is a dataset", "[data]") {
  const TempDir dir;
  const Image image{.width = 4, .height = 2, .channels = 1, .pixels = {0, 255, 0, 255, 9, 255, 0, 255}};
  const Audio audio{.samples = std::vector<float>(8000, 0.25f), .channels = 1, .sample_rate_hz = 8000};
  const std::string png = encode_png(image), wav = encode_wav(audio);
  write_raw(dir / "file.png", png);
  write_raw(dir / "file.wav", wav);
  write_raw(dir / "file.npy", npy(5));
  const Config picture = parse_json(R"({"size": 2, "channels": 1, "mean": [0.0], "std": [1.0], "interpolation": "box"})", "t");
  const Config sound = parse_json(R"({"log_mel": {"mel_bins": 8}, "seconds": 0.5})", "t");
  const ShardDatasetOptions options{.modalities = {{.name = "image", .extensions = "jpg;png", .kind = "image", .options = picture},
                                                   {.name = "audio", .extensions = "wav;flac", .kind = "audio", .options = sound},
                                                   text("txt;json:caption"), vector()}};
  const std::string bytes = tar_file("folder/", "", '5') + tar_archive({{"./folder/01.PNG", png}, {"./folder/01.wav", wav}, {"./folder/01.txt", "a dog\r\n\n"}, {"./folder/01.npy", npy(5)},
                                                                        {"other/01.json", R"({"caption": "a c\u00e4t\n", "n": 1})"}, {"other/01.npy", npy(6)}, {"other/01.seg.png", "not for us"},
                                                                        {"other/01.wav", wav}, {"other/01.png", png}});
  const ShardDataset data = one_shard(dir, bytes, options);
  Random random(0);
  REQUIRE(data.size() == 2);
  CHECK(data.skipped().empty());
  const Sample first = data.get(0, random), second = data.get(1, random);
  CHECK(first.id == "one.tar:folder/01");
  CHECK(second.id == "one.tar:other/01");
  CHECK_FALSE(first.target.defined());
  CHECK(first.values.names() == std::vector<std::string>{"image", "audio", "text", "vector"});
  // What the readers make of the same content in files.
  CHECK_THAT(first.values.at("image"), SameBits(make_modality_reader("image", picture)->read((dir / "file.png").string())));
  CHECK_THAT(first.values.at("audio"), SameBits(make_modality_reader("audio", sound)->read((dir / "file.wav").string())));
  CHECK_THAT(first.values.at("vector"), SameBits(make_modality_reader("features", Config())->read((dir / "file.npy").string())));
  CHECK_THAT(first.values.at("text"), SameBits(bytes_of("a dog")));
  CHECK_THAT(second.values.at("text"), SameBits(bytes_of("a c\u00e4t")));
  CHECK_THAT(second.values.at("vector"), SameBits(torch::tensor({6.f})));
  CHECK_THROWS_AS(data.get(2, random), DataError);
  CHECK_THROWS_AS(data.get(-1, random), DataError);
}

TEST_CASE("which member is read", "[data]") {
  const TempDir dir;
  Random random(0);
  // The extension that is named first, wherever it stands in the shard.
  const std::string bytes = tar_archive({{"1.txt", "t"}, {"1.json", R"({"caption": "c"})"}, {"2.json", R"({"caption": "c"})"}});
  const ShardDataset plain = one_shard(dir, bytes, {.modalities = {text("txt;json:caption")}});
  CHECK_THAT(plain.get(0, random).values.at("text"), SameBits(bytes_of("t")));
  CHECK_THAT(plain.get(1, random).values.at("text"), SameBits(bytes_of("c")));
  const ShardDataset json = one_shard(dir, bytes, {.modalities = {text("json:caption;txt")}});
  CHECK_THAT(json.get(0, random).values.at("text"), SameBits(bytes_of("c")));
  // One member for two modalities.
  const ShardDatasetOptions two{.modalities = {{.name = "title", .extensions = "json:title", .kind = "text"}, {.name = "body", .extensions = "json:body", .kind = "text"}}};
  const std::string both = tar_archive({{"1.json", R"({"title": "T", "body": "B"})"}, {"2.json", R"({"title": "T", "body": null})"}, {"3.json", R"({"title": 3, "body": "B"})"}, {"4.json", "[]"}, {"5.json", "{"}});
  const ShardDataset titled = one_shard(dir, both, two);
  CHECK_THAT(titled.get(0, random).values.at("title"), SameBits(bytes_of("T")));
  CHECK_THAT(titled.get(0, random).values.at("body"), SameBits(bytes_of("B")));
  CHECK_THROWS_WITH(titled.get(1, random), ContainsSubstring("one.tar:2.json] expected text for 'body', got none"));
  CHECK_THROWS_WITH(titled.get(2, random), ContainsSubstring("one.tar:3.json] expected text for 'title', got"));
  CHECK_THROWS_WITH(titled.get(3, random), ContainsSubstring("expected a JSON object"));
  CHECK_THROWS_AS(titled.get(4, random), DataError);
  ShardDatasetOptions lenient = two;
  lenient.allow_missing = true;
  CHECK(one_shard(dir, both, lenient).get(1, random).values.names() == std::vector<std::string>{"title"});
}

TEST_CASE("samples that are not whole are counted", "[data]") {
  const TempDir dir;
  const std::string bytes = tar_file("1.txt", "1") + tar_file("1.npy", npy(1)) +         //
                            tar_file("2.txt", "2") +                                      // no vector
                            tar_file("3.npy", npy(3)) +                                   // no text
                            tar_file("4.txt", "4") + tar_file("4.npy", "", '2') +         // a link in place of the vector
                            tar_file("1.txt", "again") + tar_file("1.npy", npy(7)) +      // a key for the second time
                            tar_file("5.txt", "5") + tar_file("5.TXT", "other") + tar_file("5.npy", npy(5)) +
                            tar_file("../6.txt", "6") + tar_file("/7.npy", npy(7)) + tar_file("README", "x") + tar_file(".hidden", "x") + tar_file("dot.", "x") +
                            tar_file("8.cls", "8") + tar_file("9.npy", npy(9)) + tar_file("9.txt", "9") + tar_end();
  ShardDatasetOptions options{.modalities = {text(), vector()}};
  const ShardDataset strict = one_shard(dir, bytes, options);
  CHECK(ids_of(strict) == std::vector<std::string>{"one.tar:1", "one.tar:5", "one.tar:9"});
  CHECK(strict.skipped() == Counts{{"missing vector", 2}, {"missing text", 1}, {"link", 1}, {"duplicate key", 1}, {"duplicate member", 1},
                                   {"unusable name", 2}, {"no key", 3}, {"no modality", 1}});
  Random random(0);
  CHECK_THAT(strict.get(0, random).values.at("text"), SameBits(bytes_of("1")));
  CHECK_THAT(strict.get(1, random).values.at("text"), SameBits(bytes_of("5")));
  options.allow_missing = true;
  const auto lenient = std::make_shared<ShardDataset>(one_shard(dir, bytes, options));
  CHECK(ids_of(*lenient) == std::vector<std::string>{"one.tar:1", "one.tar:2", "one.tar:3", "one.tar:4", "one.tar:5", "one.tar:9"});
  CHECK(lenient->skipped() == Counts{{"link", 1}, {"duplicate key", 1}, {"duplicate member", 1}, {"unusable name", 2}, {"no key", 3}, {"no modality", 1}});
  Loader loader(lenient, {.batch_size = 6, .shuffle = false});
  LabelledBatch batch;
  REQUIRE(loader.next(batch));
  CHECK_THAT(batch.inputs.at("vector").present, SameBits(torch::tensor({true, false, true, false, true, true})));
  CHECK_THAT(batch.inputs.at("text").present, SameBits(torch::tensor({true, true, false, true, true, true})));

  SECTION("keys are of one shard") {
    write_raw(dir / "two.tar", tar_archive({{"1.txt", "2"}, {"1.npy", npy(2)}}));
    write_raw(dir / "three.tar", tar_archive({{"1.txt", "3"}, {"1.npy", npy(3)}}));
    const ShardDataset both({.shards = {(dir / "{two,three}.tar").string()}, .modalities = {text(), vector()}});
    CHECK(ids_of(both) == std::vector<std::string>{"two.tar:1", "three.tar:1"});
  }
  SECTION("a sample's members must follow each other") {
    const std::string apart = tar_archive({{"1.txt", "1"}, {"2.txt", "2"}, {"1.npy", npy(1)}, {"2.npy", npy(2)}});
    CHECK_THROWS_WITH(one_shard(dir, apart, {.modalities = {text(), vector()}}),
                      ContainsSubstring("got none; not used: duplicate key: 2, missing vector: 2 (members of a sample must follow each other)"));
  }
}

TEST_CASE("options of shards", "[data]") {
  const TempDir dir;
  const auto paths = write_shards(dir, 2, 2);
  const Config config = parse_json(R"({"shards": [")" + (dir / "s{0..1}.tar").string() + R"("], "modalities": [{"name": "text", "extensions": "txt", "kind": "text", "options": {"max_length": 8}}],
    "broken_shards": "skip"})", "t");
  const auto options = from_config<ShardDatasetOptions>(config);
  CHECK(options.broken_shards == BrokenShards::skip);
  CHECK(ShardDataset(options).size() == 4);
  CHECK(ShardDataset(options).shards() == std::vector<fs::path>{paths[0], paths[1]});

  const auto with = [&](const ShardModality& modality) { return ShardDataset({.shards = paths, .modalities = {modality}}); };
  CHECK_THROWS_WITH(ShardDataset({.modalities = {text()}}), ContainsSubstring("at least one shard"));
  CHECK_THROWS_WITH(ShardDataset({.shards = paths}), ContainsSubstring("at least one modality"));
  CHECK_THROWS_WITH(ShardDataset({.shards = paths, .modalities = {text()}, .shuffle_buffer = 0}), ContainsSubstring("shuffle_buffer"));
  CHECK_THROWS_WITH(ShardDataset({.shards = paths, .modalities = {text()}, .max_member_bytes = int64_t{1} << 32}), ContainsSubstring("max_member_bytes"));
  CHECK_THROWS_WITH(ShardDataset({.shards = paths, .modalities = {text(), text()}}), ContainsSubstring("'text' twice"));
  CHECK_THROWS_WITH(with({.extensions = "txt", .kind = "text"}), ContainsSubstring("a name for each modality"));
  CHECK_THROWS_WITH(with({.name = "a", .extensions = "txt", .kind = "smell"}), ContainsSubstring("/modalities/0: unknown kind 'smell'"));
  for (const std::string bad : {"", ";", "txt;", ".txt", "a/b", "txt:caption", "json:"})
    CHECK_THROWS_WITH(with(text(bad)), ContainsSubstring("jpg;png or json:caption for modality 'text', got '" + bad + "'"));
  CHECK_THROWS_WITH(with(text("txt;TXT")), ContainsSubstring("each extension once"));
  CHECK_THROWS_WITH(with(text("md")), ContainsSubstring("got none; not used: no modality: 4"));
  CHECK_THROWS_WITH(ShardDataset({.shards = paths, .modalities = {text()}}, {{"sound", make_modality_reader("text", Config())}}), ContainsSubstring("got 'sound'"));
  const CancelToken cancel;
  std::vector<int64_t> seen;
  const auto progress = [&](const Progress& p) {
    seen.push_back(p.done);
    CHECK(p.total == 2);
    cancel.cancel();
  };
  CHECK_THROWS_AS(ShardDataset({.shards = paths, .modalities = {text()}}, {}, progress, cancel), CancelledError);
  CHECK(seen == std::vector<int64_t>{1});
}

TEST_CASE("readers of memory", "[data]") {
  class Length final : public ModalityReader {
   public:
    Tensor read(const std::string&, const fs::path&) const override { return {}; }
    Tensor read_bytes(std::span<const std::byte> bytes, const std::string& name) const override {
      names.push_back(name);
      return torch::tensor({static_cast<float>(bytes.size())});
    }
    mutable std::vector<std::string> names;
  };
  class FilesOnly final : public ModalityReader {
   public:
    Tensor read(const std::string&, const fs::path&) const override { return {}; }
  };
  const TempDir dir;
  const auto paths = write_shards(dir, 1, 2);
  Random random(0);
  const auto length = std::make_shared<Length>();
  const ShardDataset own({.shards = paths, .modalities = {text()}}, {{"text", length}});
  CHECK(own.get(1, random).values.at("text").item<float>() == 2.f);  // "1\n", as it stands
  CHECK(length->names == std::vector<std::string>{paths[0] + ":1.txt"});
  const ShardDataset none({.shards = paths, .modalities = {text()}}, {{"text", std::make_shared<FilesOnly>()}});
  CHECK_THROWS_WITH(none.get(0, random), ContainsSubstring("s0.tar:0.txt] expected a reader that reads from memory"));
  CHECK_THROWS_AS(ShardDataset({.shards = paths, .modalities = {text()}}, {{"text", nullptr}}), ConfigError);

  const auto features = make_modality_reader("features", Config());
  const std::string bytes = npy(2.5f), not_a_number = npy(std::numeric_limits<float>::quiet_NaN());
  const auto as_bytes = [](const std::string& content) { return std::as_bytes(std::span(content)); };
  CHECK_THAT(features->read_bytes(as_bytes(bytes), "x.clip.npy"), SameBits(torch::tensor({2.5f})));
  CHECK_THROWS_WITH(features->read_bytes(as_bytes(bytes), "x.npz"), ContainsSubstring("[x.npz] expected features in .npy"));
  CHECK_THROWS_WITH(features->read_bytes(as_bytes(not_a_number), "x.npy"), ContainsSubstring("finite"));
  for (size_t size = 0; size < bytes.size(); ++size) CHECK_THROWS_AS(features->read_bytes(as_bytes(bytes).first(size), "x.npy"), DataError);
  const auto words = make_modality_reader("text", Config());
  CHECK_THAT(words->read_bytes({}, "x.txt"), SameBits(bytes_of("")));
  CHECK_THAT(words->read_bytes(as_bytes("\n a\nb \n\r\n"), "x.txt"), SameBits(bytes_of("\n a\nb ")));
  for (const std::string kind : {"image", "audio"}) CHECK_THROWS_WITH(make_modality_reader(kind, Config())->read_bytes(as_bytes("text"), "s.tar:x.png"), ContainsSubstring("[s.tar:x.png] expected"));
}

// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/mutations.hpp"
#include "support/tar.hpp"

#include <alloy/core.hpp>
#include <alloy/core/json.hpp>
#include <alloy/core/log.hpp>
#include <alloy/data.hpp>
#include <alloy/io.hpp>

#include <set>
#include <thread>

using namespace alloy;
namespace fs = std::filesystem;

namespace {

using Files = std::vector<std::pair<std::string, std::string>>;
using Counts = std::map<std::string, int64_t>;

/// A .npy file of one number.
std::string npy(float value) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";
  header.resize(117, ' ');
  header += '\n';
  return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

ShardModality text(const std::string& extensions = "txt") { return {.name = "text", .extensions = extensions, .kind = "text"}; }
ShardModality vector() { return {.name = "vector", .extensions = "npy", .kind = "features"}; }

/// Shards s0.tar, s1.tar ... of `size` samples each; sample k of all has key k, text "k" and vector [k].
std::vector<std::string> write_shards(const TempDir& dir, int64_t count, int64_t size, const std::set<int64_t>& broken = {}) {
  std::vector<std::string> paths;
  for (int64_t s = 0; s < count; ++s) {
    Files files;
    for (int64_t k = s * size; k < (s + 1) * size; ++k) {
      std::string content = npy(static_cast<float>(k));
      if (broken.contains(k) && k % 2 == 0) content[0] = 'X';
      if (broken.contains(k) && k % 2 == 1) content.pop_back();
      files.emplace_back(std::to_string(k) + ".npy", content);
      files.emplace_back(std::to_string(k) + ".txt", std::to_string(k) + "\n");
    }
    paths.push_back((dir / ("s" + std::to_string(s) + ".tar")).string());
    write_raw(paths.back(), tar_archive(files));
  }
  return paths;
}

ShardDataset one_shard(const TempDir& dir, const std::string& bytes, ShardDatasetOptions options) {
  write_raw(dir / "one.tar", bytes);
  options.shards = {(dir / "one.tar").string()};
  return ShardDataset(options);
}

std::vector<std::string> ids_of(const Dataset& data) {
  std::vector<std::string> ids;
  Random random(0);
  for (int64_t i = 0; i < data.size(); ++i) ids.push_back(data.get(i, random).id);
  return ids;
}

Tensor bytes_of(const std::string& text) { return torch::tensor(ByteTokenizer().encode(text), torch::kLong); }

struct Read {
  std::vector<std::string> ids;
  std::vector<float> values;
  bool operator==(const Read&) const = default;
};

/// What is left of an epoch, sample by sample; `after_batch` is called behind each batch.
Read rest_of(Loader& loader, const std::function<void(int64_t)>& after_batch = {}) {
  Read read;
  LabelledBatch batch;
  for (int64_t k = 0; loader.next(batch); ++k) {
    read.ids.insert(read.ids.end(), batch.ids.begin(), batch.ids.end());
    for (int64_t b = 0; b < batch_size(batch.inputs); ++b) read.values.push_back(batch.inputs.at("vector").values[b][0].item<float>());
    if (after_batch) after_batch(k);
  }
  return read;
}

int64_t count_open_shards() {
  int64_t count = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code closed;
    if (fs::read_symlink(entry.path(), closed).extension() == ".tar") ++count;
  }
  return count;
}

}  // namespace

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

TEST_CASE("shards that are missing, cut or damaged", "[data]") {
  const TempDir dir;
  const auto paths = write_shards(dir, 4, 3);
  fs::resize_file(paths[1], 2 * 2048 + 700);  // in the third sample: whether the second is whole, nobody knows
  fs::remove(paths[2]);
  ShardDatasetOptions options{.shards = {dir / "s{0..3}.tar"}, .modalities = {text(), vector()}};
  CHECK_THROWS_WITH(ShardDataset(options), ContainsSubstring(paths[1] + ", byte "));
  fs::remove(paths[1]);
  CHECK_THROWS_AS(ShardDataset(options), IoError);
  write_shards(dir, 2, 3);
  fs::resize_file(paths[1], 2 * 2048 + 700);
  options.broken_shards = BrokenShards::skip;
  std::vector<std::string> messages;
  set_log_sink([&](LogLevel, std::string_view message) { messages.emplace_back(message); });
  const ShardDataset data(options);
  set_log_sink({});
  CHECK(ids_of(data) == std::vector<std::string>{"s0.tar:0", "s0.tar:1", "s0.tar:2", "s1.tar:3", "s3.tar:9", "s3.tar:10", "s3.tar:11"});
  CHECK(data.skipped() == Counts{{"broken shard", 2}});
  REQUIRE(messages.size() == 2);
  CHECK_THAT(messages[0], ContainsSubstring(paths[1]));
  CHECK_THAT(messages[1], ContainsSubstring(paths[2]));
  Random random(1);
  auto order = data.order(random);
  std::ranges::sort(order);
  CHECK(order == std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6});
}

TEST_CASE("the order of shards", "[data]") {
  const TempDir dir;
  constexpr int64_t kShards = 6, kSize = 10, kAll = kShards * kSize;
  const auto paths = write_shards(dir, kShards, kSize);
  std::map<int64_t, ShardDataset> data;
  const auto order_of = [&](int64_t buffer, uint64_t seed) {
    if (!data.contains(buffer)) data.emplace(buffer, ShardDatasetOptions{.shards = paths, .modalities = {text()}, .shuffle_buffer = buffer});
    Random random(seed);
    return data.at(buffer).order(random);
  };
  std::vector<int64_t> all(kAll);
  std::iota(all.begin(), all.end(), 0);
  for (const int64_t buffer : {1, 7, 25, 60, 10'000}) {
    INFO("buffer " << buffer);
    const auto order = order_of(buffer, 3);
    CHECK(order == order_of(buffer, 3));
    CHECK(order != order_of(buffer, 4));
    auto sorted = order;
    std::ranges::sort(sorted);
    CHECK(sorted == all);
    // The order in which shards are read: that of a buffer of one.
    const auto stream = order_of(1, 3);
    int64_t moved = 0;
    for (int64_t place = 0; place < kAll; ++place) {
      const int64_t read_at = std::ranges::find(stream, order[static_cast<size_t>(place)]) - stream.begin();
      REQUIRE(read_at < place + buffer);
      moved += read_at != place ? 1 : 0;
    }
    CHECK((buffer == 1) == (moved == 0));
  }
  // A buffer of one: each shard whole and in its own order, shards in any.
  std::set<int64_t> first_shards;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const auto order = order_of(1, seed);
    first_shards.insert(order[0] / kSize);
    for (size_t place = 0; place < order.size(); ++place)
      REQUIRE(order[place] == order[place / kSize * kSize] + static_cast<int64_t>(place) % kSize);
  }
  CHECK(first_shards.size() == kShards);
  // A buffer for all: every sample comes first about equally often; 300 draws of 60 miss one each e^-5 of the time.
  std::set<int64_t> firsts;
  for (uint64_t seed = 0; seed < 300; ++seed) firsts.insert(order_of(kAll, seed)[0]);
  CHECK(firsts.size() > 54);
}

TEST_CASE("epochs over shards do not depend on workers and are taken up anywhere", "[data]") {
  const TempDir dir;
  const ShardDatasetOptions options{.shards = write_shards(dir, 5, 9), .modalities = {text(), vector()}, .shuffle_buffer = 12, .open_shards = 2};
  const auto data = std::make_shared<ShardDataset>(options);
  Loader alone(data, {.batch_size = 4, .seed = 9});
  alone.start(2);
  const Read whole = rest_of(alone);
  REQUIRE(whole.ids.size() == 45);
  for (size_t i = 0; i < 45; ++i) CHECK_THAT(whole.ids[i], ContainsSubstring(".tar:" + std::to_string(static_cast<int64_t>(whole.values[i]))));
  for (const int64_t workers : {1, 4, 16}) {
    Loader loader(data, {.batch_size = 4, .workers = workers, .seed = 9});
    loader.start(2);
    CHECK(rest_of(loader) == whole);
  }
  for (const int64_t first : {1, 5, 11, 12}) {
    Loader loader(std::make_shared<ShardDataset>(options), {.batch_size = 4, .workers = 2, .seed = 9});
    loader.start(2, first);
    const auto from = std::min<std::ptrdiff_t>(4 * first, 45);
    CHECK(rest_of(loader).ids == std::vector<std::string>(whole.ids.begin() + from, whole.ids.end()));
  }
}

TEST_CASE("broken samples in shards are counted up to a limit", "[data]") {
  constexpr int64_t kAll = 400;
  const TempDir dir;
  const auto data_with = [&](int64_t percent) {
    std::set<int64_t> broken;
    for (int64_t k = 0; k < kAll; ++k)
      if (k % 100 < percent) broken.insert(k);
    return std::make_shared<ShardDataset>(ShardDatasetOptions{.shards = write_shards(dir, 4, kAll / 4, broken), .modalities = {text(), vector()}, .shuffle_buffer = 50});
  };
  Loader sound(data_with(0), {.batch_size = 16, .seed = 1});
  sound.start(0);
  const Read whole = rest_of(sound);
  REQUIRE(whole.ids.size() == kAll);
  for (const int64_t percent : {0, 1, 5, 50, 100}) {
    const auto data = data_with(percent);
    CHECK(data->skipped().empty());  // their headers are sound
    for (const int64_t workers : {0, 4}) {
      INFO(percent << " % broken, " << workers << " workers");
      Loader loader(data, {.batch_size = 16, .workers = workers, .seed = 1, .bad_sample_limit = 0.05});
      loader.start(0);
      if (percent > 5) {
        CHECK_THROWS_WITH(rest_of(loader), ContainsSubstring("at most 20 of 400 samples to be unusable, got 21") && ContainsSubstring(".npy"));
        continue;
      }
      Read good;  // the order of the good ones is that of the unbroken set
      for (size_t i = 0; i < whole.ids.size(); ++i) {
        if (static_cast<int64_t>(whole.values[i]) % 100 < percent) continue;
        good.ids.push_back(whole.ids[i]);
        good.values.push_back(whole.values[i]);
      }
      CHECK(rest_of(loader) == good);
      Counts causes;
      for (const auto& [cause, number] : loader.bad_samples()) causes[cause.substr(cause.find("] ") + 2, 12)] += number;
      const int64_t odd = 4 * (percent / 2), even = 4 * percent - odd;
      CHECK(causes == (percent == 0 ? Counts{} : percent == 1 ? Counts{{"expected Num", even}} : Counts{{"expected Num", even}, {"expected 4 b", odd}}));
    }
  }
}

TEST_CASE("a shard that goes or is cut in the middle of an epoch", "[data]") {
  constexpr int64_t kSize = 20;
  const TempDir dir;
  const auto paths = write_shards(dir, 4, kSize);
  const std::string intact = read_text_file(paths[2], 1 << 20);
  const auto data = std::make_shared<ShardDataset>(ShardDatasetOptions{.shards = paths, .modalities = {text(), vector()}, .open_shards = 1});
  struct Case {
    std::string what;
    std::function<void()> damage;
    std::string cause;
    int64_t bad;
  };
  const std::vector<Case> cases = {
      {"deleted", [&] { fs::remove(paths[2]); }, "cannot open", kSize},
      {"cut before it is opened", [&] { fs::resize_file(paths[2], intact.size() / 2); }, "it was changed since", kSize},
      {"another in its place", [&] { write_raw(paths[2], intact + tar_end()); }, "it was changed since", kSize},
      {"a folder in its place", [&] { fs::remove(paths[2]); fs::create_directory(paths[2]); }, "got a folder", kSize},
  };
  const auto spoil = [](Loader& loader, int64_t behind_batch, const std::function<void()>& damage) {
    loader.start(0);
    return rest_of(loader, [&](int64_t k) {
      if (k == behind_batch) damage();
    });
  };
  const auto total = [](const Loader& loader, const std::string& cause) {
    int64_t number = 0;
    for (const auto& [text, count] : loader.bad_samples()) number += text.find(cause) != std::string::npos ? count : 0;
    return number;
  };
  for (const int64_t workers : {0, 3}) {
    const LoaderOptions reading{.batch_size = 5, .shuffle = false, .workers = workers, .prefetch = 3, .bad_sample_limit = 0.25};
    for (const Case& c : cases) {
      INFO(c.what << ", " << workers << " workers");
      Loader loader(data, reading);
      const Read read = spoil(loader, 3, c.damage);  // the first shard is read, the third not begun
      CHECK(read.ids.size() == static_cast<size_t>(4 * kSize - c.bad));
      CHECK(total(loader, c.cause) == c.bad);
      CHECK(total(loader, paths[2]) == c.bad);
      fs::remove(paths[2]);
      write_raw(paths[2], intact);
      loader.start(0);
      CHECK(rest_of(loader).ids.size() == 4 * kSize);  // usable again
    }
    LoaderOptions limited = reading;
    limited.bad_sample_limit = 0.1;
    Loader strict(data, limited);
    CHECK_THROWS_WITH(spoil(strict, 3, [&] { fs::remove(paths[2]); }), ContainsSubstring("at most 8 of 80 samples") && ContainsSubstring(paths[2]));
    write_raw(paths[2], intact);
  }
  SECTION("while it is open") {
    Loader loader(data, {.batch_size = 5, .shuffle = false, .bad_sample_limit = 0.25});
    const Read read = spoil(loader, 9, [&] { fs::resize_file(paths[2], intact.size() / 2); });  // ten of its samples are read
    const auto gone = total(loader, "it was cut while being read");
    CHECK(gone >= 9);
    CHECK(gone <= 10);
    CHECK(read.ids.size() == static_cast<size_t>(4 * kSize - gone));
  }
}

TEST_CASE("few shards are open at a time", "[data]") {
  const TempDir dir;
  const auto paths = write_shards(dir, 30, 2);
  const int64_t before = count_open_shards();
  const auto data = std::make_shared<ShardDataset>(ShardDatasetOptions{.shards = paths, .modalities = {vector()}, .open_shards = 3});
  CHECK(count_open_shards() == before);
  std::vector<std::thread> threads;
  std::atomic<int64_t> wrong = 0, most = 0;
  for (uint64_t seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      Random random(seed);
      for (int round = 0; round < 200; ++round) {
        const int64_t index = random.below(data->size());
        if (data->get(index, random).values.at("vector").item<float>() != static_cast<float>(index)) ++wrong;
        if (round % 20 == 0) most = std::max(most.load(), count_open_shards() - before);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(most <= 3 + 4);
  CHECK(count_open_shards() - before == 3);
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

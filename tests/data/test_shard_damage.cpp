// SPDX-License-Identifier: Apache-2.0
#include "support/shards.hpp"

#include <alloy/core/log.hpp>

using namespace alloy;

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

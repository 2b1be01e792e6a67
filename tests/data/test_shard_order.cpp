// SPDX-License-Identifier: Apache-2.0
#include "support/shards.hpp"

#include <thread>

using namespace alloy;

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

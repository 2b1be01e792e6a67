// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core.hpp>
#include <alloy/data.hpp>

#include <filesystem>
#include <thread>

using namespace alloy;

namespace {

/// Sample i holds i and one random number; those listed as bad throw.
class Numbers final : public Dataset {
 public:
  explicit Numbers(int64_t size, std::function<void(int64_t)> fault = {}) : size_(size), fault_(std::move(fault)) {}
  int64_t size() const override { return size_; }
  Sample get(int64_t index, Random& random) const override {
    if (fault_) fault_(index);
    Sample sample{.id = "n" + std::to_string(index), .values = {}, .target = torch::tensor(index)};
    sample.values.insert("x", torch::tensor({static_cast<double>(index), random.uniform()}, torch::kDouble));
    return sample;
  }

 private:
  int64_t size_;
  std::function<void(int64_t)> fault_;
};

std::shared_ptr<Numbers> numbers(int64_t size, std::function<void(int64_t)> fault = {}) {
  return std::make_shared<Numbers>(size, std::move(fault));
}

/// Reads the second half first, each half in random order.
class HalvesSwapped final : public Dataset {
 public:
  int64_t size() const override { return 20; }
  Sample get(int64_t index, Random& random) const override { return numbers_.get(index, random); }
  std::vector<int64_t> order(Random& random) const override {
    std::vector<int64_t> order;
    for (const int64_t start : {10, 0})
      for (const int64_t i : random.permutation(10)) order.push_back(start + i);
    return order;
  }

 private:
  Numbers numbers_{20};
};

class WrongOrder final : public Dataset {
 public:
  explicit WrongOrder(std::vector<int64_t> order) : order_(std::move(order)) {}
  int64_t size() const override { return 3; }
  Sample get(int64_t, Random&) const override { return {}; }
  std::vector<int64_t> order(Random&) const override { return order_; }

 private:
  std::vector<int64_t> order_;
};

/// The batches of what is left of an epoch, and how many there were.
std::vector<LabelledBatch> rest_of(Loader& loader) {
  std::vector<LabelledBatch> batches;
  for (LabelledBatch batch; loader.next(batch);) batches.push_back(batch);
  return batches;
}

void check_same_batches(std::span<const LabelledBatch> a, std::span<const LabelledBatch> b) {
  REQUIRE(a.size() == b.size());
  for (size_t k = 0; k < a.size(); ++k) {
    CHECK(a[k].ids == b[k].ids);
    CHECK(a[k].inputs.empty() == b[k].inputs.empty());
    if (a[k].inputs.empty() || b[k].inputs.empty()) continue;
    CHECK_THAT(a[k].inputs.at("x").values, SameBits(b[k].inputs.at("x").values));
    CHECK_THAT(a[k].target, SameBits(b[k].target));
  }
}

/// Everything an epoch yields, in order: [N, 2] of index and random number.
Tensor read_epoch(Loader& loader, int64_t epoch) {
  loader.start(epoch);
  std::vector<Tensor> parts;
  LabelledBatch batch;
  while (loader.next(batch)) parts.push_back(batch.inputs.at("x").values);
  return torch::cat(parts);
}

}  // namespace

TEST_CASE("collate", "[data]") {
  std::vector<Sample> samples(3);
  for (size_t i = 0; i < 3; ++i) samples[i].id = std::string(1, static_cast<char>('a' + i));
  samples[0].values.insert("text", torch::tensor({5, 6, 7}));
  samples[2].values.insert("text", torch::tensor({8}));
  for (auto& s : samples) s.values.insert("image", torch::ones({1, 2, 2}));
  SECTION("pads what differs in length and marks what is absent") {
    const LabelledBatch batch = collate(samples);
    CHECK_THAT(batch.inputs.at("text").values, AllClose(torch::tensor({{5, 6, 7}, {0, 0, 0}, {8, 0, 0}})));
    CHECK_THAT(batch.inputs.at("text").mask, SameBits(torch::tensor({{true, true, true}, {false, false, false}, {true, false, false}})));
    CHECK_THAT(batch.inputs.at("text").present, SameBits(torch::tensor({true, false, true})));
    CHECK_FALSE(batch.inputs.at("image").mask.defined());
    CHECK_FALSE(batch.inputs.at("image").present.defined());
    CHECK(batch.ids == std::vector<std::string>{"a", "b", "c"});
    CHECK(batch_size(batch.inputs) == 3);
  }
  SECTION("names the sample that does not fit") {
    samples[1].values.at("image") = torch::ones({1, 2, 3});
    CHECK_THROWS_WITH(collate(samples), ContainsSubstring("'image' of sample 'b'") && ContainsSubstring("[1, 2, 3]"));
    samples[1].values.at("image") = torch::ones({1, 2, 2}, torch::kDouble);
    CHECK_THROWS_AS(collate(samples), ShapeError);
    samples[1].values.at("image") = torch::ones({1, 2, 2});
    samples[2].target = torch::tensor(1);
    CHECK_THROWS_WITH(collate(samples), ContainsSubstring("target of sample 'c'"));
    CHECK_THROWS_AS(collate({}), DataError);
  }
}

TEST_CASE("the order of samples does not depend on the number of workers", "[data]") {
  Loader alone(numbers(101), {.batch_size = 8, .workers = 0, .seed = 3});
  const Tensor first = read_epoch(alone, 0), second = read_epoch(alone, 1);
  CHECK_FALSE(at::equal(first, second));
  CHECK_THAT(std::get<0>(first.select(1, 0).sort()), AllClose(torch::arange(101, torch::kDouble)));
  CHECK_THAT(read_epoch(alone, 0), SameBits(first));
  for (const int64_t workers : {1, 4, 16}) {
    Loader loader(numbers(101), {.batch_size = 8, .workers = workers, .seed = 3});
    CHECK_THAT(read_epoch(loader, 1), SameBits(second));
    CHECK_THAT(read_epoch(loader, 0), SameBits(first));
  }
  Loader other(numbers(101), {.batch_size = 8, .seed = 4});
  CHECK_FALSE(at::equal(read_epoch(other, 0), first));
}

TEST_CASE("the last batch", "[data]") {
  Loader keep(numbers(10), {.batch_size = 4, .shuffle = false}), drop(numbers(10), {.batch_size = 4, .drop_last = true});
  CHECK(keep.num_batches() == 3);
  CHECK(read_epoch(keep, 0).size(0) == 10);
  CHECK(drop.num_batches() == 2);
  CHECK(read_epoch(drop, 0).size(0) == 8);
  CHECK_THAT(read_epoch(keep, 0).select(1, 0), AllClose(torch::arange(10, torch::kDouble)));
}

TEST_CASE("broken samples are counted up to a limit", "[data]") {
  const Tensor whole = [] {
    Loader loader(numbers(1000), {.batch_size = 16, .seed = 1});
    return read_epoch(loader, 0);
  }();
  for (const int64_t workers : {0, 4}) {
    for (const int64_t percent : {0, 1, 5, 50, 100}) {
      INFO(percent << " % broken, " << workers << " workers");
      const auto bad = [percent](int64_t i) { return i % 100 < percent; };
      Loader loader(numbers(1000, [&](int64_t i) {
        if (bad(i) && i % 2 == 0) throw DataError("cut short");
        if (bad(i)) throw IoError("gone");
      }), {.batch_size = 16, .workers = workers, .seed = 1});
      if (percent > 1) {
        CHECK_THROWS_WITH(read_epoch(loader, 0), ContainsSubstring("at most 10 of 1000 samples to be unusable, got 11"));
        continue;
      }
      const Tensor good = read_epoch(loader, 0);
      CHECK(good.size(0) == 1000 - 10 * percent);
      CHECK(loader.bad_samples() == (percent == 0 ? std::map<std::string, int64_t>{} : std::map<std::string, int64_t>{{"cut short", 10}}));
      std::vector<int64_t> rest;  // the order of the good ones is that of the unbroken set
      for (int64_t i = 0; i < 1000; ++i)
        if (!bad(static_cast<int64_t>(whole[i][0].item<double>()))) rest.push_back(i);
      CHECK_THAT(good, SameBits(whole.index_select(0, torch::tensor(rest))));
    }
  }
}

TEST_CASE("a worker that throws, and one that stalls, end cleanly", "[data]") {
  const auto threads = [] { return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {}); };
  {
    Loader all(numbers(50), {.batch_size = 4, .workers = 3});
    read_epoch(all, 0);  // whatever LibTorch starts once is there
  }
  const auto before = threads();
  for (const int64_t workers : {0, 3}) {
    Loader loader(numbers(50, [](int64_t i) {
      if (i == 20) throw std::runtime_error("bug");
    }), {.batch_size = 4, .shuffle = false, .workers = workers});
    CHECK_THROWS_WITH(read_epoch(loader, 0), ContainsSubstring("sample 20") && ContainsSubstring("bug"));
    CHECK_THROWS_AS(read_epoch(loader, 1), ModelError);  // usable again
  }
  const auto release = std::make_shared<std::atomic<bool>>(false);
  {
    Loader loader(numbers(8, [release](int64_t i) {
      while (i == 5 && !*release) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }), {.batch_size = 2, .shuffle = false, .workers = 2, .stall_seconds = 1.5});
    CHECK_THROWS_WITH(read_epoch(loader, 0), ContainsSubstring("sample 5 stalls"));
  }
  *release = true;
  for (int tries = 0; tries < 500 && threads() > before; ++tries) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK(threads() == before);  // row D10: none is left, the one that stalled neither once it is let go
}

TEST_CASE("a loader may be left in the middle of an epoch", "[data]") {
  for (int i = 0; i < 5; ++i) {
    Loader loader(numbers(1000), {.batch_size = 2, .workers = 4, .prefetch = 2});
    LabelledBatch batch;
    REQUIRE(loader.next(batch));
    loader.start(1);
    REQUIRE(loader.next(batch));
  }
  CHECK_THROWS_AS(Loader(numbers(0), {}), DataError);
  CHECK_THROWS_AS(Loader(numbers(1), {.batch_size = 0}), ConfigError);
}

TEST_CASE("a dataset has a say in its order", "[data]") {
  Loader loader(std::make_shared<HalvesSwapped>(), {.batch_size = 10, .seed = 7});
  loader.start(0);
  const auto batches = rest_of(loader);
  REQUIRE(batches.size() == 2);
  CHECK_THAT(std::get<0>(batches[0].target.sort()), SameBits(torch::arange(10, 20)));
  CHECK_THAT(std::get<0>(batches[1].target.sort()), SameBits(torch::arange(10)));
  loader.start(1);
  CHECK_FALSE(at::equal(rest_of(loader)[0].target, batches[0].target));

  Loader plain(numbers(50), {.batch_size = 50, .seed = 7});  // without a say: a permutation by seed and epoch
  plain.start(2);
  CHECK_THAT(rest_of(plain)[0].target, SameBits(torch::tensor(Random(mix_seed({7, 2})).permutation(50))));
  Loader in_order(std::make_shared<HalvesSwapped>(), {.batch_size = 20, .shuffle = false});
  in_order.start(0);
  CHECK_THAT(rest_of(in_order)[0].target, SameBits(torch::arange(20)));

  Loader too_few(std::make_shared<WrongOrder>(std::vector<int64_t>{0, 1}), {}), outside(std::make_shared<WrongOrder>(std::vector<int64_t>{0, 1, 3}), {});
  CHECK_THROWS_WITH(too_few.start(0), ContainsSubstring("an order of 3 samples") && ContainsSubstring("got 2"));
  CHECK_THROWS_WITH(outside.start(0), ContainsSubstring("indices below 3") && ContainsSubstring("got 3"));
}

TEST_CASE("an epoch is taken up at any batch", "[data]") {
  // Batches 2 and 5 of what is read in order are bad altogether, and some samples elsewhere.
  const auto fault = [](int64_t i) {
    if (i / 4 == 2 || i / 4 == 5 || i == 13) throw DataError("broken");
  };
  for (const bool shuffle : {false, true}) {
    for (const int64_t workers : {0, 3}) {
      const LoaderOptions options{.batch_size = 4, .shuffle = shuffle, .workers = workers, .seed = 5, .bad_sample_limit = 1};
      Loader unbroken(numbers(31, fault), options);
      unbroken.start(3);
      std::vector<int64_t> positions{unbroken.position()};
      std::vector<LabelledBatch> whole;
      for (LabelledBatch batch; unbroken.next(batch);) {
        whole.push_back(batch);
        positions.push_back(unbroken.position());
      }
      CHECK(unbroken.position() == 8);
      if (!shuffle) CHECK(positions == std::vector<int64_t>{0, 1, 2, 4, 5, 7, 8});
      for (size_t k = 0; k < positions.size(); ++k) {
        INFO("from batch " << positions[k]);
        Loader resumed(numbers(31, fault), options);
        resumed.start(3, positions[k]);
        CHECK(resumed.position() == positions[k]);
        check_same_batches(rest_of(resumed), std::span(whole).subspan(k));
        CHECK(resumed.position() == 8);
      }
    }
  }
  Loader loader(numbers(10), {.batch_size = 4});
  CHECK_THROWS_WITH(loader.start(0, 4), ContainsSubstring("first batch in 0..3, got 4"));
  CHECK_THROWS_AS(loader.start(0, -1), ConfigError);
}

TEST_CASE("a batch that failed is tried again from its position", "[data]") {
  for (const int64_t workers : {0, 2}) {
    const auto repaired = std::make_shared<std::atomic<bool>>(false);
    Loader loader(numbers(20, [repaired](int64_t i) {
      if (i == 9 && !*repaired) throw DataError("cut short");
    }), {.batch_size = 4, .shuffle = false, .workers = workers, .bad_sample_limit = 0});
    loader.start(0);
    CHECK_THROWS_AS(rest_of(loader), DataError);
    CHECK(loader.position() == 2);
    LabelledBatch batch;
    CHECK_FALSE(loader.next(batch));  // not the first epoch over again
    *repaired = true;
    loader.start(0, loader.position());
    REQUIRE(loader.next(batch));
    CHECK_THAT(batch.target, SameBits(torch::arange(8, 12)));
  }
}

TEST_CASE("the batches of all ranks together are those of one process", "[data]") {
  for (const int64_t world : {1, 2, 3, 5}) {
    for (const int64_t size : {1, 4, 24, 29, 30, 31, 59}) {
      for (const bool drop_last : {false, true}) {
        INFO(size << " samples, " << world << " ranks, drop_last " << drop_last);
        Loader alone(numbers(size), {.batch_size = 3 * world, .drop_last = drop_last, .seed = 2});
        alone.start(1);
        auto whole = rest_of(alone);
        // A last batch with fewer samples than ranks is left out.
        if (!whole.empty() && static_cast<int64_t>(whole.back().ids.size()) < world) whole.pop_back();
        std::vector<std::vector<LabelledBatch>> parts;
        for (int64_t rank = 0; rank < world; ++rank) {
          Loader loader(numbers(size), {.batch_size = 3, .drop_last = drop_last, .workers = rank % 2, .seed = 2, .rank = rank, .world_size = world});
          CHECK(loader.num_batches() == static_cast<int64_t>(whole.size()));
          loader.start(1);
          parts.push_back(rest_of(loader));
          REQUIRE(parts.back().size() == whole.size());
        }
        for (size_t k = 0; k < whole.size(); ++k) {
          std::vector<Tensor> values;
          std::vector<size_t> sizes;
          for (const auto& part : parts) {
            values.push_back(part[k].inputs.at("x").values);
            sizes.push_back(part[k].ids.size());
          }
          CHECK_THAT(torch::cat(values), SameBits(whole[k].inputs.at("x").values));
          CHECK(std::ranges::max(sizes) - std::ranges::min(sizes) <= 1);
        }
      }
    }
  }
  CHECK_THROWS_WITH(Loader(numbers(9), {.rank = 2, .world_size = 2}), ContainsSubstring("got 2 and 2"));
  CHECK_THROWS_AS(Loader(numbers(9), {.rank = 0, .world_size = 0}), ConfigError);
}

TEST_CASE("ranks keep step over broken samples", "[data]") {
  // Rank 1 reads 4..7, 12..15, 20..23; the second of these batches is broken altogether.
  const auto fault = [](int64_t i) {
    if (i >= 12 && i < 16) throw DataError("broken");
  };
  for (const int64_t workers : {0, 2}) {
    const auto options = [&](int64_t rank, double limit) {
      return LoaderOptions{.batch_size = 4, .shuffle = false, .workers = workers, .bad_sample_limit = limit, .rank = rank, .world_size = 2};
    };
    Loader broken(numbers(24, fault), options(1, 0.4));
    broken.start(0);
    const auto batches = rest_of(broken);
    REQUIRE(batches.size() == 3);
    CHECK(batches[0].ids == std::vector<std::string>{"n4", "n5", "n6", "n7"});
    CHECK((batches[1].ids.empty() && batches[1].inputs.empty() && !batches[1].target.defined()));
    CHECK(batches[2].ids == std::vector<std::string>{"n20", "n21", "n22", "n23"});
    CHECK(broken.bad_samples() == std::map<std::string, int64_t>{{"broken", 4}});
    for (const int64_t first : {1, 2}) {
      Loader resumed(numbers(24, fault), options(1, 0.4));
      resumed.start(0, first);
      check_same_batches(rest_of(resumed), std::span(batches).subspan(static_cast<size_t>(first)));
    }
    Loader sound(numbers(24, fault), options(0, 0));  // the limit is on a rank's own samples
    sound.start(0);
    CHECK(rest_of(sound).size() == 3);
    Loader strict(numbers(24, fault), options(1, 0.25));  // 3 of its 12
    strict.start(0);
    CHECK_THROWS_WITH(rest_of(strict), ContainsSubstring("at most 3 of 12 samples to be unusable, got 4"));
  }
}

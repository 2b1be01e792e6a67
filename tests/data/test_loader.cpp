// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core.hpp>
#include <alloy/data.hpp>

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

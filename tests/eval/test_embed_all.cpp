// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alloy.hpp>

using namespace alloy;

namespace {

struct RestlessOptions {
  static void describe(auto&, auto&&) {}
};

/// Hands on what it gets, but only in evaluation mode.
class RestlessImpl final : public Encoder {
 public:
  using Options = RestlessOptions;
  static constexpr auto kName = "restless";
  explicit RestlessImpl(RestlessOptions) {}
  Features forward(const ModalityInput& input) override { return {.pooled = is_training() ? torch::randn_like(input.values) : input.values}; }
  int64_t dim() const override { return 3; }
  const RestlessOptions& options() const { return options_; }

 private:
  RestlessOptions options_;
};
using Restless = Holder<RestlessImpl>;

JointEmbedding make_joint() {
  seed_everything(3);
  JointEmbedding joint({.dim = 4});
  for (const char* name : {"a", "b", "c"}) joint->add(name, Restless(RestlessOptions{}));
  return joint;
}

/// Sample i lacks "a" if i % 3 == 0 and "b" if i % 4 == 1; nobody has "c".
std::vector<Sample> make_samples(int64_t count) {
  torch::manual_seed(8);
  std::vector<Sample> samples;
  for (int64_t i = 0; i < count; ++i) {
    samples.push_back({.id = "s" + std::to_string(i), .values = {}, .target = torch::tensor(i % 2)});
    if (i % 3 != 0) samples.back().values.insert("a", torch::randn({3}));
    if (i % 4 != 1) samples.back().values.insert("b", torch::randn({3}));
  }
  return samples;
}

}  // namespace

TEST_CASE("embed_all", "[eval]") {
  JointEmbedding joint = make_joint();
  const auto samples = make_samples(11);
  const auto data = std::make_shared<MemoryDataset>(samples);
  Loader loader(data, {.batch_size = 3, .shuffle = false});
  SECTION("each row is the sample embedded alone, in evaluation mode, and says whose it is") {
    const EmbeddedSet set = embed_all(joint, loader);
    CHECK(joint->is_training());
    CHECK(set.ids.size() == 11);
    CHECK(set.modalities.names() == std::vector<std::string>{"a", "b", "c"});
    CHECK_THAT(set.target, AllClose(torch::arange(11) % 2));
    CHECK_THAT(set.modalities.at("a").samples, AllClose(torch::tensor({1, 2, 4, 5, 7, 8, 10})));
    CHECK_THAT(set.modalities.at("b").samples, AllClose(torch::tensor({0, 2, 3, 4, 6, 7, 8, 10})));
    CHECK(set.modalities.at("c").values.sizes() == at::IntArrayRef({0, 4}));
    for (const char* name : {"a", "b"}) {
      const EmbeddedRows& rows = set.modalities.at(name);
      CHECK_FALSE(rows.values.requires_grad());
      CHECK_FALSE(rows.values.is_inference());
      for (int64_t r = 0; r < rows.samples.size(0); ++r) {
        const int64_t sample = rows.samples[r].item<int64_t>();
        CHECK(set.ids[static_cast<size_t>(sample)] == "s" + std::to_string(sample));
        const Tensor alone = joint->embed(name, {.values = samples[static_cast<size_t>(sample)].values.at(name).unsqueeze(0)});
        CHECK_THAT(rows.values[r], AllClose(alone[0], 1e-5));
      }
    }
  }
  SECTION("any batch size, any number of workers") {
    const EmbeddedSet set = embed_all(joint, loader);
    Loader other(data, {.batch_size = 5, .shuffle = false, .workers = 2});
    const EmbeddedSet again = embed_all(joint, other);
    CHECK(again.ids == set.ids);
    for (const auto& [name, rows] : set.modalities) {
      CHECK_THAT(again.modalities.at(name).samples, AllClose(rows.samples));
      CHECK_THAT(again.modalities.at(name).values, AllClose(rows.values, 1e-5));
    }
  }
  SECTION("only some modalities") {
    const EmbeddedSet set = embed_all(joint, loader, {.only = {"b"}});
    CHECK(set.modalities.names() == std::vector<std::string>{"b"});
    CHECK(set.ids.size() == 11);
    CHECK_THROWS_WITH(embed_all(joint, loader, {.only = {"z"}}), ContainsSubstring("among a, b, c, got 'z'"));
    CHECK_THROWS_WITH(embed_all(joint, loader, {.only = {"c"}}), ContainsSubstring("at least one of the modalities c, got none"));
  }
  SECTION("modalities that the model does not have") {
    auto more = samples;
    more[7].values.insert("z", torch::randn({3}));
    Loader with_z(std::make_shared<MemoryDataset>(more), {.batch_size = 3, .shuffle = false});
    CHECK_THROWS_WITH(embed_all(joint, with_z), ContainsSubstring("a, b, c, got 'z'; name those to embed"));
    CHECK(embed_all(joint, with_z, {.only = {"a", "b"}}).ids.size() == 11);
  }
  SECTION("errors name the batch") {
    auto bad = samples;
    bad[4].values.at("a") = torch::full({3}, std::nan(""));
    Loader with_nan(std::make_shared<MemoryDataset>(bad), {.batch_size = 3, .shuffle = false});
    CHECK_THROWS_AS(embed_all(joint, with_nan), ModelError);
    CHECK_THROWS_WITH(embed_all(joint, with_nan), ContainsSubstring("begins with sample 's3'") && ContainsSubstring("encoder 'a'"));
    auto half = samples;
    for (size_t i = 6; i < 11; ++i) half[i].target = Tensor();
    Loader half_labelled(std::make_shared<MemoryDataset>(half), {.batch_size = 3, .shuffle = false});
    CHECK_THROWS_WITH(embed_all(joint, half_labelled), ContainsSubstring("in every sample or in none, got none from sample 's6' on"));
    for (size_t i = 0; i < 6; ++i) std::swap(half[i].target, half[i + 5].target);
    half[5].target = Tensor();
    Loader late_labels(std::make_shared<MemoryDataset>(std::vector(half.begin() + 3, half.end())), {.batch_size = 3, .shuffle = false});
    CHECK_THROWS_WITH(embed_all(joint, late_labels), ContainsSubstring("got some from sample 's6' on"));
    auto wide = samples;
    for (size_t i = 3; i < 11; ++i) wide[i].target = torch::zeros({2});
    Loader mixed(std::make_shared<MemoryDataset>(wide), {.batch_size = 3, .shuffle = false});
    CHECK_THROWS_AS(embed_all(joint, mixed), ShapeError);
  }
  SECTION("progress and cancel") {
    std::vector<int64_t> done;
    CancelToken cancel;
    const auto watch = [&](const Progress& p) {
      done.push_back(p.done);
      CHECK(p.total == 11);
    };
    embed_all(joint, loader, {.progress = watch});
    CHECK(done == std::vector<int64_t>{3, 6, 9, 11});
    CHECK_THROWS_AS(embed_all(joint, loader, {.cancel = cancel, .progress = [&](const Progress&) { cancel.cancel(); }}), CancelledError);
  }
}

TEST_CASE("scores between the modalities of a set", "[eval]") {
  const BootstrapOptions quick{.resamples = 10};
  // four samples, all with "a", the last three with "b"; sample 2 lies nearest to the "a" of sample 3
  EmbeddedSet set{.ids = {"0", "1", "2", "3"}, .target = {}, .modalities = {}, .skipped = {}};
  const Tensor eye = torch::eye(4);
  set.modalities.insert("a", {eye, torch::arange(4)});
  set.modalities.insert("b", {torch::stack({eye[1], eye[3], eye[3]}), torch::tensor({1, 2, 3})});
  set.modalities.insert("none", {torch::zeros({0, 4}), torch::zeros({0}, torch::kLong)});
  const auto all = joint_scores(set, {.retrieval = {.ks = {1}, .bootstrap = quick}});
  REQUIRE(all.size() == 2);
  CHECK(all[0].from == "a");
  CHECK(all[0].to == "b");
  CHECK(all[0].found.queries == 3);
  // a to b: sample 1 first; 2 sees three zeros, of which its own is one: 0 before it, 0 beside; 3 shares the first place with 2
  CHECK_THAT(all[0].found.ranks, AllClose(torch::tensor({1., 2., 1.5}, torch::kDouble)));
  // b to a: of sample 2, its own "a" shares places 2 and 3 with that of 1
  CHECK_THAT(all[1].found.ranks, AllClose(torch::tensor({1., 2.5, 1.}, torch::kDouble)));
  CHECK_THAT(all[1].found.at("R@1").chance, WithinAbs(1 / 3.0, 1e-12));
  SECTION("groups") {
    const auto grouped = joint_scores(set, {.groups = torch::tensor({5, 6, 7, 7}), .retrieval = {.ks = {1}, .bootstrap = quick}});
    CHECK_THAT(grouped[1].found.ranks, AllClose(torch::tensor({1., 1., 1.}, torch::kDouble)));
    CHECK_THAT(grouped[1].found.at("R@1").chance, WithinAbs((1 + 2 + 2) / 9.0, 1e-12));
    CHECK_THROWS_AS(joint_scores(set, {.groups = torch::tensor({5, 6, 7})}), ShapeError);
  }
  SECTION("errors") {
    CHECK_THROWS_WITH(joint_scores(set, {.retrieval = {.query_ids = torch::arange(3), .item_ids = torch::arange(3)}}), ContainsSubstring("use groups"));
    set.modalities.erase("b");
    CHECK_THROWS_WITH(joint_scores(set), ContainsSubstring("got none among a, none"));
  }
}

// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alloy.hpp>

#include <torch/optim/adamw.h>

using namespace alloy;

namespace {

JointEmbedding make_joint(int64_t dim = 8) {
  seed_everything(3);
  JointEmbedding joint({.dim = dim});
  for (const char* name : {"a", "b", "c"}) joint->add(name, FeatureEncoder({.in_dim = 6, .dim = 10}));
  return joint;
}

/// Three views of one hidden vector each; sample i lacks a modality where i % 4 says so.
Batch make_batch(int64_t rows, uint64_t seed, bool gaps) {
  torch::manual_seed(7);
  std::vector<Tensor> views;
  for (int m = 0; m < 3; ++m) views.push_back(torch::randn({4, 6}));
  torch::manual_seed(seed);
  const Tensor hidden = torch::randn({rows, 4});
  Batch batch;
  for (int m = 0; m < 3; ++m) {
    ModalityInput input{.values = hidden.mm(views[static_cast<size_t>(m)]) + 0.1 * torch::randn({rows, 6})};
    if (gaps) {
      input.present = torch::arange(rows) % 4 != m;
      input.values = input.values.masked_fill(input.present.logical_not().unsqueeze(1), std::nan(""));
    }
    batch.insert(std::string(1, static_cast<char>('a' + m)), input);
  }
  return batch;
}

double recall_at_1(const Tensor& scores) { return scores.argmax(1).eq(torch::arange(scores.size(0))).to(torch::kFloat).mean().item<double>(); }

}  // namespace

TEST_CASE("joint embedding", "[models]") {
  JointEmbedding joint = make_joint();
  const Batch batch = make_batch(12, 1, true);
  const auto embeddings = joint->forward(batch);
  SECTION("unit rows where present, zeros where absent, whatever the absent rows hold") {
    for (const auto& [name, e] : embeddings) {
      CHECK(e.values.sizes() == at::IntArrayRef({12, 8}));
      CHECK_THAT(e.values.norm(2, {1}), AllClose(e.present.to(torch::kFloat), 1e-5, 1e-6));
    }
    joint->zero_grad();
    joint->loss(embeddings).total.backward();
    for (const auto& p : joint->named_parameters()) {
      INFO(p.key());
      REQUIRE(p.value().grad().defined());
      CHECK(p.value().grad().isfinite().all().item<bool>());
    }
  }
  SECTION("a sample alone is embedded as in a batch") {
    joint->eval();
    const Batch full = make_batch(12, 1, false);
    const Tensor all = joint->embed("b", full.at("b"));
    CHECK_THAT(joint->embed("b", {.values = full.at("b").values.narrow(0, 5, 1)}), AllClose(all.narrow(0, 5, 1), 1e-5, 1e-6));
    CHECK_THAT(joint->similarity("a", "b", full), AllClose(joint->embed("a", full.at("a")).mm(all.t()), 1e-5, 1e-6));
  }
  SECTION("errors") {
    CHECK_THROWS_WITH(joint->embed("a", batch.at("a")), ContainsSubstring("'a' in every sample, got none in sample 0"));
    CHECK_THROWS_WITH(joint->embed("z", batch.at("a")), ContainsSubstring("a, b, c, got 'z'"));
    CHECK_THROWS_AS(joint->forward({{"z", batch.at("a")}}), ConfigError);
    CHECK_THROWS_AS(joint->add("a", FeatureEncoder({.in_dim = 6, .dim = 10})), ConfigError);
    joint->loss(embeddings);
    CHECK_THROWS_WITH(joint->add("d", FeatureEncoder({.in_dim = 6, .dim = 10})), ContainsSubstring("before the first loss"));
    CHECK_THROWS_AS(JointEmbedding({.dim = 0}), ConfigError);
    CHECK_THROWS_AS(JointEmbedding({.loss = {.modalities = {"a", "b"}}}), ConfigError);
    JointEmbedding anchored({.loss = {.scheme = PairScheme::anchored, .anchor = "nobody"}});
    for (const char* name : {"a", "b"}) anchored->add(name, FeatureEncoder({.in_dim = 6, .dim = 10}));
    CHECK_THROWS_WITH(anchored->objective(), ContainsSubstring("'nobody'"));
    ModalityInput bad = make_batch(3, 1, false).at("a");
    bad.values[1][2] = std::nan("");
    CHECK_THROWS_AS(joint->embed("a", bad), ModelError);
  }
}

TEST_CASE("contrast brings together what belongs together, from incomplete samples", "[models]") {
  JointEmbedding joint = make_joint();
  const Batch held_out = make_batch(100, 99, false);
  const double before = recall_at_1(joint->similarity("a", "c", held_out));
  joint->objective();
  torch::optim::AdamW optimizer(joint->parameters(), torch::optim::AdamWOptions(0.01));
  for (uint64_t step = 0; step < 150; ++step) {
    optimizer.zero_grad();
    joint->loss(joint->forward(make_batch(64, 1000 + step, true))).total.backward();
    optimizer.step();
    joint->objective()->clamp();
  }
  for (const auto& [from, to] : {std::pair("a", "b"), std::pair("a", "c"), std::pair("c", "b")}) CHECK(recall_at_1(joint->similarity(from, to, held_out)) > 0.9);
  CHECK(before < 0.2);
}

// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core.hpp>
#include <alloy/fusion.hpp>
#include <alloy/models.hpp>

#include <torch/nn/modules/batchnorm.h>

#include <thread>
#include <torch/nn/modules/batchnorm.h>

using namespace alloy;

namespace {

struct ProbeOptions {
  int64_t in_dim = 3;
  int64_t dim = 4;
  static void describe(auto& self, auto&& field) {
    field("in_dim", self.in_dim, "width of the input");
    field("dim", self.dim, "width of the output");
  }
};

/// A linear encoder that fails on any row it should not see, and on demand.
class ProbeImpl final : public Encoder {
 public:
  using Options = ProbeOptions;
  static constexpr auto kName = "probe";
  enum class Fault { none, throws, wrong_width, nan };
  explicit ProbeImpl(ProbeOptions options) : options_(options), map_({.in_dim = options.in_dim, .out_dim = options.dim}) {
    register_module("map", map_);
    register_module("norm", norm_ = torch::nn::BatchNorm1d(options.dim));
  }
  Features forward(const ModalityInput& input) override {
    rows_seen = input.values.size(0);
    if (!input.values.isfinite().all().item<bool>()) throw std::runtime_error("saw an absent row");
    if (fault == Fault::throws) throw std::runtime_error("out of cheese");
    if (fault == Fault::wrong_width) return {.pooled = torch::zeros({rows_seen, 1})};
    const Tensor x = norm_(map_(input.values));
    return {.pooled = fault == Fault::nan ? x / 0.0 - x / 0.0 : x};
  }
  int64_t dim() const override { return options_.dim; }
  const ProbeOptions& options() const { return options_; }
  Fault fault = Fault::none;
  int64_t rows_seen = -1;

 private:
  ProbeOptions options_;
  Linear map_;
  torch::nn::BatchNorm1d norm_{nullptr};
};
using Probe = Holder<ProbeImpl>;

Batch probe_batch(int64_t b) {
  return {{"a", {.values = torch::randn({b, 3})}}, {"b", {.values = torch::randn({b, 3})}}};
}

}  // namespace

TEST_CASE("FusionModel serves any of the three interfaces", "[models]") {
  seed_everything(1);
  const std::vector<std::string> names = {"a", "b"};
  const auto check_model = [&](FusionModel model) {
    model->add("a", Probe({}));
    model->add("b", Probe({}));
    const ModelOutput out = model->forward(probe_batch(5));
    CHECK(out.logits.sizes() == at::IntArrayRef({5, 3}));
    return out;
  };
  CHECK(check_model(FusionModel(GatedFusion({.modalities = names, .dim = 4}), {.outputs = 3})).fused.sizes() == at::IntArrayRef({5, 4}));
  CHECK(check_model(FusionModel(LateFusion({.modalities = names}), {.outputs = 3})).modality_logits.size() == 2);
  FusionModel early(InputConcat({.modalities = names, .channels = {2, 1}}), {.outputs = 3});
  struct Mean final : Encoder {
    Features forward(const ModalityInput& input) override { return {.pooled = input.values.mean(1)}; }
    int64_t dim() const override { return 5; }
  };
  early->add("joint", std::make_shared<Mean>());
  const Batch streams{{"a", {.values = torch::randn({4, 6, 2})}}, {"b", {.values = torch::randn({4, 6, 1})}}};
  CHECK(early->forward(streams).logits.sizes() == at::IntArrayRef({4, 3}));
  CHECK_THROWS_WITH(early->add("second", std::make_shared<Mean>()), ContainsSubstring("one encoder"));
}

TEST_CASE("encoders see only rows that are present", "[models]") {
  seed_everything(2);
  FusionModel model(GatedFusion({.modalities = {"a", "b"}, .dim = 4}), {.outputs = 3});
  Probe a({}), b({});
  model->add("a", a);
  model->add("b", b);
  Batch batch = probe_batch(4);
  batch.at("a").present = torch::tensor({true, false, true, false});
  batch.at("a").values[1].fill_(std::numeric_limits<float>::quiet_NaN());
  batch.at("a").values[3].fill_(std::numeric_limits<float>::infinity());
  const Tensor logits = model->forward(batch).logits;
  CHECK(a->rows_seen == 2);
  CHECK(b->rows_seen == 4);
  logits.sum().backward();
  for (const auto& p : model->named_parameters()) {
    INFO(p.key());
    CHECK(p.value().grad().isfinite().all().item<bool>());
  }
  SECTION("a batch without the modality does not call its encoder") {
    a->rows_seen = -1;
    batch.at("a").present = torch::zeros({4}, torch::kBool);
    model->forward(batch);
    CHECK(a->rows_seen == -1);
    batch.erase("a");
    model->forward(batch);
    CHECK(a->rows_seen == -1);
  }
  SECTION("a single present row in training uses running statistics") {
    batch.at("a").present = torch::tensor({true, false, false, false});
    CHECK(model->forward(batch).logits.isfinite().all().item<bool>());
    CHECK(a->is_training());
    CHECK(a->named_modules()["norm"]->is_training());
  }
  SECTION("each sample alone gives the same in evaluation") {
    model->eval();
    const Tensor together = model->forward(batch).logits;
    for (int64_t i = 0; i < 4; ++i) CHECK_THAT(model->forward(rows(batch, torch::tensor({i}))).logits, AllClose(together.slice(0, i, i + 1), 1e-5));
  }
}

TEST_CASE("FusionModel names what is wrong", "[models]") {
  FusionModel model(GatedFusion({.modalities = {"a", "b"}, .dim = 4}), {.outputs = 3});
  CHECK_THROWS_WITH(model->forward(probe_batch(2)), ContainsSubstring("got none for 'a'; call add()"));
  Probe a({});
  model->add("a", a);
  CHECK_THROWS_WITH(model->add("c", Probe({})), ContainsSubstring("a, b, got 'c'"));
  CHECK_THROWS_WITH(model->add("a", Probe({})), ContainsSubstring("got a second"));
  CHECK_THROWS_WITH(model->add("b", Probe({.dim = 6})), ContainsSubstring("of width 4 from encoder 'b', got 6"));
  model->add("b", Probe({}));
  Batch batch = probe_batch(2);
  batch.insert("smell", {.values = torch::zeros({2, 1})});
  CHECK_THROWS_WITH(model->forward(batch), ContainsSubstring("only the modalities a, b, got 'smell'"));
  batch = probe_batch(2);
  batch.at("b").values = torch::zeros({3, 3});
  CHECK_THROWS_AS(model->forward(batch), ShapeError);
  batch = probe_batch(3);
  batch.at("a").present = batch.at("b").present = torch::tensor({true, false, true});
  CHECK_THROWS_WITH(model->forward(batch), ContainsSubstring("sample 1"));

  SECTION("an encoder that throws") {
    a->fault = ProbeImpl::Fault::throws;
    CHECK_THROWS_WITH(model->forward(probe_batch(2)), ContainsSubstring("encoder 'a'") && ContainsSubstring("out of cheese"));
    CHECK_THROWS_AS(model->forward(probe_batch(2)), ModelError);
  }
  SECTION("an encoder of another width") {
    a->fault = ProbeImpl::Fault::wrong_width;
    CHECK_THROWS_WITH(model->forward(probe_batch(2)), ContainsSubstring("encoder 'a'") && ContainsSubstring("[2, 4], got float32 [2, 1]"));
  }
  SECTION("an encoder that gives NaN, in predict") {
    a->fault = ProbeImpl::Fault::nan;
    CHECK_NOTHROW(model->forward(probe_batch(2)));
    CHECK_THROWS_WITH(model->predict(probe_batch(2)), ContainsSubstring("encoder 'a'"));
    CHECK_THROWS_AS(model->predict(probe_batch(2)), ModelError);
  }
}

TEST_CASE("projections bridge widths when asked", "[models]") {
  FusionModel model(SumFusion({.modalities = {"a", "b"}, .dim = 4}), {.outputs = 2, .project = Projection::when_needed});
  model->add("a", Probe({.dim = 4}));
  model->add("b", Probe({.dim = 9}));
  CHECK(model->forward(probe_batch(3)).logits.sizes() == at::IntArrayRef({3, 2}));
  CHECK(model->named_parameters().contains("projection_b.weight"));
  CHECK_FALSE(model->named_parameters().contains("projection_a.weight"));
}

TEST_CASE("decision rules can be exchanged on one model", "[models]") {
  FusionModel model(LateFusion({.modalities = {"a", "b"}}), {.outputs = 3});
  model->add("a", Probe({}));
  model->add("b", Probe({}));
  model->eval();
  const Batch batch = probe_batch(4);
  const auto before = model->forward(batch);
  model->replace_rule(LateFusion({.modalities = {"a", "b"}, .rule = LateRule::naive_bayes}));
  const auto after = model->forward(batch);
  CHECK_THAT(after.modality_logits.at("a").logits, SameBits(before.modality_logits.at("a").logits));
  CHECK_FALSE(at::allclose(after.logits, before.logits));
  CHECK_THROWS_AS(model->replace_rule(LateFusion({.modalities = {"a"}})), ConfigError);
}

TEST_CASE("clone of a FusionModel is deep", "[models]") {
  seed_everything(3);
  FusionModel model(LateFusion({.modalities = {"a", "b"}, .rule = LateRule::naive_bayes}), {.outputs = 3});
  model->add("a", Probe({}));
  model->add("b", Probe({}));
  model->eval();
  const Batch batch = probe_batch(4);
  FusionModel copy = clone(model);
  CHECK_THAT(copy->forward(batch).logits, SameBits(model->forward(batch).logits));
  copy->parameters()[0].data().add_(1.0);
  CHECK_FALSE(at::equal(copy->parameters()[0], model->parameters()[0]));
}

TEST_CASE("sixteen threads share a model in inference", "[models]") {
  seed_everything(4);
  FusionModel model(GatedFusion({.modalities = {"a", "b"}, .dim = 4}), {.outputs = 3});
  model->add("a", Probe({}));
  model->add("b", Probe({}));
  model->eval();
  const Batch batch = probe_batch(8);
  const Tensor expected = model->predict(batch).logits;
  std::vector<std::thread> threads;
  std::atomic<int> same = 0;
  for (int t = 0; t < 16; ++t)
    threads.emplace_back([&] {
      bool equal = true;
      for (int i = 0; i < 20; ++i) equal = equal && at::equal(model->predict(batch).logits, expected);
      same += equal;
    });
  for (auto& t : threads) t.join();
  CHECK(same == 16);
}

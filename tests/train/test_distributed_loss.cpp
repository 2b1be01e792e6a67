// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/ranks.hpp"

#include <alloy/alloy.hpp>

#include <limits>

using namespace alloy;

namespace {

/// A batch of all processes and how it is dealt out.
struct Setting {
  std::string name;
  PairwiseLossOptions loss;
  std::vector<int64_t> rows;  ///< of each process
  bool gaps = false, ids = false, weights = false;
  DistributedLossOptions form = {};
};

PairwiseLossOptions loss_options(PairObjective objective, PairScheme scheme = PairScheme::all) {
  PairwiseLossOptions o{.modalities = {"a", "b", "c"}, .scheme = scheme, .anchor = scheme == PairScheme::anchored ? "b" : "", .objective = objective};
  if (objective == PairObjective::sigmoid) o.scale = {.start = 10, .bias = -5, .with_bias = true};
  return o;
}

struct Case {
  ModalityMap<Embedded> embeddings;
  PairInfo pairs;
};

/// Unit rows in double; absent ones are NaN. With gaps, the first process lacks "c" and the last has "a" in no row.
Case union_of(const Setting& s) {
  torch::manual_seed(11);
  int64_t total = 0;
  for (const int64_t n : s.rows) total += n;
  Case c;
  for (const std::string& name : s.loss.modalities) {
    const Tensor x = torch::randn({total, 5}, torch::kDouble), lacks = torch::rand({total}) < 0.3;
    Embedded e{x / x.norm(2, {1}, true), {}};
    if (s.gaps) {
      e.present = lacks.logical_not();
      if (name == "c") e.present.slice(0, 0, s.rows.front()).zero_();
      if (name == "a") e.present.slice(0, total - s.rows.back()).zero_();
      e.values = torch::where(e.present.unsqueeze(1), e.values, torch::full({}, std::numeric_limits<double>::quiet_NaN(), torch::kDouble));
    }
    e.values.set_requires_grad(true);
    c.embeddings.insert(name, e);
  }
  if (s.ids) c.pairs.ids = torch::arange(total).remainder(5);
  if (s.weights) c.pairs.weights = torch::where(torch::arange(total) < s.rows.front(), torch::zeros({}), torch::rand({total}) + 0.1F);  // none of the first process's count
  return c;
}

Case rows_of(const Case& all, int64_t first, int64_t count, bool gaps) {
  Case mine;
  for (const auto& [name, e] : all.embeddings) {
    const Tensor present = e.present.defined() ? e.present.narrow(0, first, count) : Tensor();
    if (gaps && !present.any().item<bool>()) continue;  // left out, as JointEmbedding does
    mine.embeddings.insert(name, {e.values.detach().narrow(0, first, count).clone().set_requires_grad(true), present});
  }
  if (all.pairs.ids.defined()) mine.pairs.ids = all.pairs.ids.narrow(0, first, count);
  if (all.pairs.weights.defined()) mine.pairs.weights = all.pairs.weights.narrow(0, first, count);
  return mine;
}

std::vector<Tensor> gradients(PairwiseLoss loss) {
  std::vector<Tensor> result;
  for (const Tensor& p : loss->parameters()) result.push_back(p.grad().defined() ? p.grad().clone() : torch::zeros_like(p.detach()));
  return result;
}

PairwiseLoss make_loss(const Setting& s) {
  PairwiseLoss loss(s.loss);
  loss->to(torch::kDouble);
  return loss;
}

/// What a process had in the end.
struct Outcome {
  PairwiseLossOutput out;
  ModalityMap<Tensor> grads;
  std::vector<Tensor> scales;
};

std::vector<Outcome> run(const Setting& s, const Case& all, std::vector<std::string>& errors) {
  std::vector<Outcome> outcomes(s.rows.size());
  errors = run_ranks(static_cast<int64_t>(s.rows.size()), [&](ProcessGroup& group) {
    const auto r = static_cast<size_t>(group.rank());
    int64_t first = 0;
    for (size_t i = 0; i < r; ++i) first += s.rows[i];
    const Case mine = rows_of(all, first, s.rows[r], s.gaps);
    PairwiseLoss loss = make_loss(s);
    outcomes[r].out = distributed_loss(loss, mine.embeddings, mine.pairs, group, s.form);
    if (outcomes[r].out.total.defined()) outcomes[r].out.total.backward();
    for (const auto& [name, e] : mine.embeddings) outcomes[r].grads.insert(name, e.values.grad());
    reduce_gradients(loss->parameters(), group);
    outcomes[r].scales = gradients(loss);
  });
  return outcomes;
}

/// Against one process with all rows.
void check_setting(const Setting& s) {
  INFO(s.name << (s.form.local_loss ? ", local loss" : "") << ", " << s.rows.size() << " processes");
  const Case all = union_of(s);
  PairwiseLoss loss = make_loss(s);
  const auto wanted = loss->forward(all.embeddings, all.pairs);
  REQUIRE(wanted.total.defined());
  wanted.total.backward();
  const auto scales = gradients(loss);
  std::vector<std::string> errors;
  const auto outcomes = run(s, all, errors);
  CHECK(errors == std::vector<std::string>(s.rows.size()));
  int64_t first = 0;
  for (size_t r = 0; r < s.rows.size(); ++r) {
    INFO("rank " << r);
    const Outcome& got = outcomes[r];
    REQUIRE(got.out.total.defined());
    CHECK_THAT(got.out.total, AllClose(wanted.total, 1e-12));
    CHECK_THAT(got.out.total.detach(), SameBits(outcomes[0].out.total.detach()));
    CHECK(got.out.parts.names() == wanted.parts.names());
    for (const auto& [name, part] : wanted.parts) {
      CHECK_THAT(got.out.parts.at(name), AllClose(part, 1e-12));
      CHECK(got.out.counts.at(name) == wanted.counts.at(name));
    }
    for (const auto& [name, grad] : got.grads) {
      INFO("modality " << name);
      CHECK_THAT(grad, AllClose(all.embeddings.at(name).values.grad().narrow(0, first, s.rows[r]), 1e-12));
    }
    for (size_t i = 0; i < scales.size(); ++i) CHECK_THAT(got.scales[i], AllClose(scales[i], 1e-12));
    first += s.rows[r];
  }
}

std::vector<Setting> settings() {
  using enum PairObjective;
  PairwiseLossOptions smooth = loss_options(info_nce), per_pair = loss_options(sigmoid);
  smooth.label_smoothing = 0.2;
  per_pair.scale_per_pair = true;
  PairwiseLossOptions weighted = loss_options(info_nce), weighted_sigmoid = loss_options(sigmoid);
  weighted.weights = {{.first = "a", .second = "b", .weight = 0.25}, {.first = "c", .second = "a", .weight = 3}};
  weighted_sigmoid.weights = {{.first = "b", .second = "a", .weight = 2}, {.first = "b", .second = "c", .weight = 0}};
  return {{.name = "info_nce", .loss = loss_options(info_nce), .rows = {3, 3}},
          {.name = "info_nce, incomplete", .loss = loss_options(info_nce), .rows = {4, 6, 5}, .gaps = true},
          {.name = "info_nce, anchored, ids, weights", .loss = loss_options(info_nce, PairScheme::anchored), .rows = {4, 2, 5}, .gaps = true, .ids = true, .weights = true},
          {.name = "info_nce, centroid", .loss = loss_options(info_nce, PairScheme::centroid), .rows = {4, 6}, .gaps = true, .weights = true},
          {.name = "info_nce, smoothing, a process without rows", .loss = smooth, .rows = {4, 0, 7, 1}, .ids = true},
          {.name = "info_nce, weights of pairs", .loss = weighted, .rows = {4, 6, 5}, .gaps = true},
          {.name = "info_nce, weights of pairs and samples", .loss = weighted, .rows = {3, 5, 2}, .ids = true, .weights = true},
          {.name = "sigmoid", .loss = loss_options(sigmoid), .rows = {3, 4}},
          {.name = "sigmoid, weights of pairs", .loss = weighted_sigmoid, .rows = {4, 2, 5}, .weights = true},
          {.name = "sigmoid, incomplete, ids, weights", .loss = loss_options(sigmoid), .rows = {4, 6, 5, 3}, .gaps = true, .ids = true, .weights = true},
          {.name = "sigmoid, centroid", .loss = loss_options(sigmoid, PairScheme::centroid), .rows = {5, 4}, .gaps = true},
          {.name = "sigmoid, a scale a pair", .loss = per_pair, .rows = {5, 0, 4}}};
}

}  // namespace

TEST_CASE("distributed_loss is the loss and the gradient of all rows in one process", "[train]") {
  for (Setting s : settings())
    for (const bool local : {false, true}) {
      s.form.local_loss = local;
      check_setting(s);
    }
  check_setting({.name = "decoupled", .loss = loss_options(PairObjective::decoupled), .rows = {4, 6}, .gaps = true});
}

TEST_CASE("distributed_loss in float", "[train]") {
  for (const bool local : {false, true}) {
    Setting s{.name = "float", .loss = loss_options(PairObjective::info_nce), .rows = {30, 41}, .form = {.local_loss = local}};
    Case all = union_of(s);
    for (auto& item : all.embeddings) item.second.values = item.second.values.detach().to(torch::kFloat).set_requires_grad(true);
    PairwiseLoss loss(s.loss);
    const Tensor wanted = loss->forward(all.embeddings).total;
    wanted.backward();
    std::vector<std::string> errors;
    const auto outcomes = run(s, all, errors);
    CHECK(errors == std::vector<std::string>(2));
    for (const Outcome& o : outcomes) CHECK_THAT(o.out.total, AllClose(wanted, 1e-6, 1e-6));
    CHECK_THAT(outcomes[1].grads.at("b"), AllClose(all.embeddings.at("b").values.grad().narrow(0, 30, 41), 1e-6));
  }
}

TEST_CASE("without gather_with_grad a local loss has a part of the gradient", "[train]") {
  const Setting s{.name = "partial", .loss = loss_options(PairObjective::info_nce), .rows = {4, 6}, .form = {.local_loss = true, .gather_with_grad = false}};
  const Case all = union_of(s);
  const Tensor wanted = make_loss(s)->forward(all.embeddings).total;
  wanted.backward();
  std::vector<std::string> errors;
  const auto outcomes = run(s, all, errors);
  CHECK(errors == std::vector<std::string>(2));
  // By hand: own rows as anchors against constants. Of a process's loss only its anchors get a gradient.
  const Case mine = rows_of(all, 4, 6, false);
  const auto constant = [&](const char* name) { return all.embeddings.at(name).values.detach(); };
  const Tensor scale = torch::full({}, 1 / 0.07, torch::kDouble);
  Tensor sum = torch::zeros({}, torch::kDouble);
  for (const auto& [x, y] : {std::pair{"a", "b"}, std::pair{"a", "c"}, std::pair{"b", "c"}})
    sum = sum + 0.5 * 0.6 * (info_nce_against(mine.embeddings.at(x).values, constant(y), scale, 4) + info_nce_against(mine.embeddings.at(y).values, constant(x), scale, 4)) / 3;
  sum.backward();
  CHECK_THAT(outcomes[1].out.total, AllClose(wanted, 1e-12));  // the loss is that of all rows
  CHECK_THAT(outcomes[1].grads.at("a"), AllClose(mine.embeddings.at("a").values.grad(), 1e-7));  // float's log_scale
  CHECK((outcomes[1].grads.at("a") - all.embeddings.at("a").values.grad().narrow(0, 4, 6)).abs().max().item<double>() > 1e-3);
}

TEST_CASE("only what is learned has a gradient, and backward works on all processes", "[train]") {
  for (const bool local : {false, true}) {
    std::vector<Tensor> totals(2), grads(2), scales(2);
    const auto errors = run_ranks(2, [&](ProcessGroup& group) {
      const auto r = static_cast<size_t>(group.rank());
      torch::manual_seed(static_cast<uint64_t>(group.rank()));
      Tensor a = torch::randn({3, 4}).set_requires_grad(r == 1), b = torch::randn({3, 4});  // frozen on process 0
      PairwiseLoss loss({.modalities = {"a", "b"}, .scale = {.learned = false}});
      const auto out = distributed_loss(loss, {{"a", {a}}, {"b", {b}}}, {}, group, {.local_loss = local});
      out.total.backward();
      totals[r] = out.total.detach();
      grads[r] = a.grad();
      PairwiseLoss learned({.modalities = {"a", "b"}});
      distributed_loss(learned, {{"a", {a.detach()}}, {"b", {b}}}, {}, group, {.local_loss = local}).total.backward();
      if (!learned->parameters()[0].requires_grad()) throw std::runtime_error("a frozen scale");
      reduce_gradients(learned->parameters(), group);
      scales[r] = learned->parameters()[0].grad();
      const torch::NoGradGuard no_grad;
      if (distributed_loss(learned, {{"a", {a}}, {"b", {b}}}, {}, group, {.local_loss = local}).total.requires_grad()) throw std::runtime_error("a graph without gradients");
    });
    CHECK(errors == std::vector<std::string>(2));
    CHECK_THAT(totals[0], SameBits(totals[1]));
    CHECK_FALSE(grads[0].defined());
    CHECK((grads[1].defined() && grads[1].abs().max().item<float>() > 0));
    CHECK((scales[0].defined() && scales[0].item<float>() != 0));
    CHECK_THAT(scales[0], SameBits(scales[1]));
  }
}

TEST_CASE("distributed_loss with nothing to compare", "[train]") {
  std::vector<bool> undefined(2);
  const auto errors = run_ranks(2, [&](ProcessGroup& group) {
    const Tensor here = torch::full({2}, group.rank() == 0, torch::kBool);
    for (const bool local : {false, true}) {
      const ModalityMap<Embedded> apart{{"a", {torch::ones({2, 3}), here}}, {"b", {torch::ones({2, 3}), here.logical_not()}}};
      const auto out = distributed_loss(PairwiseLoss({.modalities = {"a", "b"}}), apart, {}, group, {.local_loss = local});
      undefined[static_cast<size_t>(group.rank())] = !out.total.defined() && out.parts.empty() && out.counts.empty();
    }
  });
  CHECK(errors == std::vector<std::string>(2));
  CHECK((undefined[0] && undefined[1]));
}

TEST_CASE("what distributed_loss refuses, it refuses on all processes", "[train]") {
  std::vector<std::vector<std::string>> texts(2);
  const auto errors = run_ranks(2, [&](ProcessGroup& group) {
    const bool first = group.rank() == 0;
    const auto note = [&](const ModalityMap<Embedded>& e, const PairInfo& pairs, const DistributedLossOptions& options = {}) {
      texts[first ? 0 : 1].push_back(error_of([&] { distributed_loss(PairwiseLoss({.modalities = {"a", "b"}}), e, pairs, group, options); }));
    };
    const auto both = [](const Tensor& x) { return ModalityMap<Embedded>{{"a", {x}}, {"b", {x}}}; };
    const Tensor x = torch::ones({2, 3}), ids = torch::arange(2);
    note(both(first ? x : torch::ones({2, 4})), {});
    note(both(first ? x : x.to(torch::kDouble)), {});
    note(both(x), {.ids = first ? ids : Tensor()});
    note(both(x), {}, {.local_loss = first});
    note(first ? both(x) : ModalityMap<Embedded>{{"z", {x}}}, {});
    note({}, {});
    note(both(x), {.weights = first ? torch::ones({2}) : torch::full({2}, -1.0)});
    note(both(x), {.weights = first ? torch::ones({2}) : torch::full({2}, -1.0)}, {.local_loss = true});
    texts[first ? 0 : 1].push_back(error_of([&] {
      distributed_loss(PairwiseLoss({.modalities = {"a", "b"}, .objective = PairObjective::decoupled}), both(x), {}, group, {.local_loss = true});
    }));
    if (!distributed_loss(PairwiseLoss({.modalities = {"a", "b"}}), both(x), {}, group).total.defined()) throw std::runtime_error("no loss");  // the group still works
  });
  CHECK(errors == std::vector<std::string>(2));
  const char* wanted[] = {"ShapeError: [distributed_loss] expected embeddings of one width and dtype on all processes, got width 3 (float32) and 4 (float32) on process 1",
                          "got width 3 (float32) and 3 (float64) on process 1",
                          "ConfigError: [distributed_loss] expected ids and weights on all processes that have rows or on none, got another choice on process 1",
                          "ConfigError: [distributed_loss] expected the same options on all processes",
                          "[distributed_loss] expected",
                          "ShapeError: [distributed_loss] expected embeddings on some process",
                          "DataError",
                          "DataError: [distributed_loss] expected weights >= 0",
                          "ConfigError: [distributed_loss] expected objective info_nce or sigmoid with local_loss, got decoupled"};
  for (const auto& side : texts) {
    REQUIRE(side.size() == std::size(wanted));
    for (size_t i = 0; i < side.size(); ++i) CHECK_THAT(side[i], ContainsSubstring(wanted[i]));
  }
  CHECK_THAT(texts[0][4], ContainsSubstring("ShapeError") && ContainsSubstring("refusal on process 1"));
  CHECK_THAT(texts[1][4], ContainsSubstring("ConfigError") && ContainsSubstring("expected embeddings of a, b, got 'z'"));
}

// SPDX-License-Identifier: Apache-2.0
// Reliability row T3: batches from which nothing, or hardly anything, can be told apart.
#include "support/catch.hpp"

#include <alloy/core/random.hpp>
#include <alloy/core/threads.hpp>
#include <alloy/encoders/features.hpp>
#include <alloy/losses.hpp>
#include <alloy/models/joint_embedding.hpp>

#include <cmath>

using namespace alloy;

namespace {

/// What a loss is computed of; ids are undefined where every row is an item of its own.
struct Inputs {
  Tensor a, b, scale, bias, ids;
  PairInfo pairs() const { return {ids, {}}; }
  Tensor labels() const { return ids.defined() ? ids : torch::arange(a.size(0)); }
};
using Loss = std::function<Tensor(const Inputs&)>;

PairwiseLossOutput pairwise(const Inputs& x, PairObjective objective, PairScheme scheme) {
  const bool sigmoid = objective == PairObjective::sigmoid;
  PairwiseLoss loss({.modalities = {"a", "b", "c"}, .scheme = scheme, .anchor = scheme == PairScheme::anchored ? "a" : "", .objective = objective, .scale = {.bias = sigmoid ? -10.0 : 0.0, .with_bias = sigmoid}});
  return loss->forward({{"a", {x.a}}, {"b", {x.b}}, {"c", {-x.b}}}, x.pairs());  // what a centroid of b and c is made of cancels
}

std::vector<std::pair<std::string, Loss>> all_losses() {
  std::vector<std::pair<std::string, Loss>> all = {
      {"info_nce", [](const Inputs& x) { return info_nce(x.a, x.b, x.scale, x.pairs()); }},
      {"info_nce, smoothing", [](const Inputs& x) { return info_nce(x.a, x.b, x.scale, x.pairs(), {.label_smoothing = 0.1}); }},
      {"info_nce_against", [](const Inputs& x) { return info_nce_against(x.a, x.b, x.scale, 0, x.ids, x.ids); }},
      {"sigmoid_loss", [](const Inputs& x) { return sigmoid_loss(x.a, x.b, x.scale, x.bias, x.pairs()); }},
      {"sigmoid_loss_against", [](const Inputs& x) { return sigmoid_loss_against(x.a, x.b, x.scale, x.bias, 0, x.ids, x.ids); }},
      {"decoupled_contrastive", [](const Inputs& x) { return decoupled_contrastive(x.a, x.b, x.scale, x.pairs()); }},
      {"supervised_contrastive", [](const Inputs& x) { return supervised_contrastive(x.a, x.labels(), x.scale); }},
      {"multi_similarity", [](const Inputs& x) { return multi_similarity(x.a, x.labels()); }},
      {"token_wise_contrastive", [](const Inputs& x) { return token_wise_contrastive({x.a.unsqueeze(1)}, {x.b.unsqueeze(1).expand({-1, 3, -1})}, x.scale, x.pairs()); }},
      {"matryoshka", [](const Inputs& x) { return matryoshka(x.a, x.b, {1, 3, 8}, [&](const Tensor& a, const Tensor& b) { return info_nce(a, b, x.scale, x.pairs()); }); }},
      {"similarity_distillation", [](const Inputs& x) { return similarity_distillation({x.a, x.b, x.scale}, {x.b, x.a, x.scale}); }},
      {"memory_queue", [](const Inputs& x) {
         MemoryQueue queue({.size = 6, .dim = 8});
         queue->push(x.b, x.ids);
         return x.ids.defined() ? info_nce_against(x.a, queue->with(x.b), x.scale, 0, x.ids, queue->with_ids(x.ids)) : info_nce_against(x.a, queue->with(x.b), x.scale);
       }}};
  for (const auto& [negatives, name] : enum_names(Negatives{}))
    all.emplace_back("triplet, " + std::string(name), [n = negatives](const Inputs& x) { return triplet_loss(x.a, x.b, x.pairs(), {.negatives = n}); });
  for (const auto& [objective, name] : enum_names(PairObjective{}))
    for (const auto& [scheme, how] : enum_names(PairScheme{}))
      all.emplace_back("pairwise, " + std::string(name) + ", " + std::string(how), [o = objective, s = scheme](const Inputs& x) { return pairwise(x, o, s).total; });
  return all;
}

/// Finite in value, and in the gradient of all that it depends on.
void check_finite(const Tensor& loss, const std::vector<Tensor>& inputs) {
  CHECK(std::isfinite(loss.item<double>()));
  if (!loss.requires_grad()) return;  // nothing in it was compared
  for (const Tensor& grad : torch::autograd::grad({loss}, inputs, {}, true, false, /*allow_unused=*/true))
    if (grad.defined()) CHECK(grad.isfinite().all().item<bool>());
}

}  // namespace

TEST_CASE("row T3: zero vectors, identical rows, one row, duplicate captions", "[losses]") {
  const ThreadScope one(1);
  torch::manual_seed(1);
  const Tensor rows = torch::randn({5, 8}), units = rows / rows.norm(2, {1}, true), same = units.narrow(0, 0, 1).expand({5, 8}), zero = torch::zeros({5, 8});
  Tensor some_zero = units.clone();
  some_zero[2].zero_();
  const Tensor twice = units.index_select(0, torch::tensor({0, 1, 1, 1, 2}));
  struct Case {
    const char* name;
    Tensor a, b, ids;
  };
  const Tensor one_caption = torch::tensor({0, 1, 1, 1, 2}), all_alike = torch::zeros({5}, torch::kLong);
  const std::vector<Case> cases = {{"zero vectors", zero, zero, {}},
                                   {"zero vectors on one side", units, zero, {}},
                                   {"a zero vector", some_zero, units, {}},
                                   {"identical rows", same, same, {}},
                                   {"identical rows, of one id", same, same, all_alike},
                                   {"identical on one side", units, same, {}},
                                   {"opposite", same, -same, {}},
                                   {"one row", units.narrow(0, 0, 1), units.narrow(0, 1, 1), {}},
                                   {"one row with an id", units.narrow(0, 0, 1), units.narrow(0, 0, 1), torch::tensor({7})},
                                   {"one zero row", zero.narrow(0, 0, 1), zero.narrow(0, 0, 1), {}},
                                   {"a caption three times, not known", units, twice, {}},
                                   {"a caption three times, known", units, twice, one_caption},
                                   {"all of one id", units, units, all_alike}};
  for (const auto type : {torch::kFloat, torch::kDouble})
    for (const double scale : {1.0, 100.0})
      for (const Case& c : cases)
        for (const auto& [name, loss] : all_losses()) {
          INFO(name << ": " << c.name << ", scale " << scale << ", " << type);
          const auto leaf = [type](const Tensor& x) { return x.to(type).clone().requires_grad_(); };
          const Inputs x{leaf(c.a), leaf(c.b), leaf(torch::tensor(scale)), leaf(torch::tensor(-10.0)), c.ids};
          const Tensor value = loss(x);
          if (!value.defined()) {  // with a row alone there is nothing to compare
            CHECK(c.a.size(0) == 1);
            CHECK(name.starts_with("pairwise"));
            continue;
          }
          check_finite(value, {x.a, x.b, x.scale, x.bias});
        }
}

TEST_CASE("row T3: features of zero and identical samples through a joint embedding", "[losses]") {
  seed_everything(1);
  for (const auto objective : {PairObjective::info_nce, PairObjective::sigmoid, PairObjective::decoupled})
    for (const auto scheme : {PairScheme::all, PairScheme::centroid}) {
      const bool sigmoid = objective == PairObjective::sigmoid;
      JointEmbedding joint({.dim = 4, .loss = {.scheme = scheme, .objective = objective, .scale = {.with_bias = sigmoid}}});
      for (const char* name : {"a", "b", "c"}) joint->add(name, FeatureEncoder({.in_dim = 6}));  // passed on unchanged: a zero vector stays one
      for (const Tensor& values : {torch::zeros({3, 6}), torch::ones({3, 6}), torch::full({3, 6}, 1e-30), torch::full({3, 6}, 1e15)}) {
        INFO(name_of(objective) << ", " << name_of(scheme) << ", features " << values[0][0].item<double>());
        const auto out = joint->loss(joint->forward({{"a", {.values = values}}, {"b", {.values = values}}, {"c", {.values = -values}}}));
        REQUIRE(out.total.defined());
        check_finite(out.total, joint->parameters());
      }
    }
}

TEST_CASE("row T3: what is not finite is never hidden", "[losses]") {
  // The trainer's guard must see it (row T4).
  Tensor bad = torch::randn({5, 8});
  bad[3][2] = std::nan("");
  const Tensor zero = torch::zeros({5, 8}), s = torch::tensor(1.0F);
  CHECK(std::isnan(info_nce(bad, zero, s).item<double>()));
  CHECK(std::isnan(sigmoid_loss(bad, zero, s, torch::tensor(0.0F)).item<double>()));
  // Not even where it is the only negative, beside a positive that is left out.
  for (const int64_t place : {0, 1}) {
    Tensor pair = torch::ones({2, 3});
    pair[place][1] = std::nan("");
    CHECK(std::isnan(decoupled_contrastive(pair, torch::ones({2, 3}), s).item<double>()));
    CHECK(std::isnan(decoupled_contrastive(torch::ones({2, 3}), pair, s).item<double>()));
  }
}

// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/warnings.hpp"

#include <alloy/core.hpp>
#include <alloy/fusion.hpp>

using namespace alloy;

namespace {

ModalityLogits from_probs(const Tensor& probs, const Tensor& present = {}) { return {probs.log(), present}; }

Tensor combine(LateRule rule, const ModalityMap<ModalityLogits>& logits, std::vector<double> weights = {}) {
  LateFusion fusion({.modalities = logits.names(), .rule = rule, .weights = std::move(weights)});
  fusion->prepare(Task::classification, logits.begin()->second.logits.size(1));
  return fusion->forward(logits).log_probs.exp();
}

}  // namespace

TEST_CASE("late rules give the values computed by hand", "[fusion]") {
  const ModalityMap<ModalityLogits> logits{{"a", from_probs(torch::tensor({{0.7f, 0.2f, 0.1f}}))},
                                           {"b", from_probs(torch::tensor({{0.3f, 0.6f, 0.1f}}))},
                                           {"c", from_probs(torch::tensor({{0.2f, 0.5f, 0.3f}}))}};
  const auto share = [](std::vector<float> scores) {
    const Tensor t = torch::tensor(scores).unsqueeze(0);
    return AllClose(t / t.sum(), 1e-5);
  };
  CHECK_THAT(combine(LateRule::average, logits), share({1.2f, 1.3f, 0.5f}));
  CHECK_THAT(combine(LateRule::weighted_average, logits, {2, 1, 1}), share({1.9f, 1.5f, 0.6f}));
  CHECK_THAT(combine(LateRule::log_pool, logits, {1, 1, 0}), share({std::sqrt(0.21f), std::sqrt(0.12f), 0.1f}));
  CHECK_THAT(combine(LateRule::naive_bayes, logits), share({0.042f, 0.06f, 0.003f}));
  CHECK_THAT(combine(LateRule::max, logits), share({0.7f, 0.6f, 0.3f}));
  CHECK_THAT(combine(LateRule::median, logits), share({0.3f, 0.5f, 0.1f}));
  CHECK_THAT(combine(LateRule::rank, logits), share({2.f + 1.f + 0.f, 1.f + 2.f + 2.f, 0.f + 0.f + 1.f}));
  CHECK(combine(LateRule::hard_vote, logits).argmax().item<int64_t>() == 1);
  CHECK_THAT(combine(LateRule::hard_vote, logits), AllClose(torch::tensor({{1.f / 3, 2.f / 3, 0.f}}), 2e-3));
  CHECK(combine(LateRule::weighted_vote, logits, {3, 1, 1}).argmax().item<int64_t>() == 0);
}

TEST_CASE("a tie of votes goes to the class with more probability", "[fusion]") {
  const ModalityMap<ModalityLogits> logits{{"a", from_probs(torch::tensor({{0.6f, 0.4f}}))}, {"b", from_probs(torch::tensor({{0.1f, 0.9f}}))}};
  CHECK(combine(LateRule::hard_vote, logits).argmax().item<int64_t>() == 1);
}

TEST_CASE("a modality given twice makes the product rule too sure, and is reported", "[fusion]") {
  seed_everything(3);
  const Tensor target = torch::randint(3, {200}, torch::kLong);
  const Tensor a = torch::randn({200, 3}) + 1.5 * torch::one_hot(target, 3), b = torch::randn({200, 3}) + 1.5 * torch::one_hot(target, 3);
  const ModalityMap<ModalityLogits> once{{"a", {a, {}}}, {"b", {b, {}}}}, twice{{"a", {a, {}}}, {"again", {2 * a + 1, {}}}, {"b", {b, {}}}};
  const ModalityMap<ModalityLogits> alone{{"a", {a, {}}}}, doubled{{"a", {a, {}}}, {"again", {a, {}}}};
  // The average does not mind; the product rule squares the odds.
  CHECK_THAT(combine(LateRule::average, doubled), AllClose(combine(LateRule::average, alone)));
  const Tensor p = a.softmax(1).square();
  CHECK_THAT(combine(LateRule::naive_bayes, doubled), AllClose(p / p.sum(1, /*keepdim=*/true), 1e-4, 1e-6));

  const auto warnings_of = [&](LateRule rule, const ModalityMap<ModalityLogits>& logits, bool calibrate) {
    const Warnings warnings;
    LateFusion fusion({.modalities = logits.names(), .rule = rule, .calibrate = calibrate});
    fusion->prepare(Task::classification, 3);
    fusion->fit(logits, target);
    return warnings.texts;
  };
  const auto found = warnings_of(LateRule::naive_bayes, twice, true);  // calibration takes the factor 2 out
  REQUIRE(found.size() == 1);
  CHECK_THAT(found[0], ContainsSubstring("'a' and 'again' decide alike") && ContainsSubstring("naive_bayes counts the same evidence twice"));
  CHECK(warnings_of(LateRule::naive_bayes, once, true).empty());
  CHECK(warnings_of(LateRule::average, twice, false).empty());
}

TEST_CASE("every late rule keeps the contract of presence", "[fusion]") {
  for (const auto& [rule, name] : enum_names(LateRule{})) {
    INFO(name);
    seed_everything(1);
    LateFusion fusion({.modalities = {"a", "b", "c"}, .rule = rule});
    fusion->prepare(Task::classification, 4);
    ModalityMap<ModalityLogits> logits;
    for (const char* m : {"a", "b", "c"}) logits.insert(m, {torch::randn({7, 4}), torch::ones({7}, torch::kBool)});
    unsigned bit = 1;
    for (auto& [m, l] : logits) {
      for (unsigned b = 0; b < 7; ++b) l.present[b] = ((b + 1) & bit) != 0;
      bit <<= 1;
    }
    auto dirty = logits;
    for (auto& [m, l] : dirty) l.logits = l.logits.masked_fill(l.present.logical_not().unsqueeze(1), std::numeric_limits<double>::quiet_NaN());
    const Decision out = fusion->forward(logits);
    CHECK_THAT(fusion->forward(dirty).log_probs, SameBits(out.log_probs));
    CHECK_THAT(out.log_probs.exp().sum(1), AllClose(torch::ones({7}), 1e-5));
    CHECK(out.log_probs.isfinite().all().item<bool>());
    for (const auto& [b, m] : {std::pair<int64_t, const char*>{0, "a"}, {1, "b"}, {3, "c"}})  // one modality: it decides alone
      CHECK(out.log_probs[b].argmax().item<int64_t>() == logits.at(m).logits[b].argmax().item<int64_t>());
    for (int64_t b = 0; b < 7; ++b) {
      auto alone = logits;
      for (auto& [m, l] : alone) l = {l.logits.slice(0, b, b + 1), l.present.slice(0, b, b + 1)};
      CHECK_THAT(fusion->forward(alone).log_probs, AllClose(out.log_probs.slice(0, b, b + 1), 1e-5));
    }
    for (auto& [m, l] : logits) l.present = torch::zeros({7}, torch::kBool);
    CHECK_THROWS_WITH(fusion->forward(logits), ContainsSubstring("sample 0"));
  }
}

TEST_CASE("LateFusion::fit", "[fusion]") {
  seed_everything(2);
  const int64_t n = 3000;
  const Tensor target = torch::randint(0, 5, {n});
  const auto view = [&](double strength, double scale) {  // an honest opinion, made overconfident by the scale
    const Tensor logits = torch::one_hot(target, 5) * strength + torch::randn({n, 5}) * std::sqrt(strength);
    return ModalityLogits{logits * scale, {}};
  };
  const ModalityMap<ModalityLogits> logits{{"good", view(4.0, 1.0)}, {"poor", view(0.5, 1.0)}, {"loud", view(1.0, 6.0)}};
  const auto fitted = [&](LateFusionOptions options) {
    LateFusion fusion(options);
    fusion->prepare(Task::classification, 5);
    fusion->fit(logits, target);
    return fusion;
  };
  const auto loss = [&](const LateFusion& fusion) {
    return at::nll_loss(fusion.ptr()->forward(logits).log_probs, target).item<double>();
  };
  const std::vector<std::string> names = {"good", "poor", "loud"};
  SECTION("temperatures undo overconfidence") {
    const auto fusion = fitted({.modalities = names, .calibrate = true});
    CHECK_THAT(fusion->temperatures()[0].item<double>(), WithinRel(1.0, 0.15));
    CHECK_THAT(fusion->temperatures()[2].item<double>(), WithinRel(6.0, 0.15));
  }
  SECTION("weights of the average are the best on the simplex") {
    const auto fusion = fitted({.modalities = names, .rule = LateRule::weighted_average, .calibrate = true});
    CHECK_THAT(fusion->weights().sum().item<double>(), WithinAbs(1.0, 1e-5));
    CHECK(fusion->weights()[0].item<double>() > 0.6);
    const double best = loss(fusion);
    for (const std::vector<double>& other : {std::vector<double>{1, 1, 1}, {1, 0.2, 0.2}, {1, 0.01, 0.01}}) {
      LateFusion given({.modalities = names, .rule = LateRule::weighted_average, .weights = other, .calibrate = true});
      given->prepare(Task::classification, 5);
      given->fit(logits, target);
      CHECK(best <= loss(given) + 1e-4);
      CHECK_THAT(given->weights()[0].item<double>(), WithinRel(other[0] / (other[0] + other[1] + other[2]), 1e-5));  // given weights stay
    }
  }
  SECTION("weighted votes follow accuracy") {
    const Tensor w = fitted({.modalities = names, .rule = LateRule::weighted_vote})->weights();
    CHECK(w[0].item<double>() > w[2].item<double>());
    CHECK(w[2].item<double>() > w[1].item<double>());
  }
  SECTION("naive Bayes learns the prior of the target") {
    LateFusion fusion({.modalities = {"a", "b"}, .rule = LateRule::naive_bayes});
    fusion->prepare(Task::classification, 2);
    const Tensor half = torch::zeros({4, 2});
    fusion->fit({{"a", {half, {}}}, {"b", {half, {}}}}, torch::tensor({0, 0, 0, 1}));
    // flat opinions count the prior twice, so it is divided out once: p proportional to 1 / prior, (4/6, 2/6) after smoothing
    CHECK_THAT(fusion->forward({{"a", {half, {}}}, {"b", {half, {}}}}).log_probs[0].exp(), AllClose(torch::tensor({1.f / 3, 2.f / 3}), 1e-5));
  }
  SECTION("bad targets are named") {
    LateFusion fusion({.modalities = names});
    fusion->prepare(Task::classification, 5);
    CHECK_THROWS_AS(fusion->fit(logits, torch::zeros({n, 5})), ShapeError);
    CHECK_THROWS_AS(fusion->fit(logits, torch::full({n}, 5)), DataError);
  }
}

TEST_CASE("late rules and tasks", "[fusion]") {
  for (const auto& [rule, name] : enum_names(LateRule{})) {
    LateFusion fusion({.modalities = {"a", "b"}, .rule = rule});
    const bool any = rule == LateRule::average || rule == LateRule::weighted_average || rule == LateRule::median;
    if (!any) CHECK_THROWS_WITH(fusion->prepare(Task::regression, 1), ContainsSubstring(std::string(name)));
    else CHECK_NOTHROW(fusion->prepare(Task::regression, 1));
  }
  LateFusion mean({.modalities = {"a", "b"}});
  mean->prepare(Task::regression, 1);
  CHECK_THAT(mean->forward({{"a", {torch::tensor({{1.f}}), {}}}, {"b", {torch::tensor({{4.f}}), {}}}}).log_probs, AllClose(torch::tensor({{2.5f}})));
  mean->prepare(Task::multilabel, 2);
  const Tensor odds = mean->forward({{"a", {torch::tensor({{0.f, 2.f}}), {}}}, {"b", {torch::tensor({{0.f, -2.f}}), {}}}}).log_probs;
  CHECK_THAT(odds, AllClose(torch::zeros({1, 2}), 1e-6));
  CHECK_THROWS_AS(LateFusion({.modalities = {"a"}, .rule = LateRule::average, .weights = {1}}), ConfigError);
  CHECK_THROWS_AS(LateFusion({.modalities = {"a"}, .rule = LateRule::log_pool, .weights = {0}}), ConfigError);
}

// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alignment/label_map.hpp>

using namespace alloy;

namespace {

/// Classes int64 of pairs (a, b), each as often as said.
std::pair<Tensor, Tensor> samples(const std::vector<std::tuple<int64_t, int64_t, int64_t>>& counts) {
  std::vector<int64_t> a, b;
  for (const auto& [x, y, count] : counts)
    for (int64_t k = 0; k < count; ++k) a.push_back(x), b.push_back(y);
  return {torch::tensor(a, torch::kLong), torch::tensor(b, torch::kLong)};
}
Tensor longs(std::vector<int64_t> values) { return torch::tensor(values, torch::kLong); }

}  // namespace

TEST_CASE("map_labels", "[alignment]") {
  const LabelMap map = map_labels({{"lively", "positive"}, {"flat", "neutral"}, {"warm", "positive"}});
  CHECK(map.shared == std::vector<std::string>{"positive", "neutral"});
  CHECK_THAT(map.apply(longs({2, 1, -1, 0})), SameBits(longs({0, 1, -1, 0})));
  CHECK(map.to_text() == "lively to positive, flat to neutral, warm to positive");
  const Tensor probs = torch::tensor({{0.5, 0.3, 0.2}}, torch::kDouble).requires_grad_();
  CHECK_THAT(map.apply_probs(probs), AllClose(torch::tensor({{0.7, 0.3}}, torch::kDouble), 1e-12));
  CHECK_THAT(torch::autograd::grad({map.apply_probs(probs)[0][0]}, {probs})[0], AllClose(torch::tensor({{1.0, 0.0, 1.0}}, torch::kDouble)));
  SECTION("to shared labels in a given order, some of which nothing comes to") {
    const LabelMap ordered = map_labels({{"a", "y"}, {"b", "x"}}, {"x", "y", "z"});
    CHECK_THAT(ordered.index(), SameBits(longs({1, 0})));
    CHECK(ordered.weights.size(1) == 3);
  }
  CHECK_THROWS_WITH(map_labels({{"a", "w"}}, {"x", "y"}), ContainsSubstring("x, y for a, got w"));
  CHECK_THROWS_AS(map_labels({{"a", "x"}, {"a", "y"}}), ConfigError);
  CHECK_THROWS_AS(map_labels({}), ConfigError);
  CHECK_THROWS_WITH(map.apply(longs({0, 3})), ContainsSubstring("below 3") && ContainsSubstring("got 3"));
  CHECK_THROWS_AS(map.apply(torch::zeros({2})), ShapeError);
  CHECK_THROWS_AS(map.apply_probs(torch::zeros({2, 2})), ShapeError);
}

TEST_CASE("learn_label_map", "[alignment]") {
  const auto [a, b] = samples({{0, 0, 8}, {0, 1, 2}, {1, 1, 10}, {2, 0, 9}, {2, 1, 1}});
  const LabelMap map = learn_label_map({"lively", "flat", "warm"}, {"positive", "negative"}, a, b, {.smoothing = 0});
  CHECK_THAT(map.weights, AllClose(torch::tensor({{0.8, 0.2}, {0.0, 1.0}, {0.9, 0.1}}, torch::kDouble), 1e-12));
  CHECK_THAT(map.index(), SameBits(longs({0, 1, 0})));
  CHECK(map.to_text() == "lively to positive (80 %), flat to negative, warm to positive (90 %)");
  SECTION("smoothed by how often shared labels are") {
    const LabelMap smooth = learn_label_map({"lively", "flat", "warm"}, {"positive", "negative"}, a, b, {.smoothing = 3});
    CHECK_THAT(smooth.weights[1][0].item<double>(), WithinAbs(3 * (17.0 / 30) / 13, 1e-12));
    CHECK_THAT(smooth.weights.sum(1), AllClose(torch::ones({3}, torch::kDouble), 1e-12));
  }
  SECTION("unknown classes are left out") {
    const Tensor more_a = torch::cat({a, longs({1, 1, 1, -1})}), more_b = torch::cat({b, longs({-1, -1, -1, 0})});
    CHECK_THAT(learn_label_map({"lively", "flat", "warm"}, {"positive", "negative"}, more_a, more_b, {.smoothing = 0}).weights,
               AllClose(map.weights, 1e-12));
  }
  CHECK_THROWS_WITH(learn_label_map({"lively", "flat", "warm", "odd"}, {"positive", "negative"}, a, b), ContainsSubstring("got 0 of odd"));
  CHECK_THROWS_WITH(learn_label_map({"lively", "flat"}, {"positive", "negative"}, a, b),
                    ContainsSubstring("below 2 and 2") && ContainsSubstring("got 2 and 0 for sample 20"));
  CHECK_THROWS_AS(learn_label_map({"lively", "flat", "warm"}, {"positive", "negative"}, a, b.narrow(0, 0, 5)), ShapeError);
  CHECK_THROWS_AS(learn_label_map({"lively", "lively", "warm"}, {"positive", "negative"}, a, b), ConfigError);
}

TEST_CASE("learn_shared_labels", "[alignment]") {
  // 0 and 2 of the first side go with 1 and 3 of the second, 1 with 0, 3 with 2.
  const auto [a, b] = samples({{0, 1, 20}, {0, 3, 22}, {2, 1, 19}, {2, 3, 20}, {1, 0, 40}, {1, 2, 2}, {3, 2, 38}, {3, 0, 1}, {0, 0, 1}});
  const SharedLabels found = learn_shared_labels({"lively", "flat", "warm", "low"}, {"fine", "great", "poor", "lovely"}, a, b, 3);
  CHECK_THAT(found.first.index(), SameBits(longs({0, 1, 0, 2})));
  CHECK_THAT(found.second.index(), SameBits(longs({1, 0, 2, 0})));
  CHECK(found.first.shared == std::vector<std::string>{"lively+warm/great+lovely", "flat/fine", "low/poor"});
  CHECK(found.second.shared == found.first.shared);
  const Tensor agree = found.first.apply(a).eq(found.second.apply(b));
  CHECK_THAT(found.agreement, WithinAbs(agree.to(torch::kDouble).mean().item<double>(), 1e-12));
  CHECK((found.information > 0.99 && found.information < 1));
  CHECK(learn_shared_labels({"lively", "flat", "warm", "low"}, {"fine", "great", "poor", "lovely"}, a, b, 2).information < found.information);
  CHECK_THROWS_AS(learn_shared_labels({"lively", "flat", "warm", "low"}, {"fine", "great", "poor", "lovely"}, a, b, 5), ConfigError);
  const auto [x, y] = samples({{0, 0, 5}, {0, 1, 5}, {1, 0, 5}, {1, 1, 5}});
  CHECK_THROWS_WITH(learn_shared_labels({"a", "b"}, {"c", "d"}, x, y, 2), ContainsSubstring("say something of each other"));
  CHECK_THROWS_WITH(learn_shared_labels({"a", "b", "e"}, {"c", "d"}, x, y, 2), ContainsSubstring("none of e"));
}

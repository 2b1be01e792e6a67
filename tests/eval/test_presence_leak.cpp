// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/eval/presence_leak.hpp>

#include <cmath>

using namespace alloy;

TEST_CASE("presence that has nothing to do with the class is no leak", "[eval]") {
  int found = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    torch::manual_seed(seed);
    const Tensor present = torch::rand({600, 3}) > 0.3, target = torch::randint(5, {600}, torch::kLong);
    const PresenceLeak leak = presence_leak(present, target, {.seed = seed});
    found += leak.found ? 1 : 0;
    CHECK(leak.mutual_information < 0.1);
    CHECK(leak.guess_accuracy >= leak.majority_accuracy);
  }
  CHECK(found <= 1);  // one in a hundred by chance
  const PresenceLeak whole = presence_leak(torch::ones({6, 2}, torch::kBool), torch::tensor({0, 1, 0, 1, 0, 1}));
  CHECK((!whole.found && whole.mutual_information == 0 && whole.p_value == 1 && whole.majority_accuracy == 0.5));
}

TEST_CASE("presence that tells the class is a leak", "[eval]") {
  torch::manual_seed(1);
  const Tensor target = torch::arange(400) % 2;
  SECTION("wholly: one bit of one") {
    const PresenceLeak leak = presence_leak(at::stack({target.eq(0), torch::ones({400}, torch::kBool)}, 1), target);
    CHECK(leak.found);
    CHECK_THAT(leak.mutual_information, WithinAbs(1.0, 1e-9));
    CHECK_THAT(leak.class_entropy, WithinAbs(1.0, 1e-9));
    CHECK((leak.guess_accuracy == 1 && leak.majority_accuracy == 0.5));
    CHECK_THAT(leak.p_value, WithinAbs(1.0 / 201, 1e-9));
  }
  SECTION("in part, by the combination only") {  // a and b together as often for either class; which set tells
    const Tensor a = torch::rand({400}) > 0.5, noise = torch::rand({400}) < 0.1;
    const Tensor b = at::logical_xor(at::logical_xor(a, target.to(torch::kBool)), noise);
    const PresenceLeak leak = presence_leak(at::stack({a, b}, 1), target);
    CHECK(leak.found);
    CHECK_THAT(leak.guess_accuracy, WithinAbs(0.9, 0.04));
    const double wrong = 1 - leak.guess_accuracy, expected = 1 + wrong * std::log2(wrong) + (1 - wrong) * std::log2(1 - wrong);
    CHECK_THAT(leak.mutual_information, WithinAbs(expected, 0.02));
  }
}

TEST_CASE("presence_leak refuses what does not fit", "[eval]") {
  const Tensor present = torch::ones({4, 2}, torch::kBool), target = torch::zeros({4}, torch::kLong);
  CHECK_THROWS_AS(presence_leak(present.to(torch::kFloat), target), ShapeError);
  CHECK_THROWS_AS(presence_leak(present, target.narrow(0, 0, 3)), ShapeError);
  CHECK_THROWS_AS(presence_leak(present, target - 1), DataError);
  CHECK_THROWS_AS(presence_leak(present, target, {.permutations = 0}), ConfigError);
}

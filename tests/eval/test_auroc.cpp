// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/eval/auroc.hpp>

using namespace alloy;

TEST_CASE("auroc", "[eval]") {
  const Tensor kinds = torch::tensor({false, true, false, true, true});
  SECTION("counts pairs in the right order, ties half") {
    CHECK(auroc(torch::tensor({0.1, 0.9, 0.2, 0.8, 0.7}), kinds) == 1);
    CHECK(auroc(torch::tensor({0.9, 0.1, 0.8, 0.2, 0.3}), kinds) == 0);
    CHECK(auroc(torch::ones({5}), kinds) == 0.5);
    // positives 2, 1, 3 against negatives 1 and 2.5: 1 > .. 0.5 of a tie, 2 > 1, 3 above both
    CHECK_THAT(auroc(torch::tensor({1.0, 2.0, 2.5, 1.0, 3.0}), kinds), WithinAbs((1 + 0.5 + 2) / 6.0, 1e-12));
  }
  SECTION("against all pairs at once") {
    torch::manual_seed(1);
    const Tensor s = torch::randint(0, 20, {200}).to(torch::kDouble), p = torch::rand({200}) < 0.3;
    const Tensor a = s.masked_select(p).unsqueeze(1), b = s.masked_select(p.logical_not());
    CHECK_THAT(auroc(s, p), WithinAbs(((a > b).to(torch::kDouble) + 0.5 * (a == b).to(torch::kDouble)).mean().item<double>(), 1e-12));
  }
  CHECK_THROWS_WITH(auroc(torch::ones({3}), torch::ones({3}, torch::kBool)), ContainsSubstring("3 positive and 0 negative"));
  CHECK_THROWS_AS(auroc(torch::ones({3}), torch::ones({2}, torch::kBool)), ShapeError);
  CHECK_THROWS_AS(auroc(torch::ones({5}), torch::ones({5})), ShapeError);
  CHECK_THROWS_AS(auroc(torch::full({5}, NAN), kinds), DataError);
}

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

TEST_CASE("disagreement_auroc", "[eval]") {
  const Tensor labels = torch::tensor({0, 0, 1, 1, 2, 2}, at::kLong), rows = torch::eye(3).repeat_interleave(2, 0);
  SECTION("tells partners of another label where they lie elsewhere") {
    const Score apart = disagreement_auroc(rows, rows, labels);  // 0 from the own, 1 from any other
    CHECK((apart.value == 1 && apart.low == 1 && apart.high == 1));
    CHECK(disagreement_auroc(rows, rows.roll(2, 0), labels, {.seed = 3}).value < 0.5);  // own partners are those of another label
    CHECK(disagreement_auroc(rows, torch::ones({6, 3}) / std::sqrt(3.0), labels).value == 0.5);
  }
  SECTION("against the mean over all draws") {
    torch::manual_seed(2);
    const Tensor many = torch::arange(400).remainder(4), middles = torch::eye(4).index_select(0, many);
    Tensor a = middles + 0.4 * torch::randn({400, 4}), b = middles + 0.4 * torch::randn({400, 4});
    a = a / a.norm(2, {1}, true), b = b / b.norm(2, {1}, true);
    const Tensor distance = 1 - a.matmul(b.t()), own = distance.diagonal(),
                 apart = distance.masked_select(many.unsqueeze(0).ne(many.unsqueeze(1)));  // with every partner of another label
    const double all = auroc(torch::cat({own, apart}), torch::cat({torch::zeros_like(own), torch::ones_like(apart)}).to(at::kBool));
    const Score drawn = disagreement_auroc(a, b, many);
    CHECK_THAT(drawn.value, WithinAbs(all, 0.02));
    CHECK((drawn.low < all && all < drawn.high));
  }
  CHECK_THROWS_WITH(disagreement_auroc(rows, rows, torch::zeros({6}, at::kLong)), ContainsSubstring("two labels at least, got one"));
  CHECK_THROWS_AS(disagreement_auroc(rows, rows.narrow(0, 0, 5), labels), ShapeError);
  CHECK_THROWS_AS(disagreement_auroc(rows, rows, labels.narrow(0, 0, 5)), ShapeError);
}

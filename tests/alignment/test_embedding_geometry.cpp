// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <torch/nn/functional/normalization.h>

#include <alloy/core/error.hpp>
#include <alloy/alignment/embedding_geometry.hpp>

#include <cmath>
#include <limits>

using namespace alloy;

namespace {

Tensor rows(std::vector<std::vector<double>> values) {
  Tensor out = torch::empty({static_cast<int64_t>(values.size()), static_cast<int64_t>(values[0].size())}, torch::kDouble);
  for (size_t i = 0; i < values.size(); ++i) out[static_cast<int64_t>(i)] = torch::tensor(values[i], torch::kDouble);
  return out;
}

}  // namespace

TEST_CASE("modality_gap", "[alignment]") {
  SECTION("is the distance of the means of unit rows") {
    // means (1/2, 1/2) and (-1, 0): distance sqrt(9/4 + 1/4)
    const Tensor a = rows({{3, 0}, {0, 0.5}}), b = rows({{-1, 0}, {-7, 0}, {-2, 0}});
    CHECK_THAT(modality_gap(a, b), WithinAbs(std::sqrt(2.5), 1e-12));
    CHECK_THAT(modality_gap(b, a), WithinAbs(std::sqrt(2.5), 1e-12));
    CHECK_THAT(modality_gap(a.to(torch::kFloat).requires_grad_(), b.to(torch::kFloat)), WithinAbs(std::sqrt(2.5), 1e-7));
  }
  SECTION("is 0 of equals and 2 of opposites, also of rows whose squares overflow or vanish") {
    const Tensor a = rows({{0, 1e200}, {0, 1e-200}});
    CHECK_THAT(modality_gap(a, a), WithinAbs(0, 1e-15));
    CHECK_THAT(modality_gap(a, -a), WithinAbs(2, 1e-12));
  }
}

TEST_CASE("alignment", "[alignment]") {
  const Tensor a = rows({{2, 0}, {0, 1}, {1, 0}}), b = rows({{1, 0}, {1, 0}, {-3, 0}});  // distances 0, sqrt 2, 2
  CHECK_THAT(alignment(a, b), WithinAbs((0 + 2 + 4) / 3.0, 1e-12));
  CHECK_THAT(alignment(a, b, 1), WithinAbs((0 + std::sqrt(2) + 2) / 3.0, 1e-12));
  CHECK(alignment(a, a) == 0);
  CHECK_THROWS_AS(alignment(a, b, 0), ConfigError);
  CHECK_THROWS_WITH(alignment(a, b.narrow(0, 0, 2)), ContainsSubstring("row by row") && ContainsSubstring("[2, 2]"));
}

TEST_CASE("uniformity", "[alignment]") {
  SECTION("of three rows, by hand") {
    // squared distances 2, 4, 2
    const Tensor x = rows({{1, 0}, {0, 5}, {-2, 0}});
    CHECK_THAT(uniformity(x), WithinAbs(std::log((2 * std::exp(-4.0) + std::exp(-8.0)) / 3), 1e-12));
    CHECK_THAT(uniformity(x, 0.5), WithinAbs(std::log((2 * std::exp(-1.0) + std::exp(-2.0)) / 3), 1e-12));
    CHECK_THAT(uniformity(x, 1000), WithinAbs(std::log(2.0 / 3) - 2000, 1e-9));  // where every exp is 0
  }
  SECTION("of coinciding rows is 0, its greatest value") { CHECK_THAT(uniformity(torch::ones({5, 3})), WithinAbs(0, 1e-12)); }
  SECTION("of more rows than a block, against all pairs at once") {
    torch::manual_seed(3);
    const Tensor x = torch::nn::functional::normalize(torch::randn({600, 8}, torch::kDouble), torch::nn::functional::NormalizeFuncOptions().dim(1));
    const double expected = torch::pdist(x).pow(2).mul(-2).exp().mean().log().item<double>();
    CHECK_THAT(uniformity(x), WithinAbs(expected, 1e-10));
  }
  SECTION("of one row is an error") { CHECK_THROWS_WITH(uniformity(torch::ones({1, 3})), ContainsSubstring("at least two rows, got 1")); }
  SECTION("t must be positive") { CHECK_THROWS_AS(uniformity(torch::ones({3, 3}), -1), ConfigError); }
}

TEST_CASE("geometry of what is no set of embeddings", "[alignment]") {
  const Tensor good = rows({{1, 0}, {0, 1}});
  CHECK_THROWS_AS(modality_gap(good, torch::ones({2, 3}, torch::kDouble)), ShapeError);
  CHECK_THROWS_AS(modality_gap(good, torch::ones({2}, torch::kDouble)), ShapeError);
  CHECK_THROWS_AS(uniformity(torch::ones({2, 2}, torch::kLong)), ShapeError);
  CHECK_THROWS_AS(alignment(torch::ones({0, 2}), torch::ones({0, 2})), DataError);
  CHECK_THROWS_AS(modality_gap(Tensor(), good), ShapeError);
  CHECK_THROWS_WITH(modality_gap(good, rows({{1, 0}, {0, 0}})), ContainsSubstring("largest entry 0 for row 1"));
  CHECK_THROWS_WITH(alignment(rows({{1, 0}, {0, std::numeric_limits<double>::quiet_NaN()}}), good), ContainsSubstring("largest entry nan for row 1"));
}

TEST_CASE("principal_components", "[alignment]") {
  SECTION("of a line and a little across it, by hand") {
    // along (3, 4)/5: -10, 0, 10; across: 1, -2, 1. Variances 200 and 6.
    const Tensor along = torch::tensor({0.6, 0.8}, torch::kDouble), across = torch::tensor({-0.8, 0.6}, torch::kDouble);
    const Tensor x = at::stack({-10 * along + across, -2 * across, 10 * along + across}) + 7;
    const PrincipalComponents p = principal_components(x);
    CHECK_THAT(p.variance_share, AllClose(torch::tensor({200.0 / 206, 6.0 / 206}, torch::kDouble), 1e-12));
    CHECK_THAT(p.points.select(1, 0).abs(), AllClose(torch::tensor({10.0, 0.0, 10.0}, torch::kDouble), 1e-9));
    CHECK_THAT(p.points.select(1, 1), AllClose(torch::tensor({-1.0, 2.0, -1.0}, torch::kDouble), 1e-9));  // the greatest is positive
  }
  SECTION("keeps distances where all components are kept, with more rows than columns and fewer") {
    torch::manual_seed(5);
    for (const auto& [n, d] : {std::pair<int64_t, int64_t>{9, 4}, {4, 9}}) {
      const Tensor x = torch::randn({n, d}, torch::kDouble);
      const PrincipalComponents p = principal_components(x, 6);
      CHECK_THAT(torch::cdist(p.points, p.points), AllClose(torch::cdist(x, x), 1e-7));
      CHECK_THAT(p.variance_share.sum(), AllClose(torch::tensor(1.0, torch::kDouble), 1e-12));
      CHECK_THAT(p.points.mean(0), AllClose(torch::zeros({6}, torch::kDouble), 1e-12));
      const Tensor product = p.points.t().matmul(p.points);
      CHECK_THAT(product, AllClose(product.diag().diag(), 1e-9));  // uncorrelated
    }
  }
  SECTION("of rows that coincide is zero") {
    const PrincipalComponents p = principal_components(torch::ones({3, 4}));
    CHECK((p.points.eq(0).all().item<bool>() && p.variance_share.eq(0).all().item<bool>()));
    CHECK(principal_components(torch::ones({1, 1}), 2).points.sizes() == at::IntArrayRef({1, 2}));
  }
  SECTION("refuses what is not finite") { CHECK_THROWS_AS(principal_components(torch::full({2, 2}, INFINITY)), DataError); }
}

TEST_CASE("alignment_uniformity", "[alignment]") {
  torch::manual_seed(4);
  const Tensor a = torch::randn({30, 5}, torch::kDouble), b = a + 0.5 * torch::randn({30, 5}, torch::kDouble);
  const AlignmentUniformity report = alignment_uniformity(a, b);
  CHECK((report.pairs == 30 && report.dim == 5));
  CHECK_THAT(report.alignment, WithinAbs(alignment(a, b), 1e-12));
  CHECK_THAT(report.first_uniformity, WithinAbs(uniformity(a), 1e-12));
  CHECK_THAT(report.second_uniformity, WithinAbs(uniformity(b), 1e-12));
  CHECK_THAT(report.modality_gap, WithinAbs(modality_gap(a, b), 1e-12));
  CHECK_THAT(2 - 2 * report.partner_cosine, WithinAbs(report.alignment, 1e-12));  // of unit rows
  const Tensor cosines = (a / a.norm(2, {1}, true)).matmul((b / b.norm(2, {1}, true)).t());
  CHECK_THAT(report.other_cosine, WithinAbs(((cosines.sum() - cosines.trace()) / (30 * 29)).item<double>(), 1e-12));
  const std::string text = to_text(report, "voice", "words");
  for (const char* part : {"30 pairs of voice and words, width 5", "uniformity of words", "modality gap", "cosine of partners"}) CHECK_THAT(text, ContainsSubstring(part));
  CHECK_THROWS_AS(alignment_uniformity(a, b.narrow(0, 0, 29)), ShapeError);
  CHECK_THROWS_AS(alignment_uniformity(a.narrow(0, 0, 1), b.narrow(0, 0, 1)), DataError);
}

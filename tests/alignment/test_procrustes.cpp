// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/fixture_tensors.hpp"

#include <alloy/alignment/procrustes.hpp>

using namespace alloy;

namespace {

Tensor from_fixture(const std::string& name) { return fixture_tensor("meaning.safetensors", "procrustes/" + name); }

Tensor rotation(int64_t width, uint64_t seed) {
  torch::manual_seed(seed);
  Tensor q = std::get<0>(torch::linalg_qr(torch::randn({width, width}, torch::kDouble)));
  if (torch::det(q).item<double>() < 0) q.select(1, 0).neg_();
  return q;
}

}  // namespace

TEST_CASE("procrustes agrees with scipy", "[alignment]") {
  const Procrustes found = procrustes(from_fixture("x"), from_fixture("y"), {.scaling = true});
  CHECK_THAT(found.rotation, AllClose(from_fixture("rotation"), 1e-12));
  CHECK_THAT(found.scale, WithinRel(from_fixture("scale").item<double>(), 1e-12));
  CHECK(found.rank == 5);
  CHECK(procrustes(from_fixture("x"), from_fixture("y")).scale == 1);
}

TEST_CASE("procrustes recovers a rotation", "[alignment]") {
  torch::manual_seed(1);
  const Tensor x = torch::randn({50, 6}, torch::kDouble), r = rotation(6, 2), shift = torch::randn({6}, torch::kDouble);
  SECTION("alone") {
    const Procrustes found = procrustes(x, x.matmul(r));
    CHECK_THAT(found.rotation, AllClose(r, 1e-12));
    CHECK(found.residual < 1e-24);
  }
  SECTION("with scale and shift, in float too") {
    const Tensor y = 2.5 * x.matmul(r) + shift;
    const Procrustes found = procrustes(x.to(torch::kFloat), y.to(torch::kFloat), {.translation = true, .scaling = true});
    CHECK_THAT(found.scale, WithinRel(2.5, 1e-6));
    CHECK_THAT(found.apply(x), AllClose(y, 1e-5));
    CHECK_THAT(found.apply(x.to(torch::kFloat)), AllClose(y.to(torch::kFloat), 1e-4));
  }
  SECTION("a mirror image by a reflection, or as near as a rotation comes") {
    Tensor y = x.clone();
    y.select(1, 2).neg_();
    CHECK(procrustes(x, y).residual < 1e-24);
    const Procrustes turned = procrustes(x, y, {.reflection = false});
    CHECK_THAT(torch::det(turned.rotation).item<double>(), WithinAbs(1, 1e-12));
    CHECK(turned.residual > 1e-3);
    for (uint64_t seed = 0; seed < 20; ++seed)  // no other rotation is nearer
      CHECK((x.matmul(turned.rotation.matmul(rotation(6, seed))) - y).square().sum().item<double>() >=
            (x.matmul(turned.rotation) - y).square().sum().item<double>());
  }
}

TEST_CASE("procrustes of degenerate clouds", "[alignment]") {
  torch::manual_seed(3);
  const Tensor line = torch::randn({10, 1}, torch::kDouble).matmul(torch::randn({1, 4}, torch::kDouble)), x = torch::randn({10, 4}, torch::kDouble);
  const Procrustes found = procrustes(line, line.matmul(rotation(4, 4)));
  CHECK(found.rank == 1);  // only where the line goes is known, the rest of the map is still orthogonal
  CHECK(found.residual < 1e-20);
  CHECK_THAT(found.rotation.t().matmul(found.rotation), AllClose(torch::eye(4, torch::kDouble), 1e-12));
  CHECK(procrustes(x.narrow(0, 0, 2), x.narrow(0, 2, 2)).rank == 2);
  CHECK_THROWS_WITH(procrustes(torch::zeros({10, 4}, torch::kDouble), x), ContainsSubstring("rank 0 of 4 from 10 pairs"));
  CHECK_THROWS_WITH(procrustes(torch::full({10, 4}, 0.1, torch::kDouble), x, {.translation = true}),
                    ContainsSubstring("rank 0 of 4") && ContainsSubstring("centring"));
  CHECK_THROWS_AS(procrustes(x, torch::full({10, 4}, 0.1, torch::kDouble), {.translation = true}), DataError);
  CHECK_THROWS_AS(procrustes(x, x.narrow(0, 0, 9)), ShapeError);
  CHECK_THROWS_AS(procrustes(x, x.narrow(1, 0, 3)), ShapeError);
  CHECK_THROWS_WITH(procrustes(x, torch::full({10, 4}, INFINITY)), ContainsSubstring("second rows, got row 0"));
  CHECK_THROWS_AS(found.apply(torch::ones({2, 3})), ShapeError);
}

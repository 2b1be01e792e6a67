// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/dtw_brute_force.hpp"

#include <alloy/alignment/dtw.hpp>
#include <alloy/alignment/soft_dtw.hpp>
#include <alloy/core/json.hpp>
#include <alloy/core/threads.hpp>
#include <alloy/io/file.hpp>

#include <cmath>
#include <limits>

using namespace alloy;

namespace {

Tensor normal(at::IntArrayRef sizes, uint64_t seed, at::ScalarType type = at::kDouble) {
  torch::manual_seed(seed);
  return torch::randn(sizes, torch::kDouble).to(type);
}

Tensor lengths_of(std::vector<int64_t> lengths) { return torch::tensor(lengths, torch::kLong); }

struct Expected {
  double value;
  Tensor alignment;
};
/// By the definition: every path with its weight.
Expected all_paths(const Tensor& x, const Tensor& y, double gamma, int64_t radius = -1) {
  const Tensor costs = cost_table(x, y);
  std::vector<Cells> paths;
  std::vector<double> sums;
  for_each_path(
      x.size(0), y.size(0), [&](int64_t i, int64_t j) { return radius < 0 || std::abs(i - j) <= radius; }, false, false,
      [&](const Cells& path) {
        paths.push_back(path);
        sums.push_back(-path_cost(costs, path) / gamma);
      });
  const Tensor log_weights = torch::tensor(sums, torch::kDouble), log_total = log_weights.logsumexp(0), weights = (log_weights - log_total).exp();
  Expected out{-gamma * log_total.item<double>(), torch::zeros_like(costs)};
  for (size_t k = 0; k < paths.size(); ++k)
    for (const auto& [i, j] : paths[k]) out.alignment[i][j] += weights[static_cast<int64_t>(k)];
  return out;
}

/// The table by plain recursion in double, for lengths beyond all paths.
double by_recursion(const Tensor& x, const Tensor& y, double gamma) {
  const Tensor costs = cost_table(x, y);
  const int64_t rows = costs.size(0), columns = costs.size(1);
  std::vector<double> table(static_cast<size_t>((rows + 1) * (columns + 1)), std::numeric_limits<double>::infinity());
  const auto at = [&](int64_t i, int64_t j) -> double& { return table[static_cast<size_t>(i * (columns + 1) + j)]; };
  at(0, 0) = 0;
  for (int64_t i = 1; i <= rows; ++i)
    for (int64_t j = 1; j <= columns; ++j) {
      const double a = at(i - 1, j), b = at(i, j - 1), c = at(i - 1, j - 1), least = std::min({a, b, c});
      at(i, j) = costs[i - 1][j - 1].item<double>() + least -
                 gamma * std::log(std::exp((least - a) / gamma) + std::exp((least - b) / gamma) + std::exp((least - c) / gamma));
    }
  return at(rows, columns);
}

const Config& reference() {
  static const Config all = parse_json(read_text_file(fixture("dtw.json"), 1 << 20), "dtw.json");
  return all;
}
Tensor tensor_of(const Config& values) {
  std::vector<Tensor> rows;
  std::vector<double> flat;
  for (const Config& v : values.as_array()) {
    if (v.is_array()) rows.push_back(tensor_of(v));
    else flat.push_back(v.as_double());
  }
  return rows.empty() ? torch::tensor(flat, torch::kDouble) : torch::stack(rows);
}
Tensor series_of(const std::string& kind, size_t n) { return tensor_of(reference().at(kind).as_array()[n]); }

}  // namespace

TEST_CASE("soft_dtw is the soft minimum of all paths", "[alignment]") {
  for (const int64_t width : {1, 2})
    for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{1, 1}, {1, 4}, {4, 1}, {3, 4}, {5, 5}, {5, 3}}) {
      const Tensor x = normal({1, rows, width}, 1), y = normal({1, columns, width}, 2);
      for (const double gamma : {0.1, 1.0, 20.0})
        for (const int64_t radius : {int64_t{-1}, std::abs(rows - columns), std::abs(rows - columns) + 1}) {
          INFO(rows << " x " << columns << " width " << width << " gamma " << gamma << " radius " << radius);
          const Expected expected = all_paths(x[0], y[0], gamma, radius);
          CHECK_THAT(soft_dtw({x}, {y}, {.gamma = gamma, .radius = radius}).item<double>(),
                     WithinAbs(expected.value, 1e-11 * (1 + std::abs(expected.value))));
          CHECK_THAT(soft_dtw_alignment({x}, {y}, {.gamma = gamma, .radius = radius})[0], AllClose(expected.alignment, 1e-11));
        }
    }
}

TEST_CASE("soft_dtw agrees with tslearn", "[alignment]") {
  const Config& learn = reference().at("tslearn");
  const auto check = [&](const Config& cases, const Tensor& x, const Tensor& y) {
    for (const Config& c : cases.as_array()) {
      const SoftDtwOptions options{.gamma = c.at("gamma").as_double()};
      const PaddedSeries a{x.unsqueeze(0)}, b{y.unsqueeze(0)};
      CHECK_THAT(soft_dtw(a, b, options).item<double>(), WithinRel(c.at("value").as_double(), 1e-10));
      CHECK_THAT(soft_dtw_alignment(a, b, options)[0], AllClose(tensor_of(c.at("alignment")), 1e-9));
      CHECK_THAT(soft_dtw({a.values.to(at::kFloat)}, {b.values.to(at::kFloat)}, options).item<double>(), WithinRel(c.at("value").as_double(), 1e-5));
    }
  };
  check(learn.at("soft"), series_of("one", 3), series_of("one", 5));
  check(learn.at("soft_three"), series_of("three", 2), series_of("three", 3));
  const Tensor expected = tensor_of(learn.at("divergence"));
  const std::vector<Tensor> set = {series_of("one", 2), series_of("one", 3), series_of("one", 5)};
  for (int64_t n = 0; n < 3; ++n)
    for (int64_t m = 0; m < 3; ++m)
      CHECK_THAT(
          soft_dtw_divergence({set[static_cast<size_t>(n)].unsqueeze(0)}, {set[static_cast<size_t>(m)].unsqueeze(0)}, {.gamma = 0.5}).item<double>(),
          WithinAbs(expected[n][m].item<double>(), 1e-9));
}

TEST_CASE("gradients of soft_dtw", "[alignment]") {
  const Tensor x = normal({3, 6, 2}, 3).requires_grad_(), y = normal({3, 7, 2}, 4).requires_grad_(),
               weight = torch::tensor({1.0, -2.0, 0.5}, torch::kDouble);
  const Tensor lx = lengths_of({6, 4, 1}), ly = lengths_of({5, 7, 3});
  for (const double gamma : {0.3, 1.0, 10.0}) {
    INFO(gamma);
    CHECK(gradient_error([&] { return (soft_dtw({x, lx}, {y, ly}, {.gamma = gamma}) * weight).sum(); }, {x, y}) < 1e-6);
    CHECK(gradient_error([&] { return (soft_dtw_divergence({x, lx}, {y, ly}, {.gamma = gamma}) * weight).sum(); }, {x, y}) < 1e-6);
    CHECK(gradient_error([&] { return soft_dtw({x, lx}, {y, ly}, {.gamma = gamma, .radius = 3}).sum(); }, {x, y}) < 1e-6);
  }
  const Tensor flat = normal({2, 5}, 5).requires_grad_(), other = normal({2, 4}, 6);
  CHECK(gradient_error([&] { return soft_dtw({flat}, {other}).sum(); }, {flat}) < 1e-6);

  SECTION("in float they are those in double") {
    const auto grads = [&](at::ScalarType type) {
      const Tensor a = x.detach().to(type).requires_grad_(), b = y.detach().to(type).requires_grad_();
      return torch::autograd::grad({soft_dtw({a, lx}, {b, ly}).sum()}, {a, b});
    };
    const auto narrow = grads(at::kFloat), wide = grads(at::kDouble);
    for (size_t k = 0; k < 2; ++k) {
      CHECK(narrow[k].scalar_type() == at::kFloat);
      CHECK((narrow[k].to(at::kDouble) - wide[k]).abs().max().item<double>() <= 1e-5 * wide[k].abs().max().item<double>());
    }
  }
  SECTION("nothing is recorded where nothing is wanted") {
    const torch::NoGradGuard guard;
    CHECK_FALSE(soft_dtw({x}, {y}).requires_grad());
  }
}

TEST_CASE("soft_dtw of long series, in blocks of rows", "[alignment]") {
  // more rows than a block, samples that end in different ones, more of them than lanes
  const Tensor x = normal({19, 61, 1}, 7), y = normal({19, 45, 1}, 8);
  std::vector<int64_t> lx, ly;
  for (int64_t b = 0; b < 19; ++b) lx.push_back(61 - b * 13 % 60), ly.push_back(45 - b * 7 % 44);
  const PaddedSeries a{x.clone().requires_grad_(), lengths_of(lx)}, b{y.clone().requires_grad_(), lengths_of(ly)};
  const Tensor values = soft_dtw(a, b, {.gamma = 0.5}), alignment = soft_dtw_alignment(a, b, {.gamma = 0.5});
  const auto grads = torch::autograd::grad({values.sum()}, {a.values, b.values});
  for (int64_t n = 0; n < 19; ++n) {
    INFO(n);
    const int64_t rows = lx[static_cast<size_t>(n)], columns = ly[static_cast<size_t>(n)];
    const Tensor xn = x[n].slice(0, 0, rows), yn = y[n].slice(0, 0, columns), e = alignment[n].slice(0, 0, rows).slice(1, 0, columns);
    CHECK_THAT(values[n].item<double>(), WithinRel(by_recursion(xn, yn, 0.5), 1e-10));
    // the gradient is that of the costs by the chain rule
    CHECK_THAT(grads[0][n].slice(0, 0, rows), AllClose(2 * (e.sum(1, true) * xn - e.mm(yn)), 1e-10));
    CHECK_THAT(grads[1][n].slice(0, 0, columns), AllClose(2 * (e.t().sum(1, true) * yn - e.t().mm(xn)), 1e-10));
    CHECK(grads[0][n].slice(0, rows).eq(0).all().item<bool>());
    CHECK(alignment[n].slice(0, rows).eq(0).all().item<bool>());
    CHECK(alignment[n].slice(1, columns).eq(0).all().item<bool>());
    CHECK_THAT(e[0][0].item<double>(), WithinAbs(1, 1e-10));  // every path has both ends
    CHECK_THAT(e[rows - 1][columns - 1].item<double>(), WithinAbs(1, 1e-12));
    CHECK(e.sum(1).min().item<double>() >= 1 - 1e-10);  // and visits every row
  }
}

TEST_CASE("properties of soft_dtw", "[alignment]") {
  const Tensor x = normal({20, 14, 2}, 9), y = normal({20, 11, 2}, 10);
  SECTION("padding changes nothing, not even NaN") {
    const Tensor lx = lengths_of({14, 3, 9, 1, 14, 2, 7, 7, 7, 5, 14, 3, 9, 1, 14, 2, 7, 7, 7, 5}),
                 ly = lengths_of({11, 4, 8, 2, 1, 2, 7, 6, 9, 11, 11, 4, 8, 2, 1, 2, 7, 6, 9, 11});
    const auto run = [&](double content) {
      Tensor a = x.clone(), b = y.clone();
      for (int64_t n = 0; n < 20; ++n) a[n].slice(0, lx[n].item<int64_t>()).fill_(content), b[n].slice(0, ly[n].item<int64_t>()).fill_(content);
      a.requires_grad_(), b.requires_grad_();
      const Tensor value = soft_dtw({a, lx}, {b, ly}), divergence = soft_dtw_divergence({a, lx}, {b, ly});
      const auto grads = torch::autograd::grad({(value + divergence).sum()}, {a, b});
      return std::vector<Tensor>{value.detach(), divergence.detach(), grads[0], grads[1], soft_dtw_alignment({a, lx}, {b, ly})};
    };
    const auto zeros = run(0), nans = run(std::numeric_limits<double>::quiet_NaN());
    for (size_t k = 0; k < zeros.size(); ++k) CHECK_THAT(nans[k], SameBits(zeros[k]));
    for (int64_t n = 0; n < 20; ++n) {  // and each is as it is alone
      const Tensor a = x[n].slice(0, 0, lx[n].item<int64_t>()).unsqueeze(0), b = y[n].slice(0, 0, ly[n].item<int64_t>()).unsqueeze(0);
      CHECK_THAT(soft_dtw({a}, {b})[0].item<double>(), WithinAbs(zeros[0][n].item<double>(), 1e-12));
    }
  }
  SECTION("it tends to DTW as gamma tends to 0, and its alignment to the path") {
    double before = std::numeric_limits<double>::infinity();
    const DtwResult hard = dtw(x[0], y[0]);
    for (const double gamma : {1.0, 0.1, 0.01, 1e-3, 1e-6}) {
      const double off = hard.distance * hard.distance - soft_dtw({x}, {y}, {.gamma = gamma})[0].item<double>();
      CHECK(off >= -1e-10);
      CHECK(off <= before);
      CHECK(off <= gamma * 30);
      before = off;
    }
    Tensor path = torch::zeros({14, 11}, torch::kDouble);
    for (int64_t k = 0; k < hard.path.size(0); ++k) path[hard.path[k][0]][hard.path[k][1]] = 1;
    CHECK_THAT(soft_dtw_alignment({x}, {y}, {.gamma = 1e-6})[0], AllClose(path, 1e-9));
    CHECK_THAT(soft_dtw({x}, {y}, {.gamma = 1e-9, .radius = 4})[0].item<double>(),
               WithinAbs(std::pow(dtw_distance(x[0], y[0], {.radius = 4}), 2), 1e-6));
  }
  SECTION("the divergence is 0 of equals, symmetric, and positive") {
    CHECK(soft_dtw_divergence({x}, {x}).abs().max().item<double>() <= 1e-12);
    CHECK_THAT(soft_dtw_divergence({x}, {y}), AllClose(soft_dtw_divergence({y}, {x}), 1e-10));
    CHECK(soft_dtw_divergence({x}, {y}).min().item<double>() > 0);
    CHECK(soft_dtw({x}, {x}).max().item<double>() < 0);
  }
  SECTION("shifted costs do not overflow: far series, tiny and large gamma") {
    for (const auto type : {at::kFloat, at::kDouble}) {
      const Tensor a = x.to(type), far = (y + 1e4).to(type);
      const double hard = std::pow(dtw_distance(x[0], y[0] + 1e4), 2);
      CHECK_THAT(soft_dtw({a}, {far}, {.gamma = 1e-3})[0].item<double>(), WithinRel(hard, 1e-4));
      CHECK(soft_dtw({a}, {far}, {.gamma = 1e6}).isfinite().all().item<bool>());
    }
  }
  SECTION("constant series, and one step") {
    const Tensor same = torch::full({1, 5, 1}, 3.0, torch::kDouble);
    CHECK_THAT(soft_dtw({same}, {same}).item<double>(), WithinAbs(-std::log(321.0), 1e-12));  // as many paths as Delannoy's number D(4, 4)
    CHECK_THAT(soft_dtw({torch::full({1, 1}, 3.0)}, {torch::full({1, 1}, 5.0)}).item<double>(), WithinAbs(4, 1e-6));
  }
  SECTION("on any number of threads the same bits") {
    Tensor one, two;
    {
      const ThreadScope scope(1);
      one = soft_dtw({x}, {y});
    }
    {
      const ThreadScope scope(2);
      two = soft_dtw({x}, {y});
    }
    CHECK_THAT(two, SameBits(one));
  }
}

TEST_CASE("what soft_dtw refuses", "[alignment]") {
  const Tensor x = normal({3, 6, 2}, 11), y = normal({3, 9, 2}, 12);
  CHECK_THROWS_WITH(soft_dtw({x}, {y}, {.radius = 2}), ContainsSubstring("a radius of at least 3 for sample 0 of 6 and 9 steps"));
  CHECK_THROWS_WITH(soft_dtw({x, lengths_of({6, 1, 6})}, {y}, {.radius = 3}), ContainsSubstring("at least 8 for sample 1"));
  CHECK_THROWS_WITH(soft_dtw({x, lengths_of({6, 0, 6})}, {y}), ContainsSubstring("lengths of x in 1..6, got 0 for sample 1"));
  CHECK_THROWS_AS(soft_dtw({x}, {y, lengths_of({9, 10, 1})}), DataError);
  CHECK_THROWS_AS(soft_dtw({x, lengths_of({6, 6})}, {y}), ShapeError);
  CHECK_THROWS_AS(soft_dtw({x, torch::ones({3})}, {y}), ShapeError);
  CHECK_THROWS_AS(soft_dtw({x}, {normal({2, 9, 2}, 1)}), ShapeError);
  CHECK_THROWS_AS(soft_dtw({x}, {normal({3, 9, 3}, 1)}), ShapeError);
  CHECK_THROWS_AS(soft_dtw({x}, {y.to(at::kFloat)}), ShapeError);
  CHECK_THROWS_AS(soft_dtw({x.to(at::kBFloat16)}, {y.to(at::kBFloat16)}), ShapeError);
  CHECK_THROWS_AS(soft_dtw({torch::zeros({4})}, {torch::zeros({4})}), ShapeError);
  CHECK_THROWS_WITH(soft_dtw({torch::zeros({3, 0, 2})}, {y}), ContainsSubstring("at least one sample and step in x"));
  Tensor bad = y.clone();
  bad[2][8][1] = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(soft_dtw({x}, {bad}), ContainsSubstring("step 8 of sample 2 of y"));
  CHECK_NOTHROW(soft_dtw({x}, {bad, lengths_of({9, 9, 8})}));
  CHECK_THROWS_WITH(soft_dtw_divergence({x}, {bad}), ContainsSubstring("soft_dtw_divergence"));
  for (const double gamma : {0.0, -1.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()})
    CHECK_THROWS_AS(soft_dtw({x}, {y}, {.gamma = gamma}), ConfigError);
  CHECK_THROWS_AS(soft_dtw({x}, {y}, {.radius = -2}), ConfigError);
  CHECK_THROWS_WITH(soft_dtw({x.to(at::kFloat) * 1e18}, {y.to(at::kFloat)}, {.gamma = 1e-9}), ContainsSubstring("larger gamma"));
}

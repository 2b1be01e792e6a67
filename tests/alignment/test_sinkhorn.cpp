// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/fixture_tensors.hpp"

#include <alloy/alignment/sinkhorn.hpp>
#include <alloy/core/threads.hpp>

#include <cmath>
#include <limits>

using namespace alloy;

namespace {

constexpr std::array kForms = {SinkhornForm::plain, SinkhornForm::stabilised, SinkhornForm::log_domain};

Tensor from_fixture(const std::string& name) { return fixture_tensor("meaning.safetensors", name); }

/// Costs in 0..2 and histograms without zeros.
struct Problem {
  Tensor cost, a, b;
};
Problem problem(int64_t n, int64_t m, uint64_t seed, at::ScalarType type = torch::kDouble) {
  torch::manual_seed(seed);
  const Tensor cost = 2 * torch::rand({n, m}, torch::kDouble), a = torch::rand({n}, torch::kDouble) + 0.1, b = torch::rand({m}, torch::kDouble) + 0.1;
  return {cost.to(type), (a / a.sum()).to(type), (b / b.sum()).to(type)};
}

/// The definition, an entry at a time: what is minimised.
double objective(const Tensor& p, const Tensor& c, const Tensor& a, const Tensor& b, double epsilon, double rho1, double rho2) {
  const auto kl = [](const Tensor& x, const Tensor& y) { return (torch::xlogy(x, x / y) - x + y).sum().item<double>(); };
  double value = (p * c).sum().item<double>() + epsilon * kl(p, torch::outer(a, b));
  if (rho1 > 0) value += rho1 * kl(p.sum(1), a);
  if (rho2 > 0) value += rho2 * kl(p.sum(0), b);
  return value;
}

}  // namespace

TEST_CASE("sinkhorn agrees with POT", "[alignment]") {
  const Tensor cost = from_fixture("ot/cost"), a = from_fixture("ot/a"), b = from_fixture("ot/b");
  for (const SinkhornForm form : kForms) {
    INFO(name_of(form));
    SinkhornOptions options{.epsilon = 0.1, .form = form, .tolerance = 1e-14, .max_iterations = 20000};
    const SinkhornResult balanced = sinkhorn(cost, {.rows = a, .columns = b}, options);
    CHECK_THAT(balanced.plan, AllClose(from_fixture("ot/plan"), 1e-12));
    CHECK(balanced.converged.item<bool>());
    CHECK_THAT(balanced.cost.item<double>(), WithinRel((cost * from_fixture("ot/plan")).sum().item<double>(), 1e-10));
    options.row_relaxation = options.column_relaxation = 0.5;
    CHECK_THAT(sinkhorn(cost, {.rows = a, .columns = 1.5 * b}, options).plan, AllClose(from_fixture("ot/unbalanced"), 1e-12));
    options.row_relaxation = 0;
    const SinkhornResult half = sinkhorn(cost, {.rows = a, .columns = 1.5 * b}, options);
    CHECK_THAT(half.plan, AllClose(from_fixture("ot/one_relaxed"), 1e-12));
    CHECK(half.row_error.item<double>() < 1e-12);
    CHECK(half.column_error.item<double>() > 0.3);  // two thirds of what is asked for is there
    if (form != SinkhornForm::plain)
      CHECK_THAT(sinkhorn(cost, {.rows = a, .columns = b}, {.epsilon = 0.005, .form = form, .tolerance = 1e-13, .max_iterations = 100000}).plan,
                 AllClose(from_fixture("ot/plan_small"), 1e-7, 1e-4));
  }
}

TEST_CASE("plans have the margins given, and all forms are one plan", "[alignment]") {
  for (const auto type : {torch::kFloat, torch::kDouble})
    for (const auto& [n, m] : {std::pair<int64_t, int64_t>{1, 1}, {1, 9}, {13, 1}, {17, 5}, {6, 70}, {130, 37}}) {
      INFO(n << " x " << m);
      const auto [cost, a, b] = problem(n, m, 3, type);
      const double tolerance = type == torch::kFloat ? 2e-6 : 1e-10;
      Tensor first;
      for (const SinkhornForm form : kForms) {
        INFO(name_of(form));
        const SinkhornResult r =
            sinkhorn(cost, {.rows = a, .columns = b}, {.epsilon = 0.1, .form = form, .tolerance = tolerance, .max_iterations = 5000});
        CHECK(r.converged.item<bool>());
        CHECK(r.plan.scalar_type() == type);
        CHECK_THAT(r.plan.sum(1), AllClose(a, 3 * tolerance, 10 * tolerance));
        CHECK_THAT(r.plan.sum(0), AllClose(b, 3 * tolerance, 10 * tolerance));
        CHECK(r.row_error.item<double>() < 5 * tolerance);
        CHECK(r.column_error.item<double>() < 5 * tolerance);
        if (first.defined()) CHECK_THAT(r.plan, AllClose(first, 20 * tolerance, 1e-4));
        else first = r.plan;
        const Tensor potential = (r.row_potential.unsqueeze(1) + r.column_potential - cost) / 0.1;
        CHECK_THAT(torch::outer(a, b) * potential.exp(), AllClose(r.plan, 1e-5, 1e-3));
      }
    }
}

TEST_CASE("what sinkhorn minimises", "[alignment]") {
  const auto [cost, a, b] = problem(8, 6, 7);
  for (const auto& [rho1, rho2] : {std::pair{0.0, 0.0}, {0.7, 0.3}, {0.0, 0.4}}) {
    const SinkhornResult r =
        sinkhorn(cost, {.rows = a, .columns = rho2 > 0 ? 2 * b : b},
                 {.epsilon = 0.2, .row_relaxation = rho1, .column_relaxation = rho2, .tolerance = 1e-14, .max_iterations = 20000});
    const auto value = [&](const Tensor& plan) { return objective(plan, cost, a, rho2 > 0 ? 2 * b : b, 0.2, rho1, rho2); };
    CHECK_THAT(r.value.item<double>(), WithinRel(value(r.plan), 1e-9));
    for (int64_t k = 0; k < 5; ++k) {  // no plan near it, of the same exact margins, is better
      const int64_t i = k, j = k % 5;
      Tensor other = r.plan.clone();
      const double step = 0.05 * other.narrow(0, i, 2).narrow(1, j, 2).min().item<double>();
      other[i][j] += step, other[i][j + 1] -= step, other[i + 1][j] -= step, other[i + 1][j + 1] += step;
      CHECK(value(other) > value(r.plan));
    }
  }
  SECTION("relaxed margins tend to exact ones as the relaxation grows") {
    const Tensor exact = sinkhorn(cost, {.rows = a, .columns = b}, {.epsilon = 0.2, .tolerance = 1e-12, .max_iterations = 20000}).plan;
    double before = 1e9;
    for (const double rho : {1.0, 10.0, 100.0, 1e4}) {
      const SinkhornResult r =
          sinkhorn(cost, {.rows = a, .columns = b},
                   {.epsilon = 0.2, .row_relaxation = rho, .column_relaxation = rho, .tolerance = 1e-13, .max_iterations = 200000});
      const double off = (r.plan - exact).abs().sum().item<double>();
      CHECK(off < 0.3 * before);
      before = off;
    }
    CHECK(before < 1e-3);
  }
  SECTION("a small epsilon gives the cheapest assignment") {
    const Tensor c = torch::tensor({{4.0, 1.0, 3.0}, {2.0, 0.0, 5.0}, {3.0, 2.0, 2.0}}, torch::kDouble);  // best: 1 + 2 + 2
    for (const SinkhornForm form : {SinkhornForm::stabilised, SinkhornForm::log_domain, SinkhornForm::automatic}) {
      const SinkhornResult r = sinkhorn(c, {}, {.epsilon = 1e-3, .form = form, .tolerance = 1e-9, .max_iterations = 20000});
      CHECK_THAT(r.cost.item<double>(), WithinAbs(5.0 / 3, 1e-6));
      CHECK_THAT(sinkhorn(c.to(torch::kFloat), {}, {.epsilon = 1e-3, .form = form}).cost.item<double>(), WithinAbs(5.0 / 3, 1e-3));
    }
  }
}

TEST_CASE("forms that underflow elsewhere", "[alignment]") {
  // Each row has one near column, and one column is far from every row.
  const Tensor x = torch::arange(40, torch::kDouble), y = torch::cat({x.narrow(0, 0, 39), torch::full({1}, 400.0, torch::kDouble)});
  const Tensor cost = (x.unsqueeze(1) - y.unsqueeze(0)).abs();
  for (const auto type : {torch::kFloat, torch::kDouble}) {
    Tensor first;
    for (const SinkhornForm form : {SinkhornForm::log_domain, SinkhornForm::stabilised, SinkhornForm::automatic}) {
      INFO(name_of(form));
      const SinkhornResult r = sinkhorn(cost.to(type), {}, {.epsilon = 0.5, .form = form, .tolerance = 1e-4, .max_iterations = 20000});
      CHECK(r.converged.item<bool>());
      CHECK(r.plan.isfinite().all().item<bool>());
      CHECK_THAT(r.plan.sum(0), AllClose(torch::full({40}, 1.0 / 40, type), 1e-5, 1e-3));
      if (first.defined()) CHECK_THAT(r.plan, AllClose(first, 2e-5, 2e-2));
      else first = r.plan;
    }
    CHECK_THROWS_WITH(sinkhorn(cost.to(type), {}, {.epsilon = 0.1, .form = SinkhornForm::plain}),
                      ContainsSubstring("underflow") && ContainsSubstring("log_domain"));
  }
}

TEST_CASE("padding changes nothing in sinkhorn", "[alignment]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  torch::manual_seed(2);
  Tensor cost = torch::full({3, 6, 5}, nan, torch::kDouble), a = torch::full({3, 6}, nan, torch::kDouble),
         b = torch::full({3, 5}, -1.0, torch::kDouble);
  Tensor rows = torch::zeros({3, 6}, torch::kBool), columns = torch::zeros({3, 5}, torch::kBool);
  const std::vector<std::pair<int64_t, int64_t>> sizes = {{4, 5}, {6, 2}, {1, 3}};
  std::vector<SinkhornResult> alone;
  const SinkhornOptions options{.epsilon = 0.3, .row_relaxation = 0.0, .column_relaxation = 0.8, .tolerance = 1e-12, .max_iterations = 5000};
  for (int64_t k = 0; k < 3; ++k) {
    const auto [n, m] = sizes[static_cast<size_t>(k)];
    const auto p = problem(n, m, static_cast<uint64_t>(k));
    cost[k].narrow(0, 0, n).narrow(1, 0, m).copy_(p.cost), a[k].narrow(0, 0, n).copy_(p.a), b[k].narrow(0, 0, m).copy_(p.b);
    rows[k].narrow(0, 0, n).fill_(true), columns[k].narrow(0, 0, m).fill_(true);
    alone.push_back(sinkhorn(p.cost, {.rows = p.a, .columns = p.b}, options));
  }
  const SinkhornResult all = sinkhorn(cost, {.rows = a, .columns = b, .row_mask = rows, .column_mask = columns}, options);
  for (int64_t k = 0; k < 3; ++k) {
    const auto [n, m] = sizes[static_cast<size_t>(k)];
    const SinkhornResult& one = alone[static_cast<size_t>(k)];
    CHECK_THAT(all.plan[k].narrow(0, 0, n).narrow(1, 0, m), AllClose(one.plan, 1e-14));
    CHECK_THAT(all.plan[k].sum(), AllClose(one.plan.sum(), 1e-14));
    CHECK_THAT(all.value[k], AllClose(one.value, 1e-13));
    CHECK(all.iterations[k].item<int64_t>() == one.iterations.item<int64_t>());
    CHECK_THAT(all.row_potential[k].narrow(0, 0, n), AllClose(one.row_potential, 1e-12));
  }
  SECTION("weights that are not given are uniform over what is real") {
    const SinkhornResult r = sinkhorn(cost, {.row_mask = rows, .column_mask = columns}, {.epsilon = 0.3, .tolerance = 1e-12});
    CHECK_THAT(r.plan[0].sum(1), AllClose(torch::tensor({0.25, 0.25, 0.25, 0.25, 0.0, 0.0}, torch::kDouble), 1e-10));
    CHECK_THAT(r.plan[1].sum(0), AllClose(torch::tensor({0.5, 0.5, 0.0, 0.0, 0.0}, torch::kDouble), 1e-10));
  }
  SECTION("gradients of padding are zero, others those of each alone") {
    const Tensor c = cost.clone().requires_grad_();
    const SinkhornResult r = sinkhorn(c, {.row_mask = rows, .column_mask = columns}, {.epsilon = 0.3, .tolerance = 1e-12, .max_iterations = 5000});
    const Tensor grad = torch::autograd::grad({(r.plan.square()).sum() + r.value.sum()}, {c})[0];
    CHECK(grad.isfinite().all().item<bool>());
    CHECK(grad[0].narrow(0, 4, 2).abs().sum().item<double>() == 0);
    const Tensor own = cost[1].narrow(1, 0, 2).clone().requires_grad_();
    const SinkhornResult one = sinkhorn(own, {}, {.epsilon = 0.3, .tolerance = 1e-12, .max_iterations = 5000});
    CHECK_THAT(grad[1].narrow(1, 0, 2), AllClose(torch::autograd::grad({one.plan.square().sum() + one.value}, {own})[0], 1e-9));
  }
}

TEST_CASE("gradients of sinkhorn", "[alignment]") {
  const auto p = problem(5, 4, 11);
  const Tensor c = p.cost.clone().requires_grad_(), w = torch::rand({5, 4}, torch::kDouble);
  // Weights of exact margins move together: softmax keeps their sums.
  const Tensor la = torch::randn({5}, torch::kDouble).requires_grad_(), lb = torch::randn({4}, torch::kDouble).requires_grad_();
  for (const auto& [rho1, rho2] : {std::pair{0.0, 0.0}, {0.6, 0.9}, {0.0, 0.5}, {0.4, 0.0}}) {
    INFO(rho1 << ", " << rho2);
    const SinkhornOptions options{.epsilon = 0.3, .row_relaxation = rho1, .column_relaxation = rho2, .tolerance = 1e-15, .max_iterations = 3000};
    const double size = rho1 + rho2 > 0 ? 1.4 : 1.0;
    const auto solved = [&] { return sinkhorn(c, {.rows = size * la.softmax(0), .columns = lb.softmax(0)}, options); };
    CHECK(gradient_error([&] { return solved().value; }, {c, la, lb}) < 1e-6);
    CHECK(gradient_error([&] { return solved().cost; }, {c, la, lb}) < 1e-6);
    CHECK(gradient_error(
              [&] {
                const auto r = solved();
                return (w * r.plan).sum() + r.plan.square().sum() - 0.7 * r.cost + 0.2 * r.value;
              },
              {c, la, lb}) < 1e-6);
  }
  SECTION("by a relaxed weight alone, also where it is 0") {
    const Tensor a = torch::tensor({0.0, 0.4, 0.1, 0.3, 0.2}, torch::kDouble).requires_grad_();
    const auto value = [&](const Tensor& weights) {
      const auto r = sinkhorn(p.cost, {.rows = weights, .columns = p.b},
                              {.epsilon = 0.3, .row_relaxation = 0.5, .column_relaxation = 0.5, .tolerance = 1e-15, .max_iterations = 3000});
      return r.value + (w * r.plan).sum();
    };
    const Tensor grad = torch::autograd::grad({value(a)}, {a})[0];
    const Tensor up = a.detach().clone();
    up[0] += 1e-6;  // upwards only
    CHECK_THAT(grad[0].item<double>(), WithinRel((value(up) - value(a)).item<double>() / 1e-6, 1e-4));
  }
  SECTION("of the value by the costs is the plan") {
    const auto r = sinkhorn(c, {.rows = p.a, .columns = p.b}, {.epsilon = 0.3, .tolerance = 1e-12});
    CHECK_THAT(torch::autograd::grad({r.value}, {c})[0], AllClose(r.plan.detach(), 1e-12));
  }
  SECTION("in float as in double") {
    const Tensor f = p.cost.to(torch::kFloat).requires_grad_();
    const SinkhornOptions options{.epsilon = 0.3, .tolerance = 1e-6, .max_iterations = 3000};
    const Tensor float_grad = torch::autograd::grad({(w.to(torch::kFloat) * sinkhorn(f, {}, options).plan).sum()}, {f})[0];
    CHECK_THAT(float_grad.to(torch::kDouble), AllClose(torch::autograd::grad({(w * sinkhorn(c, {}, options).plan).sum()}, {c})[0], 2e-5, 1e-3));
  }
}

TEST_CASE("sinkhorn by several threads", "[alignment]") {
  const auto p = problem(513, 300, 5, torch::kFloat);
  for (const SinkhornForm form : kForms) {
    INFO(name_of(form));
    const SinkhornOptions options{.epsilon = 0.2, .form = form, .tolerance = 1e-6, .max_iterations = 200};
    SinkhornResult one, two;
    {
      const ThreadScope threads(1);
      one = sinkhorn(p.cost, {.rows = p.a, .columns = p.b}, options);
    }
    {
      const ThreadScope threads(2);
      two = sinkhorn(p.cost, {.rows = p.a, .columns = p.b}, options);
      CHECK_THAT(sinkhorn(p.cost, {.rows = p.a, .columns = p.b}, options).plan, SameBits(two.plan));
    }
    CHECK_THAT(two.plan, AllClose(one.plan, 1e-9, 1e-4));
  }
}

TEST_CASE("what sinkhorn refuses", "[alignment]") {
  const auto p = problem(4, 3, 1);
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  const auto with = [](const Tensor& x, std::vector<int64_t> place, double value) {
    Tensor y = x.clone();
    Tensor at = y;
    for (const int64_t k : place) at = at[k];
    at.fill_(value);
    return y;
  };
  CHECK_THROWS_WITH(sinkhorn(p.cost, {.rows = p.a, .columns = 1.1 * p.b}), ContainsSubstring("same mass") && ContainsSubstring("1.1"));
  CHECK_THROWS_AS(sinkhorn(p.cost, {.rows = p.a, .columns = 1.1 * p.b}), DataError);
  CHECK_THROWS_WITH(sinkhorn(p.cost, {.rows = with(p.a, {2}, -0.5)}), ContainsSubstring("got -0.5 for row 2"));
  CHECK_THROWS_WITH(sinkhorn(p.cost, {.columns = with(p.b, {1}, nan)}), ContainsSubstring("nan for column 1"));
  CHECK_THROWS_WITH(sinkhorn(p.cost, {.rows = torch::zeros({4}, torch::kDouble)}), ContainsSubstring("mass"));
  CHECK_THROWS_WITH(sinkhorn(with(p.cost, {3, 1}, nan)), ContainsSubstring("nan in row 3, column 1"));
  CHECK_THROWS_AS(sinkhorn(with(p.cost, {0, 0}, inf)), DataError);
  CHECK_THROWS_WITH(sinkhorn(p.cost, {}, {.epsilon = 0}), ContainsSubstring("epsilon > 0, got 0"));
  CHECK_THROWS_AS(sinkhorn(p.cost, {}, {.epsilon = -1}), ConfigError);
  CHECK_THROWS_AS(sinkhorn(p.cost, {}, {.epsilon = nan}), ConfigError);
  CHECK_THROWS_AS(sinkhorn(p.cost, {}, {.row_relaxation = -1}), ConfigError);
  CHECK_THROWS_AS(sinkhorn(p.cost, {}, {.max_iterations = 0}), ConfigError);
  CHECK_THROWS_AS(sinkhorn(torch::rand({3}), {}), ShapeError);
  CHECK_THROWS_AS(sinkhorn(torch::ones({3, 3}, torch::kLong), {}), ShapeError);
  CHECK_THROWS_AS(sinkhorn(torch::rand({0, 3}), {}), ShapeError);
  CHECK_THROWS_WITH(sinkhorn(p.cost, {.rows = p.b}), ContainsSubstring("weights of row") && ContainsSubstring("[3]"));
  CHECK_THROWS_AS(sinkhorn(p.cost, {.row_mask = torch::ones({4})}), ShapeError);
  CHECK_THROWS_AS(sinkhorn(p.cost, {.row_mask = torch::zeros({4}, torch::kBool)}), DataError);
  const SinkhornResult few = sinkhorn(p.cost, {.rows = p.a, .columns = p.b}, {.epsilon = 0.05, .tolerance = 1e-12, .max_iterations = 3});
  CHECK_FALSE(few.converged.item<bool>());  // says so, and what is missing
  CHECK(few.iterations.item<int64_t>() == 3);
  CHECK(few.row_error.item<double>() > 1e-12);
}

TEST_CASE("sinkhorn's first iterations in float are those in double", "[alignment]") {
  // The second pass over a row guesses how large its sum will be, and the potentials still move far; some columns have next to no weight.
  torch::manual_seed(11);
  const Tensor cost = torch::rand({40, 30}, at::kDouble) * 3, columns = torch::logspace(-6, 0, 30, 10.0, at::kDouble);
  const auto plan = [&](at::ScalarType kind, int64_t iterations) {
    const SinkhornMargins margins{.rows = torch::full({40}, 1.0 / 40, kind), .columns = (columns / columns.sum()).to(kind)};
    return sinkhorn(cost.to(kind), margins, {.epsilon = 0.05, .form = SinkhornForm::log_domain, .tolerance = 0, .max_iterations = iterations}).plan;
  };
  for (const int64_t iterations : {1, 2, 3, 10}) {
    INFO(iterations);
    CHECK_THAT(plan(at::kFloat, iterations).to(at::kDouble), AllClose(plan(at::kDouble, iterations), 1e-9, 1e-3));
  }
}

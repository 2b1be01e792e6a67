// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/gradients.hpp"

#include <alloy/core/threads.hpp>
#include <alloy/losses.hpp>

#include <cmath>

using namespace alloy;
using alloy_test::gradient_error;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

Tensor unit(const Tensor& x) { return x / x.norm(2, {1}, true); }

struct Case {
  Tensor a, b, scale, ids, weights;
};

Case make_case(int64_t rows, int64_t dim, double scale, bool with_ids, bool with_weights, uint64_t seed = 0) {
  torch::manual_seed(seed);
  Case c{unit(torch::randn({rows, dim}, torch::kDouble)), unit(torch::randn({rows, dim}, torch::kDouble)), torch::tensor(scale, torch::kDouble), {}, {}};
  if (with_ids) c.ids = torch::randint(rows / 2 + 1, {rows}, torch::kLong);
  if (with_weights) c.weights = torch::rand({rows}, torch::kDouble);
  return c;
}

Tensor same(const Case& c) { return c.ids.defined() ? c.ids.unsqueeze(1).eq(c.ids.unsqueeze(0)) : torch::eye(c.a.size(0), torch::kBool); }
Tensor mean_by(const Tensor& x, const Tensor& weights) { return weights.defined() ? (x * weights).sum() / weights.sum() : x.mean(); }

/// The definitions, on the whole matrix.
Tensor dense_info_nce(const Case& c, double smoothing = 0) {
  const Tensor s = c.scale * c.a.mm(c.b.t()), hit = same(c).to(torch::kDouble);
  const Tensor target = (1 - smoothing) * hit / hit.sum(1, true) + smoothing / static_cast<double>(s.size(0));
  const auto loss = [&](const Tensor& x) { return mean_by(-(target * x.log_softmax(1)).sum(1), c.weights); };
  return 0.5 * (loss(s) + loss(s.t()));
}
Tensor dense_sigmoid(const Case& c, const Tensor& bias) {
  const Tensor z = at::where(same(c), 1.0, -1.0), w = c.weights.defined() ? c.weights : torch::ones({c.a.size(0)}, torch::kDouble);
  const Tensor losses = at::softplus(-z * (c.scale * c.a.mm(c.b.t()) + bias), 1, 1e9);
  return ((w.unsqueeze(1) + w.unsqueeze(0)) / 2 * losses).sum() / w.sum();
}
Tensor dense_decoupled(const Case& c) {
  const Tensor s = c.scale * c.a.mm(c.b.t()), hit = same(c);
  const auto loss = [&](const Tensor& x) {
    const Tensor rows = at::where(hit, -kInf, x).logsumexp(1) - (x * hit).sum(1) / hit.sum(1);
    return mean_by(at::where(rows.isinf(), 0.0, rows), c.weights);
  };
  return 0.5 * (loss(s) + loss(s.t()));
}
Tensor dense_supervised(const Tensor& x, const Tensor& labels, const Tensor& scale) {
  const Tensor eye = torch::eye(x.size(0), torch::kBool), s = scale * x.mm(x.t());
  const Tensor positive = labels.unsqueeze(1).eq(labels.unsqueeze(0)).logical_and(eye.logical_not()), count = positive.sum(1);
  const Tensor log_p = s - at::where(eye, -kInf, s).logsumexp(1, true);
  const Tensor rows = -at::where(positive, log_p, 0.0).sum(1) / count.clamp_min(1);
  return rows.masked_select(count.gt(0)).mean();
}

}  // namespace

TEST_CASE("tiled losses equal their definitions on the whole matrix", "[losses]") {
  for (const bool ids : {false, true})
    for (const bool weights : {false, true})
      for (const int64_t rows : {1, 2, 7, 300}) {  // 300 rows: more than a tile of rows
        INFO(rows << " rows, ids " << ids << ", weights " << weights);
        const Case c = make_case(rows, 5, 9.0, ids, weights);
        const PairInfo pairs{c.ids, c.weights};
        CHECK_THAT(info_nce(c.a, c.b, c.scale, pairs), AllClose(dense_info_nce(c), 1e-12));
        CHECK_THAT(info_nce(c.a, c.b, c.scale, pairs, {.label_smoothing = 0.2}), AllClose(dense_info_nce(c, 0.2), 1e-12));
        const Tensor bias = torch::tensor(-3.0, torch::kDouble);
        CHECK_THAT(sigmoid_loss(c.a, c.b, c.scale, bias, pairs), AllClose(dense_sigmoid(c, bias), 1e-12));
        CHECK_THAT(decoupled_contrastive(c.a, c.b, c.scale, pairs), AllClose(dense_decoupled(c), 1e-12, 1e-12));
        if (ids && rows > 2) CHECK_THAT(supervised_contrastive(c.a, c.ids, c.scale), AllClose(dense_supervised(c.a, c.ids, c.scale), 1e-12));
      }
}

TEST_CASE("float kernels agree with double, values and gradients, over tiles of rows and columns", "[losses]") {
  for (const double scale : {1.0, 14.3, 100.0})
    for (const bool clustered : {false, true}) {
      INFO("scale " << scale << ", clustered " << clustered);
      Case exact = make_case(2500, 16, scale, true, true);
      if (clustered) {  // rows close to ten centres: large similarities that are no positives
        const Tensor centres = unit(torch::randn({10, 16}, torch::kDouble)).index_select(0, torch::randint(10, {2500}, torch::kLong));
        exact.a = unit(centres + 0.05 * exact.a);
        exact.b = unit(centres + 0.05 * exact.b);
      }
      for (Tensor* x : {&exact.a, &exact.b}) *x = x->to(torch::kFloat).to(torch::kDouble);  // the same inputs for both
      const auto results = [&](torch::Dtype type) {
        const Tensor a = exact.a.to(type).detach().requires_grad_(), b = exact.b.to(type).detach().requires_grad_(), s = exact.scale.to(type).detach().requires_grad_();
        const Tensor bias = torch::tensor(-10.0, type).requires_grad_();
        std::vector<Tensor> all;
        for (const Tensor& loss : {info_nce(a, b, s, {exact.ids, exact.weights}), sigmoid_loss(a, b, s, bias, {exact.ids, exact.weights}), decoupled_contrastive(a, b, s),
                                   supervised_contrastive(at::cat({a.slice(0, 0, 1250), b.slice(0, 1250)}), exact.ids, s)}) {
          all.push_back(loss.detach().to(torch::kDouble));
          for (const Tensor& g : torch::autograd::grad({loss}, {a, b, s}, {}, true)) all.push_back(g.to(torch::kDouble));
        }
        return all;
      };
      const auto wanted = results(torch::kDouble), got = results(torch::kFloat);
      for (size_t k = 0; k < wanted.size(); ++k) {
        INFO(k);
        // Gradients of clustered rows are small differences of large terms: those are up to 1 for the scale, scale / B for a row.
        const double term = k % 4 == 0 || k % 4 == 3 ? 1.0 : clustered ? scale / 2500 : 1e-6;
        CHECK((got[k] - wanted[k]).abs().max().item<double>() <= 1e-5 * std::max(wanted[k].abs().max().item<double>(), term));
      }
    }
}

TEST_CASE("losses by several threads", "[losses]") {
  for (const auto type : {torch::kFloat, torch::kDouble}) {
    Case c = make_case(530, 8, 12.0, true, true);
    const auto results = [&](int count) {
      const ThreadScope scope(count);
      const Tensor a = c.a.to(type).detach().requires_grad_(), b = c.b.to(type).detach().requires_grad_(), s = c.scale.to(type).detach().requires_grad_();
      const Tensor bias = torch::tensor(-4.0, type);
      std::vector<Tensor> all;
      for (const Tensor& loss : {info_nce(a, b, s, {c.ids, c.weights}), info_nce(a, b, s, {c.ids, c.weights}, {.label_smoothing = 0.1}), info_nce_against(a.narrow(0, 0, 3), b, s, 500),
                                 sigmoid_loss(a, b, s, bias, {c.ids, c.weights}), decoupled_contrastive(a, b, s, {c.ids, {}}), supervised_contrastive(a, c.ids, s)}) {
        all.push_back(loss.detach());
        for (const Tensor& g : torch::autograd::grad({loss}, {a, b, s}, {}, true, false, true)) all.push_back(g.defined() ? g : torch::zeros({}));
      }
      return all;
    };
    const auto one = results(1);
    for (const int count : {2, 3, 7, 100}) {  // 100: more than there are shares of the columns
      INFO(count << " threads");
      const auto several = results(count), again = results(count);
      for (size_t k = 0; k < one.size(); ++k) {
        INFO(k);
        CHECK_THAT(several[k], AllClose(one[k], type == torch::kDouble ? 1e-10 : 2e-4, type == torch::kDouble ? 1e-13 : 2e-7));
        CHECK(several[k].equal(again[k]));
      }
    }
  }
  SECTION("a NaN in the share of one is not hidden by those of others") {
    Tensor bad = torch::randn({300, 8});
    bad[290][2] = std::nan("");
    const ThreadScope scope(3);
    CHECK(std::isnan(info_nce(torch::zeros({300, 8}), bad, torch::tensor(1.0F)).item<double>()));
    CHECK(std::isnan(sigmoid_loss(torch::zeros({300, 8}), bad, torch::tensor(1.0F), torch::tensor(0.0F)).item<double>()));
  }
  SECTION("nothing is recorded for a second derivative, whichever thread computes") {
    const ThreadScope scope(3);
    const Tensor a = torch::randn({300, 8}).requires_grad_(), loss = info_nce(a, torch::randn({300, 8}), torch::tensor(1.0F));
    CHECK_FALSE(torch::autograd::grad({loss}, {a})[0].requires_grad());
  }
}

TEST_CASE("gradients against finite differences", "[losses]") {
  const auto leaf = [](const Tensor& x) { return x.detach().clone().requires_grad_(); };
  for (const bool ids : {false, true}) {
    INFO("ids " << ids);
    const Case c = make_case(6, 4, 5.0, ids, true);
    const Tensor a = leaf(c.a), b = leaf(c.b), s = leaf(c.scale), bias = leaf(torch::tensor(-2.0, torch::kDouble));
    const PairInfo pairs{c.ids, c.weights};
    CHECK(gradient_error([&] { return info_nce(a, b, s, pairs); }, {a, b, s}) < 1e-6);
    CHECK(gradient_error([&] { return info_nce(a, b, s, pairs, {.label_smoothing = 0.3}); }, {a, b, s}) < 1e-6);
    CHECK(gradient_error([&] { return 3 * sigmoid_loss(a, b, s, bias, pairs); }, {a, b, s, bias}) < 1e-6);
    CHECK(gradient_error([&] { return decoupled_contrastive(a, b, s, pairs); }, {a, b, s}) < 1e-6);
    if (ids) CHECK(gradient_error([&] { return supervised_contrastive(a, c.ids, s); }, {a, s}) < 1e-6);
    CHECK(gradient_error([&] { return info_nce_against(a.narrow(0, 0, 3), b, s, 2); }, {a, b, s}) < 1e-6);
    CHECK(gradient_error([&] { return sigmoid_loss_against(a.narrow(0, 0, 3), b, s, bias, 2); }, {a, b, s, bias}) < 1e-6);
  }
}

TEST_CASE("parts against all rows add up to the whole", "[losses]") {
  const Case c = make_case(12, 4, 8.0, true, true);
  const Tensor bias = torch::tensor(-1.0, torch::kDouble);
  for (const bool ids : {false, true})
    for (const bool weights : {false, true}) {
      INFO("ids " << ids << ", weights " << weights);
      const auto cut = [](const Tensor& x, bool wanted, int64_t rank) { return !wanted ? Tensor() : rank < 0 ? x : x.narrow(0, 4 * rank, 4); };
      Tensor nce = torch::zeros({}, torch::kDouble), sigmoid = nce.clone();
      for (int64_t rank = 0; rank < 3; ++rank) {
        const Tensor a = cut(c.a, true, rank), b = cut(c.b, true, rank), mine = cut(c.ids, ids, rank), all = cut(c.ids, ids, -1), w = cut(c.weights, weights, rank);
        const double part = weights ? (w.sum() / c.weights.sum()).item<double>() : 1.0 / 3;
        nce = nce + 0.5 * part * (info_nce_against(a, c.b, c.scale, 4 * rank, mine, all, w) + info_nce_against(b, c.a, c.scale, 4 * rank, mine, all, w));
        sigmoid = sigmoid + 0.5 * part * (sigmoid_loss_against(a, c.b, c.scale, bias, 4 * rank, mine, all, w) + sigmoid_loss_against(b, c.a, c.scale, bias, 4 * rank, mine, all, w));
      }
      const PairInfo pairs{cut(c.ids, ids, -1), cut(c.weights, weights, -1)};
      CHECK_THAT(nce, AllClose(info_nce(c.a, c.b, c.scale, pairs), 1e-12));
      CHECK_THAT(sigmoid, AllClose(sigmoid_loss(c.a, c.b, c.scale, bias, pairs), 1e-12));
    }
}

TEST_CASE("bfloat16 features agree with double, values and gradients, over tiles of rows and columns", "[losses]") {
  for (const double scale : {1.0, 14.3, 100.0})
    for (const bool clustered : {false, true}) {
      INFO("scale " << scale << ", clustered " << clustered);
      Case c = make_case(600, 64, scale, true, true);
      if (clustered) {
        const Tensor centres = unit(torch::randn({10, 64}, torch::kDouble)).index_select(0, torch::randint(10, {600}, torch::kLong));
        c.a = unit(centres + 0.5 * c.a);
        c.b = unit(centres + 0.5 * c.b);
      }
      for (Tensor* x : {&c.a, &c.b}) *x = x->to(torch::kBFloat16).to(torch::kDouble);  // the same inputs for both
      const auto results = [&](torch::Dtype type) {
        const auto of_scalars = type == torch::kDouble ? torch::kDouble : torch::kFloat;
        const Tensor a = c.a.to(type).detach().requires_grad_(), b = c.b.to(type).detach().requires_grad_(), s = c.scale.to(of_scalars).detach().requires_grad_();
        const Tensor bias = torch::tensor(-10.0, of_scalars);
        std::vector<Tensor> all;
        for (const Tensor& loss : {info_nce(a, b, s, {c.ids, c.weights}), sigmoid_loss(a, b, s, bias, {c.ids, c.weights}), info_nce(a, b, s)}) {
          all.push_back(loss.detach().to(torch::kDouble));
          for (const Tensor& g : torch::autograd::grad({loss}, {a, b, s})) all.push_back(g.to(torch::kDouble));
        }
        return all;
      };
      const auto wanted = results(torch::kDouble), got = results(torch::kBFloat16);
      for (size_t k = 0; k < wanted.size(); ++k) {
        INFO(k << (k % 4 == 0 ? ": a loss" : ": a gradient"));
        const double term = k % 4 == 3 ? 0.1 : 0.0;  // the gradient by the scale is a small difference of terms of up to 1
        CHECK((got[k] - wanted[k]).abs().max().item<double>() <= (k % 4 == 0 ? 1e-5 : 2e-2) * std::max(wanted[k].abs().max().item<double>(), term));
      }
    }
}

TEST_CASE("bfloat16 features have their loss in float", "[losses]") {
  const Case c = make_case(64, 32, 20.0, false, false);
  const Tensor a = c.a.to(torch::kBFloat16).requires_grad_(), b = c.b.to(torch::kBFloat16), s = torch::tensor(20.0F);
  const Tensor exact = a.detach().to(torch::kFloat).requires_grad_();
  const Tensor loss = info_nce(a, b, s), wanted = info_nce(exact, b.to(torch::kFloat), s);
  CHECK(loss.scalar_type() == torch::kFloat);
  CHECK_THAT(loss, AllClose(wanted, 1e-6));
  loss.backward();
  wanted.backward();
  CHECK(a.grad().scalar_type() == torch::kBFloat16);
  CHECK_THAT(a.grad().to(torch::kFloat), AllClose(exact.grad(), 1e-2, 1e-5));
}

TEST_CASE("contrastive losses say what does not fit", "[losses]") {
  const Tensor a = torch::randn({4, 3}), s = torch::tensor(1.0F);
  CHECK_THROWS_WITH(info_nce(a, torch::randn({4, 2}), s), ContainsSubstring("[info_nce]") && ContainsSubstring("[4, 2]"));
  CHECK_THROWS_WITH(info_nce(a, torch::randn({5, 3}), s), ContainsSubstring("as many rows on both sides"));
  CHECK_THROWS_AS(info_nce(a, a.to(torch::kDouble), s), ShapeError);
  CHECK_THROWS_AS(info_nce(a, a, torch::ones({2})), ShapeError);
  CHECK_THROWS_AS(info_nce(a, a, s, {.ids = torch::zeros({3}, torch::kLong)}), ShapeError);
  CHECK_THROWS_AS(info_nce(a, a, s, {.weights = torch::tensor({1.F, -1.F, 1.F, 1.F})}), DataError);
  CHECK_THROWS_AS(info_nce(a, a, s, {.weights = torch::zeros({4})}), DataError);
  CHECK_THROWS_AS(info_nce(a, a, s, {}, {.label_smoothing = 1}), ConfigError);
  CHECK_THROWS_AS(info_nce(torch::zeros({0, 3}), torch::zeros({0, 3}), s), ShapeError);
  CHECK_THROWS_WITH(info_nce_against(a, a, s, 1), ContainsSubstring("partners 1..4"));
  CHECK_THROWS_AS(sigmoid_loss(a, a, s, {}), ShapeError);
  CHECK_THROWS_AS(supervised_contrastive(a, {}, s), ShapeError);
}

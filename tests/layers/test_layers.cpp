// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core.hpp>
#include <alloy/layers.hpp>

using namespace alloy;

namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN();

/// [3, 4] mask: 4, 2 and 0 real tokens.
Tensor ragged_mask() { return torch::tensor({{true, true, true, true}, {true, true, false, false}, {false, false, false, false}}); }

}  // namespace

TEST_CASE("Linear", "[layers]") {
  Linear linear({.in_dim = 3, .out_dim = 2});
  const Tensor x = torch::randn({4, 5, 3});
  CHECK_THAT(linear(x), AllClose(torch::matmul(x, linear->weight.t()) + linear->bias));
  CHECK(linear->weight.abs().max().item<double>() <= 1.0 / std::sqrt(3.0));
  CHECK_THROWS_WITH(linear(torch::zeros({4, 2})), "[Linear] expected [..., 3], got float32 [4, 2]");
  CHECK_THROWS_AS(Linear({.in_dim = 0, .out_dim = 2}), ConfigError);
  CHECK_FALSE(Linear({.in_dim = 3, .out_dim = 2, .bias = false})->bias.defined());
}

TEST_CASE("pooling ignores padding", "[layers]") {
  const Tensor x = torch::tensor({{{1.f, -2.f}, {9.f, 9.f}}, {{3.f, -4.f}, {5.f, -8.f}}});  // [2, 2, 2]
  const Tensor mask = torch::tensor({{true, false}, {true, true}});
  const Tensor dirty = x.masked_fill(mask.logical_not().unsqueeze(2), kNan);
  CHECK_THAT(masked_mean(dirty, mask), AllClose(torch::tensor({{1.f, -2.f}, {4.f, -6.f}})));
  CHECK_THAT(masked_max(dirty, mask), AllClose(torch::tensor({{1.f, -2.f}, {5.f, -4.f}})));
  CHECK_THAT(masked_mean(x), AllClose(x.mean(1)));
  CHECK_THAT(TokenPool({.pooling = Pooling::cls, .dim = 2})(dirty, mask), AllClose(x.select(1, 0)));
  const Tensor nothing = torch::zeros({2, 2}, torch::kBool);
  CHECK_THAT(masked_mean(x, nothing), AllClose(torch::zeros({2, 2})));
  CHECK_THAT(masked_max(x, nothing), AllClose(torch::zeros({2, 2})));
  CHECK_THROWS_WITH(masked_mean(x, torch::ones({2, 2})), ContainsSubstring("got float32 [2, 2]"));
  AttentionPool pool({.dim = 2, .heads = 1});
  CHECK_THAT(pool(dirty, mask), AllClose(pool(x, mask)));
  CHECK_THAT(pool(x.slice(0, 0, 1), mask.slice(0, 0, 1)), AllClose(pool(x.slice(0, 0, 1).slice(1, 0, 1))));
}

TEST_CASE("attention", "[layers]") {
  seed_everything(1);
  Attention attention({.dim = 8, .heads = 2, .context_dim = 6});
  const Tensor queries = torch::randn({3, 5, 8}), context = torch::randn({3, 4, 6}), mask = ragged_mask();
  const auto project = [&](const std::string& name, const Tensor& x) {
    const auto p = attention->named_parameters();
    return (torch::matmul(x, p[name + ".weight"].t()) + p[name + ".bias"]);
  };
  SECTION("equals softmax(q k / sqrt d) v by head") {
    const auto split = [](const Tensor& x) { return x.view({x.size(0), x.size(1), 2, 4}).transpose(1, 2); };
    const Tensor q = split(project("query", queries)), k = split(project("key", context)), v = split(project("value", context));
    Tensor scores = torch::matmul(q, k.transpose(2, 3)) / 2.0;
    const Tensor plain = project("output", torch::matmul(scores.softmax(-1), v).transpose(1, 2).reshape({3, 5, 8}));
    CHECK_THAT(attention(queries, context), AllClose(plain, 1e-5));
    scores = scores.masked_fill(mask.logical_not().view({3, 1, 1, 4}), -1e9);
    const Tensor masked = project("output", torch::matmul(scores.softmax(-1), v).transpose(1, 2).reshape({3, 5, 8}));
    const Tensor ours = attention(queries, context, mask);
    CHECK_THAT(ours.slice(0, 0, 2), AllClose(masked.slice(0, 0, 2), 1e-5));
    CHECK(ours[2].abs().max().item<double>() == 0.0);  // nothing to attend to
  }
  SECTION("padding, NaN included, changes neither output nor gradient") {
    const Tensor dirty = context.masked_fill(mask.logical_not().unsqueeze(2), kNan);
    CHECK_THAT(attention(queries, dirty, mask), SameBits(attention(queries, context, mask)));
    attention(queries, dirty, mask).sum().backward();
    for (const Tensor& p : attention->parameters()) CHECK(p.grad().isfinite().all().item<bool>());
  }
  SECTION("gradient in double") {
    attention->to(torch::kDouble);
    const Tensor q = queries.to(torch::kDouble).requires_grad_(true), c = context.to(torch::kDouble).requires_grad_(true);
    CHECK(gradient_error([&] { return attention(q, c, mask).pow(2).sum(); }, {q, c}) < 1e-6);
  }
  SECTION("bad widths are named") {
    CHECK_THROWS_WITH(attention(queries, torch::zeros({3, 4, 5})), ContainsSubstring("context of shape [3, ?, 6], got float32 [3, 4, 5]"));
    CHECK_THROWS_WITH(Attention({.dim = 6, .heads = 4}), ContainsSubstring("dim 6 and heads 4"));
  }
}

TEST_CASE("transformer", "[layers]") {
  seed_everything(2);
  Transformer transformer({.dim = 8, .heads = 2, .layers = 2});
  transformer->eval();
  const Tensor x = torch::randn({3, 4, 8}), mask = ragged_mask();
  SECTION("a sequence gives the same alone and padded") {
    const Tensor y = transformer(x.masked_fill(mask.logical_not().unsqueeze(2), 7.0), mask);
    CHECK_THAT(y.slice(0, 1, 2).slice(1, 0, 2), AllClose(transformer(x.slice(0, 1, 2).slice(1, 0, 2)), 1e-5));
  }
  SECTION("no layers: only the last norm") {
    CHECK_THAT(Transformer({.dim = 8, .layers = 0})(x), AllClose(torch::layer_norm(x, {8}), 1e-5));
  }
  SECTION("order matters only through positions") {
    CHECK_THAT(transformer(x.flip(1)).flip(1), AllClose(transformer(x), 1e-5));
  }
  SECTION("cross-attention reads the context only") {
    TransformerBlock block({.dim = 8, .heads = 2});
    const Tensor context = torch::randn({3, 2, 8});
    const Tensor y = block->attend(x, context, {});
    CHECK(y.sizes() == x.sizes());
    CHECK_THAT(block->attend(x.slice(1, 0, 1), context, {}), AllClose(y.slice(1, 0, 1), 1e-5));
  }
}

TEST_CASE("positions", "[layers]") {
  const Tensor codes = sinusoidal_positions(50, 6);
  CHECK_THAT(codes[0], AllClose(torch::tensor({0.f, 0.f, 0.f, 1.f, 1.f, 1.f})));
  CHECK_THAT(codes[7][0].item<double>(), WithinAbs(std::sin(7.0), 1e-6));
  CHECK_THAT(codes[7][2].item<double>(), WithinAbs(std::sin(7.0 / std::pow(10000.0, 2.0 / 3)), 1e-6));
  CHECK_THROWS_AS(sinusoidal_positions(3, 5), ShapeError);
  LearnedPositions learned({.max_length = 4, .dim = 2});
  CHECK_THAT(learned(torch::zeros({1, 3, 2}))[0], AllClose(learned->parameters()[0].slice(0, 0, 3)));
  CHECK_THROWS_WITH(learned(torch::zeros({1, 5, 2})), ContainsSubstring("at most 4 tokens, got 5"));
  ModalityEmbedding modality({.modalities = 2, .dim = 3});
  CHECK_THAT(modality(torch::zeros({1, 2, 3}), 1)[0][1], AllClose(modality->parameters()[0][1]));
}

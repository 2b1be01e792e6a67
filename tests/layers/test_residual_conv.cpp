// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include "support/gradients.hpp"

#include <alloy/core/random.hpp>
#include <alloy/core/threads.hpp>
#include <alloy/layers/residual_conv.hpp>

using namespace alloy;

namespace {

/// relu(norm(x)) of groups of channels, from the definition.
Tensor group_norm_relu(const Tensor& x, int64_t groups) {
  const Tensor parts = x.reshape({x.size(0), groups, -1});
  const Tensor centred = parts - parts.mean(2, true);
  return (centred / (centred.square().mean(2, true) + 1e-5).sqrt()).view(x.sizes()).relu();
}
/// The kernels of mean 0 and variance 1 / fan in, times the gain.
Tensor standardised(const Tensor& weight, const Tensor& gain) {
  const Tensor w = weight - weight.mean({1, 2, 3}, true);
  return w / (w.square().sum({1, 2, 3}, true) + 1e-6 * static_cast<double>(weight[0].numel())).sqrt() * gain.view({-1, 1, 1, 1});
}
Tensor conv(const Tensor& x, const Tensor& weight, int64_t stride) { return at::conv2d(x, weight, {}, stride, weight.size(2) / 2); }

}  // namespace

TEST_CASE("ResidualBlock equals its formula", "[layers]") {
  torch::NoGradGuard no_grad;
  seed_everything(1);
  const Tensor x = torch::randn({2, 4, 5, 7});
  SECTION("identity shortcut") {
    ResidualBlock block({.in_channels = 4, .out_channels = 4, .groups = 2});
    auto p = block->named_parameters();
    CHECK_FALSE(p.contains("shortcut.weight"));
    CHECK_THAT(p["conv1.gain"], AllClose(torch::full({4}, std::sqrt(2.0))));
    p["conv1.gain"].copy_(torch::rand({4})), p["conv2.gain"].copy_(torch::rand({4}));
    const Tensor w1 = standardised(p["conv1.weight"], p["conv1.gain"]), w2 = standardised(p["conv2.weight"], p["conv2.gain"]);
    CHECK_THAT(block(x), AllClose(x + conv(group_norm_relu(conv(group_norm_relu(x, 2), w1, 1), 2), w2, 1), 1e-5));
  }
  SECTION("projection") {
    ResidualBlock block({.in_channels = 4, .out_channels = 6, .stride = 2, .groups = 2});
    auto p = block->named_parameters();
    const auto weight = [&](const std::string& name) { return standardised(p[name + ".weight"], p[name + ".gain"]); };
    const Tensor active = group_norm_relu(x, 2);
    const Tensor expected = conv(active, weight("shortcut"), 2) + conv(group_norm_relu(conv(active, weight("conv1"), 2), 2), weight("conv2"), 1);
    CHECK(expected.sizes() == at::IntArrayRef({2, 6, 3, 4}));
    CHECK_THAT(block(x), AllClose(expected, 1e-5));
  }
  SECTION("batch norm has plain weights, which start with the gain of a ReLU") {
    ResidualBlock wide({.in_channels = 64, .out_channels = 128, .norm = ConvNorm::batch});
    CHECK_FALSE(wide->named_parameters().contains("conv1.gain"));
    CHECK_THAT(wide->named_parameters()["conv1.weight"].std().item<double>(), WithinRel(std::sqrt(2.0 / (9 * 128)), 0.02));
    wide->eval();  // the norms are identities up to their 1e-5
    const auto p = wide->named_parameters();
    const Tensor y = torch::randn({1, 64, 3, 3});
    CHECK_THAT(wide(y), AllClose(conv(y.relu(), p["shortcut.weight"], 1) + conv(conv(y.relu(), p["conv1.weight"], 1).relu(), p["conv2.weight"], 1), 1e-3, 1e-4));
  }
}

TEST_CASE("ResidualConv", "[layers]") {
  seed_everything(2);
  SECTION("halves sides, rounding up, at every stage but the first") {
    const ResidualConvOptions options{.in_channels = 1, .widths = {4, 8, 8}, .stem_stride = 2, .groups = 4};
    ResidualConv network(options);
    const Tensor map = network(torch::randn({2, 1, 9, 33}));
    CHECK(map.sizes() == at::IntArrayRef({2, 8, 2, 5}));
    CHECK(residual_conv_size(options, 9) == 2);
    CHECK(residual_conv_size(options, 33) == 5);
    CHECK((map >= 0).all().item<bool>());
    CHECK(network(torch::randn({1, 1, 1, 1})).sizes() == at::IntArrayRef({1, 8, 1, 1}));
    CHECK(ResidualConv({.widths = {4}, .blocks = 3, .groups = 1})->named_parameters().contains("blocks_2.conv2.weight"));
  }
  SECTION("group norm sees one sample, batch norm the batch") {
    const Tensor x = torch::randn({3, 3, 8, 8});
    ResidualConv group({.widths = {8, 16}}), batch({.widths = {8, 16}, .norm = ConvNorm::batch});
    CHECK_THAT(group(x).slice(0, 0, 1), AllClose(group(x.slice(0, 0, 1)), 1e-5));
    CHECK_FALSE(at::allclose(batch(x).slice(0, 0, 1), batch(x.slice(0, 0, 1)), 1e-3, 1e-3));
    CHECK(batch->named_buffers().contains("norm.running_mean"));
    batch->eval();
    CHECK_THAT(batch(x).slice(0, 0, 1), AllClose(batch(x.slice(0, 0, 1)), 1e-5));
  }
  SECTION("a light picture is not a dark one") {
    ResidualConv network({.in_channels = 1, .widths = {8}});
    const Tensor dark = torch::full({1, 1, 8, 8}, -0.5), light = torch::full({1, 1, 8, 8}, 0.5);
    CHECK((network(dark) - network(light)).abs().mean().item<double>() > 0.1);
  }
  SECTION("the layout of the input does not matter") {
    ResidualConv network({.widths = {8, 16}});
    const Tensor x = torch::randn({2, 3, 8, 8});
    CHECK_THAT(network(x.contiguous(at::MemoryFormat::ChannelsLast)), SameBits(network(x)));
  }
  SECTION("gradients equal finite differences") {
    const ThreadScope one(1);  // thousands of tiny steps
    ResidualConv network({.in_channels = 1, .widths = {2, 4}, .groups = 2});
    network->to(torch::kDouble);
    Tensor x = torch::randn({2, 1, 3, 4}, torch::kDouble).requires_grad_();
    std::vector<Tensor> inputs = {x};
    for (const Tensor& p : network->parameters()) inputs.push_back(p);
    const Tensor weight = torch::randn({2, 4, 2, 2}, torch::kDouble);
    CHECK(gradient_error([&] { return (network(x) * weight).sum(); }, inputs, 1e-6) < 1e-6);
  }
  SECTION("names what is wrong") {
    CHECK_THROWS_WITH(ResidualConv({.widths = {12}}), ContainsSubstring("12 channels and 8 groups"));
    CHECK_NOTHROW(ResidualConv({.widths = {12}, .norm = ConvNorm::batch}));
    CHECK_THROWS_WITH(ResidualConv({.stem_stride = 3}), ContainsSubstring("stride of 1 or 2, got 3"));
    CHECK_THROWS_AS(ResidualConv({.widths = {}}), ConfigError);
    CHECK_THROWS_WITH(ResidualConv({.widths = {8}})->forward(torch::zeros({1, 1, 4, 4})), ContainsSubstring("shape [?, 3, ?, ?], got float32 [1, 1, 4, 4]"));
  }
}

// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core.hpp>
#include <alloy/fusion.hpp>

using namespace alloy;

namespace {

ModalityMap<Features> two(const Tensor& a, const Tensor& b) {
  return {{"a", {.pooled = a}}, {"b", {.pooled = b}}};
}

/// Parameter of a module by name, to set it by hand.
Tensor parameter(const torch::nn::Module& module, const std::string& name) { return module.named_parameters()[name]; }

}  // namespace

TEST_CASE("ConcatFusion", "[fusion]") {
  const torch::NoGradGuard no_grad;
  ConcatFusion fusion({.modalities = {"b", "a"}, .dim = 2, .input_dims = {1, 2}});
  parameter(*fusion, "joint.weight").copy_(torch::tensor({{1.f, 2.f, 3.f}, {-1.f, 0.f, 0.f}}));
  parameter(*fusion, "joint.bias").zero_();
  SECTION("concatenates in the order of the options and clips at zero") {
    const auto out = fusion->forward(two(torch::tensor({{10.f, 100.f}}), torch::tensor({{1.f}})));
    CHECK_THAT(out.fused, AllClose(torch::tensor({{321.f, 0.f}})));
    CHECK_FALSE(out.weights.defined());
  }
  SECTION("an absent part is its learned vector") {
    parameter(*fusion, "missing.vectors_0").copy_(torch::tensor({-5.f}));
    CHECK_THAT(fusion->forward({{"a", {.pooled = torch::zeros({1, 2})}}}).fused, AllClose(torch::tensor({{0.f, 5.f}})));
  }
}

TEST_CASE("SumFusion renormalises its weights over what is present", "[fusion]") {
  const torch::NoGradGuard no_grad;
  SumFusion fusion({.modalities = {"a", "b"}, .dim = 1});
  for (const char* name : {"projections_0", "projections_1"}) {
    parameter(*fusion, std::string(name) + ".weight").fill_(1.f);
    parameter(*fusion, std::string(name) + ".bias").zero_();
  }
  parameter(*fusion, "scores").copy_(torch::tensor({std::log(3.f), 0.f}));
  auto features = two(torch::tensor({{4.f}, {4.f}}), torch::tensor({{8.f}, {8.f}}));
  features.at("a").present = torch::tensor({true, false});
  const auto out = fusion->forward(features);
  CHECK_THAT(out.weights, AllClose(torch::tensor({{0.75f, 0.25f}, {0.f, 1.f}})));
  CHECK_THAT(out.fused, AllClose(torch::tensor({{5.f}, {8.f}})));
}

TEST_CASE("GatedFusion computes eq. 3 of Arevalo et al.", "[fusion]") {
  const torch::NoGradGuard no_grad;
  seed_everything(1);
  GatedFusion fusion({.modalities = {"a", "b"}, .dim = 3, .input_dims = {2, 4}});
  const Tensor a = torch::randn({5, 2}), b = torch::randn({5, 4}), all = torch::cat({a, b}, 1);
  const auto map = [&](const std::string& name, const Tensor& x) {
    return torch::matmul(x, parameter(*fusion, name + ".weight").t()) + parameter(*fusion, name + ".bias");
  };
  const Tensor expected = torch::sigmoid(map("gates_0", all)) * torch::tanh(map("values_0", a)) +
                          torch::sigmoid(map("gates_1", all)) * torch::tanh(map("values_1", b));
  CHECK_THAT(fusion->forward(two(a, b)).fused, AllClose(expected));
}

TEST_CASE("AttentionFusion weighs values by a softmax of scores", "[fusion]") {
  const torch::NoGradGuard no_grad;
  seed_everything(2);
  AttentionFusion fusion({.modalities = {"a", "b"}, .dim = 3});
  const Tensor a = torch::randn({4, 3}), b = torch::randn({4, 3});
  const auto value = [&](const std::string& name, const Tensor& x) {
    return torch::relu(torch::matmul(x, parameter(*fusion, name + ".weight").t()) + parameter(*fusion, name + ".bias"));
  };
  const Tensor va = value("values_0", a), vb = value("values_1", b);
  const auto score = [&](const Tensor& v) {
    const Tensor key = torch::tanh(torch::matmul(v, parameter(*fusion, "key.weight").t()) + parameter(*fusion, "key.bias"));
    return torch::exp(torch::matmul(key, parameter(*fusion, "query.weight").t()));
  };
  const Tensor share = score(va) / (score(va) + score(vb));
  const auto out = fusion->forward(two(a, b));
  CHECK_THAT(out.fused, AllClose(share * va + (1 - share) * vb));
  CHECK_THAT(out.weights.slice(1, 0, 1), AllClose(share));
}

TEST_CASE("TensorFusion", "[fusion]") {
  SECTION("is a linear map of the outer product with ones appended") {
    const torch::NoGradGuard no_grad;
    TensorFusion fusion({.modalities = {"a", "b"}, .dim = 1, .input_dims = {1, 2}});
    parameter(*fusion, "joint.weight").copy_(torch::tensor({{1.f, 10.f, 100.f, 1000.f, 10000.f, 100000.f}}));
    parameter(*fusion, "joint.bias").fill_(0.5f);
    // a = 2, b = (3, 5): products a b0, a b1, a, b0, b1, 1
    const auto out = fusion->forward(two(torch::tensor({{2.f}}), torch::tensor({{3.f, 5.f}})));
    CHECK_THAT(out.fused, AllClose(torch::tensor({{6.f + 100.f + 200.f + 3000.f + 50000.f + 100000.f + 0.5f}})));
  }
  SECTION("has one weight a product: 276,705 x 128 for (128, 64, 32) to 128") {
    TensorFusion fusion({.modalities = {"a", "b", "c"}, .dim = 128, .input_dims = {128, 64, 32}, .missing = Missing::zeros});
    CHECK(parameter(*fusion, "joint.weight").sizes() == at::IntArrayRef({128, 276705}));
  }
  SECTION("refuses what would not fit") {
    CHECK_THROWS_WITH(TensorFusion({.modalities = {"a", "b", "c"}, .dim = 512}), ContainsSubstring("set inner_dim or use LowRankFusion"));
    const int64_t huge = int64_t{1} << 40;
    CHECK_THROWS_AS(TensorFusion({.modalities = {"a", "b"}, .dim = 2, .input_dims = {huge, huge}}), ConfigError);
  }
}

TEST_CASE("LowRankFusion equals TensorFusion at full rank", "[fusion]") {
  const torch::NoGradGuard no_grad;
  seed_everything(5);
  const std::vector<std::string> names = {"a", "b", "c"};
  const std::vector<int64_t> dims = {3, 2, 4};
  TensorFusion tensor({.modalities = names, .dim = 2, .input_dims = dims});
  const int64_t rank = 4 * 3 * 5;  // one factor for each product picks it out with unit vectors
  LowRankFusion low_rank({.modalities = names, .dim = 2, .input_dims = dims, .rank = rank});
  for (int64_t m = 0; m < 3; ++m) parameter(*low_rank, "factors_" + std::to_string(m)).zero_();
  auto weight = parameter(*tensor, "joint.weight");
  for (int64_t r = 0; r < rank; ++r) {
    const int64_t place[] = {r / 15, r / 5 % 3, r % 5};
    for (int64_t o = 0; o < 2; ++o)
      for (int64_t m = 0; m < 3; ++m)
        parameter(*low_rank, "factors_" + std::to_string(m))[place[m]][r * 2 + o] = m == 0 ? weight[o][r].item<float>() : 1.f;
  }
  parameter(*low_rank, "bias").copy_(parameter(*tensor, "joint.bias"));
  for (int m = 0; m < 3; ++m)
    parameter(*low_rank, "missing.vectors_" + std::to_string(m)).copy_(parameter(*tensor, "missing.vectors_" + std::to_string(m)));
  ModalityMap<Features> features{{"a", {.pooled = torch::randn({6, 3})}}, {"b", {.pooled = torch::randn({6, 2})}}, {"c", {.pooled = torch::randn({6, 4})}}};
  features.at("b").present = torch::tensor({true, false, true, true, false, true});
  CHECK_THAT(low_rank->forward(features).fused, AllClose(tensor->forward(features).fused, 1e-5));
}

TEST_CASE("InputConcat", "[fusion]") {
  InputConcat fusion({.modalities = {"imu", "audio"}, .channels = {2, 1}});
  CHECK(fusion->out_channels() == 5);
  Batch batch{{"audio", {.values = torch::full({2, 3, 1}, 7.f), .present = torch::tensor({true, false})}},
              {"imu", {.values = torch::full({2, 3, 2}, 1.f), .mask = torch::tensor({{true, true, false}, {true, true, true}})}}};
  SECTION("puts channels in the order of the options, with a flag a modality") {
    const auto joint = fusion->forward(batch);
    CHECK_THAT(joint.values[0], AllClose(torch::tensor({{1.f, 1.f, 7.f, 1.f, 1.f}, {1.f, 1.f, 7.f, 1.f, 1.f}, {0.f, 0.f, 7.f, 0.f, 1.f}})));
    CHECK_THAT(joint.values[1][0], AllClose(torch::tensor({1.f, 1.f, 0.f, 1.f, 0.f})));
    CHECK(joint.mask.all().item<bool>());
  }
  SECTION("a modality may be left out") {
    batch.erase("audio");
    CHECK(fusion->forward(batch).values.sizes() == at::IntArrayRef({2, 3, 5}));
  }
  SECTION("streams on different clocks are refused") {
    batch.at("audio").values = torch::zeros({2, 4, 1});
    CHECK_THROWS_WITH(fusion->forward(batch), ContainsSubstring("resample to one clock"));
  }
}

TEST_CASE("ModalityDropout", "[fusion]") {
  const int64_t n = 4000;
  const Batch batch{{"a", {.values = torch::zeros({n, 1})}}, {"b", {.values = torch::zeros({n, 1}), .present = torch::arange(n).remainder(2).eq(0)}}};
  SECTION("drops at the given rates and never the last modality") {
    Random random(7);
    const Batch dropped = ModalityDropout({.rate = 0.25, .modalities = {"b"}, .rates = {0.5}})(batch, random);
    const Tensor a = dropped.at("a").present, b = dropped.at("b").present;
    CHECK(a.logical_or(b).all().item<bool>());
    CHECK_FALSE(b.logical_and(batch.at("b").present.logical_not()).any().item<bool>());  // never adds one
    // where both were there: a goes at 0.25, kept in half of the cases in which both would go (0.125)
    const Tensor both = batch.at("b").present;
    CHECK_THAT(a.masked_select(both).logical_not().to(torch::kDouble).mean().item<double>(), WithinAbs(0.25 - 0.0625, 0.03));
    CHECK_THAT(b.masked_select(both).logical_not().to(torch::kDouble).mean().item<double>(), WithinAbs(0.5 - 0.0625, 0.03));
    CHECK(a.masked_select(both.logical_not()).all().item<bool>());
    CHECK_FALSE(batch.at("a").present.defined());  // the batch given is not changed
  }
  SECTION("is repeatable by seed") {
    Random first(3), second(3);
    const ModalityDropout dropout({.rate = 0.5});
    CHECK_THAT(dropout(batch, first).at("a").present, SameBits(dropout(batch, second).at("a").present));
  }
  SECTION("refuses rates outside 0..1") { CHECK_THROWS_AS(ModalityDropout({.rate = 1.5}), ConfigError); }
}

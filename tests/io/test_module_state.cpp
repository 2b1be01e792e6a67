// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>

#include <alloy/core/log.hpp>
#include <alloy/io/module_state.hpp>

using namespace alloy;
namespace nn = torch::nn;

namespace {

nn::Sequential make_model(int64_t width = 4) {
  return nn::Sequential(nn::Linear(3, width), nn::BatchNorm1d(width), nn::Linear(nn::LinearOptions(width, 2).bias(false)));
}
std::vector<Tensor> snapshot(const nn::Module& module) {
  std::vector<Tensor> copies;
  for (const auto& [name, tensor] : module_state(module)) copies.push_back(tensor.detach().clone());
  return copies;
}
void check_state(const nn::Module& module, const std::vector<Tensor>& expected) {
  const NamedTensors state = module_state(module);
  REQUIRE(state.size() == expected.size());
  for (size_t i = 0; i < expected.size(); ++i) CHECK_THAT(state[i].second, SameBits(expected[i]));
}

}  // namespace

TEST_CASE("a module's state to a file and back", "[io]") {
  torch::manual_seed(1);
  const TempDir dir;
  const auto path = dir / "model.safetensors";
  auto model = make_model();
  model->forward(torch::randn({5, 3}));  // moves the batch statistics
  save_module(path, *model, {{"format", "pt"}});
  auto other = make_model();
  const auto before = snapshot(*other);

  SECTION("parameters and buffers come back bit-equal, in place") {
    const void* memory = other->parameters()[0].data_ptr();
    load_module(path, *other);
    check_state(*other, snapshot(*model));
    CHECK(other->parameters()[0].data_ptr() == memory);
    CHECK(other->parameters()[0].requires_grad());
    const SafetensorsHeader header = read_safetensors_header(path);
    CHECK(header.tensors.size() == 8);
    CHECK(header.metadata == SafetensorsMetadata{{"format", "pt"}});
  }
  SECTION("another architecture: one error lists everything with both shapes, nothing changes") {
    auto wide = nn::Sequential(nn::Linear(3, 5), nn::BatchNorm1d(4), nn::Linear(4, 2), nn::Linear(2, 2));
    const auto untouched = snapshot(*wide);
    std::string message;
    try {
      load_module(path, *wide);
    } catch (const DataError& error) {
      message = error.what();
    }
    CHECK_THAT(message, ContainsSubstring("5 differences"));
    for (const char* line : {"0.weight: expected float32 [5, 3], got float32 [4, 3]", "0.bias: expected float32 [5], got float32 [4]",
                             "2.bias: expected float32 [2], got nothing", "3.weight: expected float32 [2, 2], got nothing", "3.bias: expected"})
      CHECK_THAT(message, ContainsSubstring(line));
    CHECK(message.find("1.weight") == std::string::npos);
    check_state(*wide, untouched);
  }
  SECTION("missing: rejected, or kept") {
    auto more = make_model();
    more->push_back(nn::Linear(2, 2));
    CHECK_THROWS_WITH(load_module(path, *more), ContainsSubstring("3.weight: expected float32 [2, 2], got nothing"));
    CHECK_THROWS_AS(load_module(path, *more, {.unexpected = OnUnexpected::ignore, .dtype = OnDtype::convert}), DataError);
    const Tensor kept = more->parameters().back().detach().clone();
    load_module(path, *more, {.missing = OnMissing::keep});
    CHECK_THAT(more->parameters().back(), SameBits(kept));
    CHECK_THAT(more->parameters().front(), SameBits(model->parameters().front()));
  }
  SECTION("unexpected: rejected, or ignored") {
    auto less = nn::Sequential(nn::Linear(3, 4));
    CHECK_THROWS_WITH(load_module(path, *less), ContainsSubstring("2.weight: expected nothing, got float32 [2, 4]"));
    CHECK_THROWS_AS(load_module(path, *less, {.missing = OnMissing::keep, .dtype = OnDtype::convert}), DataError);
    load_module(path, *less, {.unexpected = OnUnexpected::ignore});
    CHECK_THAT(less->parameters().front(), SameBits(model->parameters().front()));
  }
  SECTION("dtype: rejected, or converted where the kind of number stays") {
    other->to(at::kDouble);
    const auto doubles = snapshot(*other);
    CHECK_THROWS_WITH(load_module(path, *other), ContainsSubstring("0.weight: expected float64 [4, 3], got float32 [4, 3]"));
    CHECK_THROWS_AS(load_module(path, *other, {.missing = OnMissing::keep, .unexpected = OnUnexpected::ignore}), DataError);
    check_state(*other, doubles);
    load_module(path, *other, {.dtype = OnDtype::convert});
    CHECK_THAT(other->parameters().front(), SameBits(model->parameters().front().to(at::kDouble)));
    other->register_buffer("extra", torch::ones(2, at::kLong));
    save_safetensors(path, {{"extra", torch::ones(2)}});
    CHECK_THROWS_WITH(load_module(path, *other, {.missing = OnMissing::keep, .dtype = OnDtype::convert}), ContainsSubstring("extra: expected int64 [2], got float32 [2]"));
  }
  SECTION("another shape is never relaxed") {
    auto wide = make_model(/*width=*/5);
    const LoadOptions all = {.missing = OnMissing::keep, .unexpected = OnUnexpected::ignore, .dtype = OnDtype::convert};
    CHECK_THROWS_WITH(load_module(path, *wide, all), ContainsSubstring("0.weight: expected float32 [5, 3], got float32 [4, 3]"));
  }
  SECTION("NaN found while reading leaves the module untouched") {
    torch::NoGradGuard no_grad;
    model->parameters().back().fill_(std::numeric_limits<float>::quiet_NaN());
    save_module(path, *model);
    CHECK_THROWS_WITH(load_module(path, *other, {.non_finite = NonFinite::reject}), ContainsSubstring("2.weight"));
    check_state(*other, before);
  }
  SECTION("from tensors in memory") {
    NamedTensors state = module_state(*model);
    load_state(*other, state);
    check_state(*other, snapshot(*model));
    state.push_back(state.front());
    CHECK_THROWS_WITH(load_state(*other, state, {}, "here"), ContainsSubstring("[here]") && ContainsSubstring("twice"));
  }
}

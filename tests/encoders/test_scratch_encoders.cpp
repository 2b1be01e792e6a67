// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include "support/gradients.hpp"

#include <alloy/core/random.hpp>
#include <alloy/core/threads.hpp>
#include <alloy/encoders/conv_audio.hpp>
#include <alloy/encoders/hashed_text.hpp>
#include <alloy/encoders/residual_image.hpp>
#include <alloy/models/joint_embedding.hpp>
#include <alloy/train/gradient_cache.hpp>

using namespace alloy;

namespace {

int64_t count_parameters(const torch::nn::Module& module) {
  int64_t count = 0;
  for (const Tensor& p : module.parameters()) count += p.numel();
  return count;
}
std::vector<Tensor> doubles(torch::nn::Module& module) {
  module.to(torch::kDouble);
  return module.parameters();
}
Tensor layer_norm(const Tensor& x) { return at::layer_norm(x, {x.size(-1)}); }

}  // namespace

TEST_CASE("HashedTextEncoder", "[encoders]") {
  seed_everything(1);
  HashedTextEncoder text({.buckets = 16, .dim = 5, .embedding_dim = 4, .hidden_dim = 6});
  SECTION("equals its formula") {
    torch::NoGradGuard no_grad;
    auto p = text->named_parameters();
    CHECK(p["embedding"].sizes() == at::IntArrayRef({18, 4}));
    const Tensor mean = (p["embedding"][3] * 2 + p["embedding"][17]) / 3;
    const Tensor x = layer_norm(mean);
    const Tensor y = x + at::linear(at::gelu(at::linear(x, p["mlp.up.weight"], p["mlp.up.bias"])), p["mlp.down.weight"], p["mlp.down.bias"]);
    const Tensor expected = at::linear(layer_norm(y), p["output.weight"], p["output.bias"]);
    CHECK_THAT(text->forward({.values = torch::tensor({{3, 17, 3}})}).pooled[0], AllClose(expected));
    CHECK_THAT(text->forward({.values = torch::tensor({{3, 0, 17, 3, 0}})}).pooled[0], AllClose(expected));  // 0 is padding
    const Tensor masked = torch::tensor({{3, 9, 17, 3, 5}}), mask = torch::tensor({{true, false, true, true, false}});
    CHECK_THAT(text->forward({.values = masked, .mask = mask}).pooled[0], AllClose(expected));
  }
  SECTION("texts of padding alone give something finite and no gradient to the table") {
    const Tensor pooled = text->forward({.values = torch::zeros({2, 3}, torch::kLong)}).pooled;
    CHECK(pooled.isfinite().all().item<bool>());
    pooled.sum().backward();
    const Tensor grad = text->named_parameters()["embedding"].grad();
    CHECK((!grad.defined() || (grad == 0).all().item<bool>()));
  }
  SECTION("gradients equal finite differences") {
    const ThreadScope one(1);  // thousands of tiny steps
    const auto inputs = doubles(*text);
    const Tensor ids = torch::tensor({{3, 17, 3, 0}, {1, 2, 16, 4}}), weight = torch::randn({2, 5}, torch::kDouble);
    {
      torch::NoGradGuard no_grad;
      text->named_parameters()["embedding"].mul_(50);  // the norm of a mean near zero is nearly singular
    }
    CHECK(gradient_error([&] { return (text->forward({.values = ids}).pooled * weight).sum(); }, inputs) < 1e-6);
  }
  SECTION("leaves ids out in training only") {
    HashedTextEncoder dropping({.buckets = 16, .dim = 5, .embedding_dim = 4, .id_dropout_rate = 0.5});
    const Tensor ids = torch::arange(1, 17).unsqueeze(0);
    CHECK_FALSE(at::equal(dropping->forward({.values = ids}).pooled, dropping->forward({.values = ids}).pooled));
    dropping->eval();
    CHECK_THAT(dropping->forward({.values = ids}).pooled, SameBits(dropping->forward({.values = ids}).pooled));
  }
  SECTION("names what it cannot read") {
    CHECK_THROWS_WITH(text->forward({.values = torch::tensor({{1, 18}})}), ContainsSubstring("ids in 0..17, got 1..18"));
    CHECK_THROWS_AS(text->forward({.values = torch::tensor({{-1}})}), DataError);
    CHECK_NOTHROW(text->forward({.values = torch::tensor({{1, -5}}), .mask = torch::tensor({{true, false}})}));
    CHECK_THROWS_AS(text->forward({.values = torch::ones({1, 2})}), ShapeError);
    CHECK_THROWS_AS(text->forward({.values = torch::ones({1, 0}, torch::kLong)}), ShapeError);
    CHECK_THROWS_WITH(HashedTextEncoder({.id_dropout_rate = 1.0}), ContainsSubstring("0 <= id_dropout_rate < 1, got 1"));
    CHECK_THROWS_AS(HashedTextEncoder({.hidden_dim = 0}), ConfigError);
  }
}

TEST_CASE("ResidualImageEncoder", "[encoders]") {
  seed_everything(2);
  SECTION("has the size its header states") {
    ResidualImageEncoder image({});
    CHECK(count_parameters(*image) == 1'279'840);
    const Features f = image->forward({.values = torch::randn({2, 3, 32, 32})});
    CHECK(f.pooled.sizes() == at::IntArrayRef({2, 128}));
    CHECK(f.tokens.sizes() == at::IntArrayRef({2, 16, 192}));
  }
  SECTION("a mean head forgets where a cell is, a flat one does not") {
    torch::NoGradGuard no_grad;
    for (const ImageHead head : {ImageHead::mean, ImageHead::flatten}) {
      ResidualImageEncoder image({.channels = 1, .dim = 3, .image_size = 8, .widths = {4}, .groups = 2, .head = head});
      const Features f = image->forward({.values = torch::randn({1, 1, 8, 8})});
      const auto p = image->named_parameters();
      const Tensor x = head == ImageHead::mean ? f.tokens.mean(1) : f.tokens.flatten(1);
      CHECK_THAT(f.pooled, AllClose(at::linear(x, p["output.weight"], p["output.bias"])));
    }
  }
  SECTION("reads other sizes with a mean head alone") {
    ResidualImageEncoder mean({.widths = {8}, .head = ImageHead::mean}), flat({.image_size = 8, .widths = {8}});
    CHECK(mean->forward({.values = torch::randn({1, 3, 5, 7})}).tokens.size(1) == 35);
    CHECK_THROWS_WITH(flat->forward({.values = torch::randn({1, 3, 5, 7})}), ContainsSubstring("shape [?, 3, 8, 8], got float32 [1, 3, 5, 7]"));
    CHECK_THROWS_AS(mean->forward({.values = torch::zeros({1, 3, 0, 7})}), ShapeError);
  }
  SECTION("names bad options") {
    CHECK_THROWS_AS(ResidualImageEncoder({.image_size = 0}), ConfigError);
    CHECK_THROWS_WITH(ResidualImageEncoder({.widths = {30}}), ContainsSubstring("30 channels and 8 groups"));
    CHECK_THROWS_AS(ResidualImageEncoder({.dropout_rate = 1.0}), ConfigError);
  }
}

TEST_CASE("ConvAudioEncoder", "[encoders]") {
  seed_everything(3);
  ConvAudioEncoder audio({.mel_bins = 6, .frames = 12, .dim = 4, .widths = {4, 8}, .groups = 2});
  SECTION("missing frames are zeros") {
    const Tensor x = torch::randn({2, 9, 6});
    const Tensor full = torch::cat({x, torch::zeros({2, 3, 6})}, 1);
    CHECK_THAT(audio->forward({.values = x}).pooled, SameBits(audio->forward({.values = full}).pooled));
  }
  SECTION("it matters when a sound comes") {
    Tensor early = torch::zeros({1, 12, 6}), late = early.clone();
    early.slice(1, 1, 4).fill_(1), late.slice(1, 7, 10).fill_(1);
    CHECK_FALSE(at::allclose(audio->forward({.values = early}).pooled, audio->forward({.values = late}).pooled, 1e-2, 1e-2));
  }
  SECTION("gradients equal finite differences") {
    const ThreadScope one(1);  // thousands of tiny steps
    ConvAudioEncoder tiny({.mel_bins = 3, .frames = 4, .dim = 2, .widths = {4}, .groups = 2});
    const auto inputs = doubles(*tiny);
    const Tensor x = torch::randn({2, 3, 3}, torch::kDouble), weight = torch::randn({2, 2}, torch::kDouble);
    CHECK(gradient_error([&] { return (tiny->forward({.values = x}).pooled * weight).sum(); }, inputs, 1e-6) < 1e-6);
  }
  SECTION("names what it cannot read") {
    CHECK_THROWS_WITH(audio->forward({.values = torch::zeros({1, 13, 6})}), ContainsSubstring("1..12 frames, got float32 [1, 13, 6]") && ContainsSubstring("seconds"));
    CHECK_THROWS_AS(audio->forward({.values = torch::zeros({1, 0, 6})}), ShapeError);
    CHECK_THROWS_WITH(audio->forward({.values = torch::zeros({1, 12, 7})}), ContainsSubstring("shape [?, ?, 6]"));
    CHECK_THROWS_AS(ConvAudioEncoder({.frames = 0}), ConfigError);
  }
}

TEST_CASE("batch norm and a gradient cache exclude each other", "[encoders]") {
  const auto joint = [](ConvNorm norm) {
    JointEmbedding model({.dim = 4});
    model->add("image", ResidualImageEncoder({.dim = 4, .image_size = 8, .widths = {8}, .norm = norm}));
    model->add("text", HashedTextEncoder({.buckets = 16, .dim = 4, .embedding_dim = 4}));
    return model;
  };
  const Batch batch = {{"image", {.values = torch::randn({6, 3, 8, 8})}}, {"text", {.values = torch::randint(1, 16, {6, 3})}}};
  CHECK(cached_backward(joint(ConvNorm::group), batch, {}, {.chunk_size = 2}).total.isfinite().item<bool>());
  CHECK_THROWS_AS(cached_backward(joint(ConvNorm::batch), batch, {}, {.chunk_size = 2}), ConfigError);
}

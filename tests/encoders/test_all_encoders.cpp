// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core.hpp>
#include <alloy/encoders.hpp>
#include <alloy/models.hpp>

using namespace alloy;

namespace {

struct Case {
  std::string name;
  Handle<Encoder> encoder;
  std::function<Tensor(int64_t batch, int64_t length)> make;  // length is ignored by encoders without a time axis
  bool sequence;
};

std::vector<Case> cases() {
  const auto series = [](int64_t width) {
    return [width](int64_t b, int64_t t) { return torch::randn({b, t, width}); };
  };
  const auto picture = [](int64_t size) {
    return [size](int64_t b, int64_t) { return torch::randn({b, 1, size, size}); };
  };
  return {
      {"text", TextEncoder({.vocab_size = 50, .dim = 8, .heads = 2, .layers = 1, .max_length = 32}),
       [](int64_t b, int64_t t) { return torch::randint(0, 50, {b, t}); }, true},
      {"conv_image", ConvImageEncoder({.channels = 1, .dim = 8, .stages = {4, 8}}), picture(9), false},
      {"residual_image", ResidualImageEncoder({.channels = 1, .dim = 8, .image_size = 9, .widths = {4, 8}, .groups = 2}), picture(9), false},
      {"lenet", LeNetEncoder({.channels = 1, .base = 2, .extra = 1}), picture(9), false},
      {"vit", VitEncoder({.image_size = 8, .patch_size = 4, .channels = 1, .dim = 8, .heads = 2, .layers = 1}), picture(8), false},
      {"hashed_text", HashedTextEncoder({.buckets = 64, .dim = 8, .embedding_dim = 6, .hidden_dim = 10}),
       [](int64_t b, int64_t t) { return torch::randint(1, 66, {b, t}); }, true},
      {"conv_audio", ConvAudioEncoder({.mel_bins = 10, .frames = 16, .dim = 8, .widths = {4, 8}, .groups = 2}), series(10), true},
      {"spectrogram", SpectrogramEncoder({.mel_bins = 10, .dim = 8, .stages = {4, 8}}), series(10), true},
      {"spectrogram_transformer", SpectrogramTransformer({.mel_bins = 8, .patch_frames = 3, .patch_bins = 4, .dim = 8, .heads = 2, .layers = 1}), series(8), true},
      {"gru", GruEncoder({.channels = 3, .dim = 8, .layers = 2}), series(3), true},
      {"dilated_conv", DilatedConvEncoder({.channels = 3, .dim = 8, .layers = 2}), series(3), true},
      {"series_transformer", SeriesTransformer({.channels = 3, .dim = 8, .heads = 2, .layers = 1}), series(3), true},
      {"table", TableEncoder({.numbers = 4, .categories = {3, 2}, .dim = 8}),
       [](int64_t b, int64_t) { return torch::cat({torch::randn({b, 4}), torch::randint(0, 2, {b, 2}).to(torch::kFloat)}, 1); }, false},
      {"features", FeatureEncoder({.in_dim = 5, .dim = 8}), series(5), true},
  };
}

}  // namespace

TEST_CASE("every registered encoder keeps its contract", "[encoders]") {
  register_builtins();
  seed_everything(1);
  std::vector<std::string> tested;
  for (auto& [name, encoder, make, sequence] : cases()) {
    INFO(name);
    tested.push_back(name);
    CHECK(encoder->record().type == name);
    encoder->eval();
    const Tensor x = make(4, 13);
    const Features all = encoder->forward({.values = x});
    CHECK(all.pooled.sizes() == at::IntArrayRef({4, encoder->dim()}));
    CHECK(all.tokens.defined() == (encoder->token_dim() > 0));
    if (all.tokens.defined()) CHECK(all.tokens.size(2) == encoder->token_dim());

    for (int64_t b = 0; b < 4; ++b)  // no sample changes another
      CHECK_THAT(encoder->forward({.values = x.slice(0, b, b + 1)}).pooled, AllClose(all.pooled.slice(0, b, b + 1), 1e-5));

    const auto again = encoder_registry().create(name, encoder->record().options);
    alloy::detail::copy_state(*encoder, *again);
    CHECK_THAT(again->forward({.values = x}).pooled, SameBits(all.pooled));

    encoder->train();
    encoder->zero_grad();
    encoder->forward({.values = x}).pooled.pow(2).sum().backward();
    for (const auto& p : encoder->named_parameters()) {
      INFO(p.key());
      CHECK(p.value().grad().defined());
      CHECK(p.value().grad().isfinite().all().item<bool>());
    }
    encoder->eval();

    if (!sequence) continue;
    CHECK(encoder->forward({.values = make(2, 1)}).pooled.isfinite().all().item<bool>());  // one step
    // padding at the end: its content changes nothing, and each sequence gives the same as alone
    Tensor mask = torch::ones({4, 13}, torch::kBool);
    const int64_t lengths[] = {13, 8, 5, 1};
    for (int64_t b = 0; b < 4; ++b) mask[b].slice(0, lengths[b]).fill_(false);
    const Tensor padding = mask.logical_not().view({4, 13, 1});
    const bool ids = x.scalar_type() == torch::kLong;
    const Tensor zeroed = ids ? x.masked_fill(padding.squeeze(2), 0) : x.masked_fill(padding, 0.0);
    const Tensor dirty = ids ? x.masked_fill(padding.squeeze(2), 7) : x.masked_fill(padding, std::numeric_limits<double>::quiet_NaN());
    const Features masked = encoder->forward({.values = zeroed, .mask = mask});
    CHECK_THAT(encoder->forward({.values = dirty, .mask = mask}).pooled, SameBits(masked.pooled));
    for (int64_t b = 0; b < 4; ++b) {
      const Tensor alone = x.slice(0, b, b + 1).slice(1, 0, lengths[b]);
      CHECK_THAT(masked.pooled.slice(0, b, b + 1), AllClose(encoder->forward({.values = alone, .mask = torch::ones({1, lengths[b]}, torch::kBool)}).pooled, 1e-5));
    }
    encoder->zero_grad();
    const Features f = encoder->forward({.values = dirty, .mask = mask});
    f.pooled.sum().backward();
    for (const Tensor& p : encoder->parameters())
      if (p.grad().defined()) CHECK(p.grad().isfinite().all().item<bool>());
    if (f.tokens.defined()) CHECK(f.mask.sizes() == at::IntArrayRef({4, f.tokens.size(1)}));
  }
  std::ranges::sort(tested);
  CHECK(tested == encoder_registry().names());
}

TEST_CASE("encoders name what they cannot read", "[encoders]") {
  CHECK_THROWS_WITH(TextEncoder({.dim = 6, .heads = 4}), ContainsSubstring("dim 6 and heads 4"));
  TextEncoder text({.vocab_size = 10, .dim = 8, .max_length = 4});
  CHECK_THROWS_WITH(text->forward({.values = torch::full({1, 2}, 10)}), ContainsSubstring("0..9, got 10..10"));
  CHECK_THROWS_WITH(text->forward({.values = torch::zeros({1, 5}, torch::kLong)}), ContainsSubstring("at most 4 tokens, got 5"));
  CHECK_THROWS_AS(text->forward({.values = torch::zeros({1, 2})}), ShapeError);
  ConvImageEncoder image({.channels = 3, .dim = 4});
  CHECK_THROWS_WITH(image->forward({.values = torch::zeros({2, 1, 8, 8})}), ContainsSubstring("pictures of shape [?, 3, ?, ?], got float32 [2, 1, 8, 8]"));
  CHECK_THROWS_WITH(image->forward({.values = torch::zeros({2, 3, 8, 8}, torch::kByte)}), ContainsSubstring("floating-point"));
  CHECK_THROWS_WITH(LeNetEncoder({.extra = 5})->forward({.values = torch::zeros({1, 1, 28, 28})}), ContainsSubstring("at least 64x64"));
  CHECK_THROWS_WITH(TableEncoder({.numbers = 1, .categories = {2}})->forward({.values = torch::tensor({{0.5f, 2.f}})}), ContainsSubstring("-1..1 in categorical column 0"));
  CHECK_THROWS_AS(VitEncoder({.image_size = 10, .patch_size = 4}), ConfigError);
  CHECK_THROWS_AS(GruEncoder({.channels = 2})->forward({.values = torch::zeros({1, 0, 2})}), ShapeError);
}

TEST_CASE("LeNetEncoder has the published sizes", "[encoders]") {
  const auto count = [](const LeNetEncoder& m) {
    int64_t n = 0;
    for (const Tensor& p : m->parameters()) n += p.numel();
    return n;
  };
  LeNetEncoder small({.channels = 1, .base = 6, .extra = 3}), large({.channels = 1, .base = 6, .extra = 5});
  CHECK(count(small) == 13938);
  CHECK(count(large) == 221874);
  CHECK(small->forward({.values = torch::zeros({2, 1, 28, 28})}).pooled.sizes() == at::IntArrayRef({2, 48}));
  CHECK(large->forward({.values = torch::zeros({2, 1, 112, 112})}).pooled.sizes() == at::IntArrayRef({2, 192}));
}

TEST_CASE("TableEncoder: missing is not zero", "[encoders]") {
  seed_everything(2);
  TableEncoder table({.numbers = 1, .categories = {2}, .dim = 4});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto encode = [&](float number, float category) { return table->forward({.values = torch::tensor({{number, category}})}).pooled; };
  CHECK(encode(nan, -1).isfinite().all().item<bool>());
  CHECK_FALSE(at::equal(encode(nan, 0), encode(0, 0)));
  CHECK_FALSE(at::equal(encode(0, -1), encode(0, 0)));
}

TEST_CASE("GruEncoder equals the recurrence by hand", "[encoders]") {
  torch::NoGradGuard no_grad;
  seed_everything(3);
  GruEncoder gru({.channels = 1, .dim = 2});
  const auto p = gru->named_parameters();
  const Tensor x = torch::randn({1, 3, 1});
  Tensor h = torch::zeros({2});
  for (int64_t t = 0; t < 3; ++t) {
    const Tensor in = torch::matmul(p["gru.weight_ih_l0"], torch::stack({x[0][t][0], torch::ones({})})) + p["gru.bias_ih_l0"];
    const Tensor back = torch::matmul(p["gru.weight_hh_l0"], h) + p["gru.bias_hh_l0"];
    const Tensor r = torch::sigmoid(in.slice(0, 0, 2) + back.slice(0, 0, 2)), z = torch::sigmoid(in.slice(0, 2, 4) + back.slice(0, 2, 4));
    h = (1 - z) * torch::tanh(in.slice(0, 4) + r * back.slice(0, 4)) + z * h;
  }
  CHECK_THAT(gru->forward({.values = x}).pooled[0], AllClose(h, 1e-6));
}

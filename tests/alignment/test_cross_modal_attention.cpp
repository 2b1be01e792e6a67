// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alignment/cross_modal_attention.hpp>
#include <alloy/core/random.hpp>
#include <alloy/core/threads.hpp>
#include <alloy/io/module_state.hpp>
#include <alloy/layers/attention.hpp>

#include <limits>

using namespace alloy;

namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN();

Features features(const Tensor& tokens, const Tensor& mask = {}, const Tensor& times = {}) {
  return {.tokens = tokens, .mask = mask, .times = times};
}

template <class From, class To>
void copy_parameters(const From& from, To& to) {
  const torch::NoGradGuard no_grad;
  const auto values = from->named_parameters();
  for (auto& p : to->named_parameters()) p.value().copy_(values[p.key()]);
}

/// The options of most sections: 8 wide, 2 heads, target 5 and source 6 wide.
CrossModalAttentionOptions small() { return {.dim = 8, .heads = 2, .target_dim = 5, .source_dim = 6}; }

}  // namespace

TEST_CASE("CrossModalAttention", "[alignment]") {
  const ThreadScope one(1);
  seed_everything(1);
  CrossModalAttention attention(small());
  const Tensor target = torch::randn({3, 4, 5}), source = torch::randn({3, 7, 6});
  const Tensor mask = torch::arange(7).unsqueeze(0) < torch::tensor({7, 3, 1}).unsqueeze(1);  // [3, 7]

  SECTION("softmax(q k / sqrt d) v by head, as Attention gives it") {
    Attention same({.dim = 8, .heads = 2, .context_dim = 6});
    CrossModalAttention ours({.dim = 8, .heads = 2, .source_dim = 6});
    copy_parameters(ours, same);
    const Tensor queries = torch::randn({3, 4, 8});
    CHECK_THAT(ours->forward(features(queries), features(source, mask)).tokens, AllClose(same(queries, source, mask), 1e-5));
  }
  SECTION("weights say where each token looked") {
    CrossModalAttentionOptions options = small();
    options.weights = AlignmentWeights::per_head;
    CrossModalAttention by_head(options);
    const SoftAlignment out = by_head->forward(features(target), features(source, mask));
    CHECK(out.weights.sizes() == at::IntArrayRef({3, 2, 4, 7}));
    CHECK_THAT(out.weights.sum(3), AllClose(torch::ones({3, 2, 4}), 1e-5));
    CHECK(out.weights.masked_select(mask.logical_not().view({3, 1, 1, 7}).expand({3, 2, 4, 7})).abs().max().item<float>() == 0);
    CHECK_THAT(out.weights[2].select(2, 0), AllClose(torch::ones({2, 4})));  // one source token: all look there
    const Tensor q = by_head->named_parameters()["query.weight"], k = by_head->named_parameters()["key.weight"];
    const Tensor qs = (target.matmul(q.t()) + by_head->named_parameters()["query.bias"]).view({3, 4, 2, 4}).transpose(1, 2);
    const Tensor ks = (source.matmul(k.t()) + by_head->named_parameters()["key.bias"]).view({3, 7, 2, 4}).transpose(1, 2);
    CHECK_THAT(out.weights[0], AllClose((qs.matmul(ks.transpose(2, 3)) / 2).softmax(-1)[0], 1e-5));
    options.weights = AlignmentWeights::mean;
    CrossModalAttention averaged(options);
    copy_parameters(by_head, averaged);
    CHECK_THAT(averaged->forward(features(target), features(source, mask)).weights, AllClose(out.weights.mean(1), 1e-6));
  }
  SECTION("times are the mean of what was looked at") {
    const Tensor times = 1.7e9 + torch::rand({3, 7}, torch::kDouble);
    const SoftAlignment out = attention->forward(features(target), features(source, mask, times.masked_fill(mask.logical_not(), kNan)));
    CHECK_THAT(out.times,
               AllClose(torch::matmul(out.weights.to(torch::kDouble), times.masked_fill(mask.logical_not(), 0).unsqueeze(2)).squeeze(2), 1e-3, 0));
    CHECK_FALSE(attention->forward(features(target), features(source)).times.defined());
  }
  SECTION("a prior in time multiplies the weights") {
    const Tensor t = torch::rand({3, 4}) * 4, s = torch::rand({3, 7}) * 4, apart = t.unsqueeze(2) - s.unsqueeze(1);
    CrossModalAttentionOptions options = small();
    options.heads = 1;
    CrossModalAttention plain(options);
    options.time_width_seconds = 0.5;
    CrossModalAttention near(options);
    copy_parameters(plain, near);
    const Tensor expected = plain->forward(features(target), features(source, mask)).weights * torch::exp(-apart.square() / 0.5);
    CHECK_THAT(near->forward(features(target, {}, t), features(source, mask, s)).weights, AllClose(expected / expected.sum(2, true), 1e-4));
    CHECK_THROWS_WITH(near->forward(features(target), features(source, mask, s)), ContainsSubstring("times of target and source"));
    // far narrower than any distance: the nearest takes all, and nothing is NaN
    options.time_width_seconds = 1e-30;
    CrossModalAttention narrow(options);
    const SoftAlignment sharp = narrow->forward(features(target, {}, t), features(source, {}, s));
    CHECK(at::equal(sharp.weights.argmax(2), apart.abs().argmin(2)));
    CHECK(sharp.tokens.isfinite().all().item<bool>());
  }
  SECTION("gradients in double, with a prior and masks") {
    CrossModalAttentionOptions options = small();
    options.time_width_seconds = 0.7;
    CrossModalAttention module(options);
    module->to(torch::kDouble);
    const Tensor a = target.slice(0, 0, 2).slice(1, 0, 2).to(torch::kDouble).requires_grad_(),
                 b = source.slice(0, 0, 2).slice(1, 0, 4).to(torch::kDouble).requires_grad_();
    const Tensor t = torch::rand({2, 2}), s = torch::rand({2, 4}), some = mask.slice(0, 0, 2).slice(1, 0, 4);
    const std::vector<Tensor> inputs = {a, b, module->named_parameters()["query.bias"], module->named_parameters()["value.bias"]};
    CHECK(gradient_error(
              [&] {
                const SoftAlignment out = module->forward(features(a, {}, t), features(b, some, s));
                return out.tokens.pow(2).sum() + out.weights.pow(2).sum() + out.times.pow(2).sum();
              },
              inputs) < 1e-6);
  }
}

TEST_CASE("CrossModalAttention under padding and absence", "[alignment]") {
  seed_everything(2);
  CrossModalAttentionOptions options = small();
  options.time_width_seconds = 0.5;
  CrossModalAttention attention(options);
  const Tensor target = torch::randn({3, 4, 5}), source = torch::randn({3, 7, 6}), t = torch::rand({3, 4}), s = torch::rand({3, 7});
  const Tensor target_mask = torch::arange(4).unsqueeze(0) < torch::tensor({4, 2, 3}).unsqueeze(1),
               source_mask = torch::arange(7).unsqueeze(0) < torch::tensor({7, 3, 5}).unsqueeze(1);
  const auto dirty = [](const Tensor& x, const Tensor& mask) {
    return x.masked_fill(x.dim() == 3 ? mask.logical_not().unsqueeze(2) : mask.logical_not(), kNan);
  };
  const SoftAlignment clean = attention->forward(features(target, target_mask, t), features(source, source_mask, s));

  SECTION("what stands under it changes nothing") {
    const Tensor a = dirty(target, target_mask).requires_grad_(), b = dirty(source, source_mask).requires_grad_();
    const SoftAlignment out = attention->forward(features(a, target_mask, dirty(t, target_mask)), features(b, source_mask, dirty(s, source_mask)));
    CHECK_THAT(out.tokens, SameBits(clean.tokens));
    CHECK_THAT(out.weights, SameBits(clean.weights));
    CHECK_THAT(out.times, SameBits(clean.times));
    (out.tokens.sum() + out.weights.pow(2).sum() + out.times.sum()).backward();
    for (const Tensor& p : attention->parameters()) CHECK(p.grad().isfinite().all().item<bool>());
    CHECK((a.grad().isfinite().all().item<bool>() && b.grad().isfinite().all().item<bool>()));
  }
  SECTION("each sample as alone, cut to its length") {
    for (int64_t i = 0; i < 3; ++i) {
      const int64_t n = target_mask[i].sum().item<int64_t>(), m = source_mask[i].sum().item<int64_t>();
      const SoftAlignment alone = attention->forward(features(target.narrow(0, i, 1).narrow(1, 0, n), {}, t.narrow(0, i, 1).narrow(1, 0, n)),
                                                     features(source.narrow(0, i, 1).narrow(1, 0, m), {}, s.narrow(0, i, 1).narrow(1, 0, m)));
      CHECK_THAT(clean.tokens.narrow(0, i, 1).narrow(1, 0, n), AllClose(alone.tokens, 1e-5));
      CHECK_THAT(clean.weights.narrow(0, i, 1).narrow(1, 0, n).narrow(2, 0, m), AllClose(alone.weights, 1e-5));
    }
    CHECK(clean.tokens[1].narrow(0, 2, 2).abs().max().item<float>() == 0);  // padding of the target
  }
  SECTION("a time that is not finite is refused where the token is real") {
    Tensor broken = t.clone();
    broken.select(1, 1).fill_(kNan);  // real in every target
    CHECK_THROWS_AS(attention->forward(features(target, target_mask, broken), features(source, source_mask, s)), DataError);
    CHECK_THROWS_WITH(attention->forward(features(target, {}, t), features(source, {}, dirty(s, source_mask))),
                      ContainsSubstring("finite times of the source"));
  }
  SECTION("absent samples give zeros") {
    Features absent_source = features(dirty(source, torch::tensor({true, false, true}).unsqueeze(1).expand({3, 7})), source_mask, s);
    absent_source.present = torch::tensor({true, false, true});
    Features absent_target = features(target, target_mask, t);
    absent_target.present = torch::tensor({true, true, false});
    const SoftAlignment out = attention->forward(absent_target, absent_source);
    CHECK_THAT(out.tokens[0], AllClose(clean.tokens[0]));
    for (const int64_t i : {1, 2}) {
      CHECK(out.tokens[i].abs().max().item<float>() == 0);
      CHECK(out.weights[i].abs().max().item<float>() == 0);
      CHECK(out.times[i].abs().max().item<double>() == 0);
    }
    out.tokens.pow(2).sum().backward();
    for (const Tensor& p : attention->parameters()) CHECK(p.grad().isfinite().all().item<bool>());
  }
  SECTION("pooled features are one token") {
    const Features pooled{.pooled = source.select(1, 0), .times = s.narrow(1, 0, 1)};
    CHECK_THAT(attention->forward(features(target, {}, t), pooled).weights, AllClose(torch::ones({3, 4, 1})));
  }
}

TEST_CASE("CrossModalAttention is kept, copied and refused", "[alignment]") {
  seed_everything(3);
  CrossModalAttention attention(small());
  const Tensor target = torch::randn({2, 3, 5}), source = torch::randn({2, 4, 6});
  const SoftAlignment before = attention->forward(features(target), features(source));
  SECTION("saved and loaded") {
    TempDir folder;
    save_module(folder / "weights.safetensors", *attention);
    CrossModalAttention again(small());
    load_module(folder / "weights.safetensors", *again);
    CHECK_THAT(again->forward(features(target), features(source)).tokens, SameBits(before.tokens));
  }
  SECTION("cloned") { CHECK_THAT(clone(attention)->forward(features(target), features(source)).tokens, SameBits(before.tokens)); }
  SECTION("dropout only while training, and not in the weights") {
    CrossModalAttentionOptions options = small();
    options.dropout_rate = 0.5;
    CrossModalAttention dropping(options);
    const SoftAlignment a = dropping->forward(features(target), features(source)), b = dropping->forward(features(target), features(source));
    CHECK_FALSE(at::equal(a.tokens, b.tokens));
    CHECK_THAT(a.weights, SameBits(b.weights));
    dropping->eval();
    CHECK_THAT(dropping->forward(features(target), features(source)).tokens, SameBits(dropping->forward(features(target), features(source)).tokens));
  }
  SECTION("names what does not fit") {
    CHECK_THROWS_WITH(attention->forward(features(source), features(source)), ContainsSubstring("target of shape [?, ?, 5], got float32 [2, 4, 6]"));
    CHECK_THROWS_WITH(attention->forward(features(target), features(torch::ones({3, 4, 6}))), ContainsSubstring("one batch size"));
    CHECK_THROWS_AS(attention->forward(features(target), features(source, torch::ones({2, 4}))), ShapeError);
    CHECK_THROWS_AS(attention->forward(features(target), features(torch::ones({2, 0, 6}))), ShapeError);
    CHECK_THROWS_WITH(CrossModalAttention({.dim = 6, .heads = 4}), ContainsSubstring("dim 6 and heads 4"));
    CHECK_THROWS_AS(CrossModalAttention({.time_width_seconds = -1}), ConfigError);
  }
}

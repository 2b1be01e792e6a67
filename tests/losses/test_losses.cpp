// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/gradients.hpp"

#include <alloy/losses.hpp>

#include <cmath>

using namespace alloy;
using alloy_test::gradient_error;

namespace {

Tensor unit(const Tensor& x) { return x / x.norm(2, {-1}, true); }
Tensor rows(int64_t n, int64_t d, uint64_t seed) {
  torch::manual_seed(seed);
  return unit(torch::randn({n, d}, torch::kDouble)).requires_grad_();
}

}  // namespace

TEST_CASE("triplet_loss", "[losses]") {
  // similarities [[0.8, 0.7, 0.1], [0.2, 0.9, 0.95], [0.3, 0.4, 0.6]] by rows of a against unit axes
  const Tensor a = torch::tensor({{0.8, 0.7, 0.1}, {0.2, 0.9, 0.95}, {0.3, 0.4, 0.6}}, torch::kDouble), b = torch::eye(3, torch::kDouble);
  const auto value = [&](Negatives negatives, const PairInfo& pairs = {}) { return triplet_loss(a, b, pairs, {.margin = 0.2, .negatives = negatives}).item<double>(); };
  // rows: (0.1, -), (-, 0.25), (-, 0); columns: (-, -), (0, -), (-, 0.55)
  CHECK_THAT(value(Negatives::hardest), WithinAbs(((0.1 + 0.25 + 0.0) / 3 + (0.0 + 0.0 + 0.55) / 3) / 2, 1e-9));
  CHECK_THAT(value(Negatives::all), WithinAbs((0.1 + 0.25 + 0.55) / 2 / 6, 1e-9));
  CHECK_THAT(value(Negatives::semi_hard), WithinAbs(0.1 / 6, 1e-9));  // 0.95 and the column's 0.95 are harder than the positive
  const Tensor ids = torch::tensor({0, 1, 1});  // rows 1 and 2 are no negatives of each other
  CHECK_THAT(value(Negatives::hardest, {ids, {}}), WithinAbs(0.1 / 6, 1e-9));
  const Tensor x = rows(5, 4, 1), y = rows(5, 4, 2);
  for (const auto& [negatives, name] : enum_names(Negatives{})) {
    INFO(name);
    CHECK(gradient_error([&, n = negatives] { return triplet_loss(x, y, {}, {.margin = 0.5, .negatives = n}); }, {x, y}) < 1e-6);
  }
  CHECK_THROWS_AS(triplet_loss(a, b, {}, {.margin = 0}), ConfigError);
}

TEST_CASE("multi_similarity", "[losses]") {
  const Tensor x = unit(torch::tensor({{1.0, 0.0}, {0.8, 0.6}, {0.0, 1.0}, {0.6, 0.8}}, torch::kDouble)), labels = torch::tensor({0, 0, 1, 1});
  const MultiSimilarityOptions o{.alpha = 2, .beta = 10, .base = 0.5, .epsilon = 0.1};
  double wanted = 0;  // the definition, one row at a time
  const Tensor s = x.mm(x.t());
  for (int i = 0; i < 4; ++i) {
    double farthest = 1e9, nearest = -1e9, positives = 0, negatives = 0;
    for (int j = 0; j < 4; ++j) {
      const double value = s[i][j].item<double>();
      if (i / 2 == j / 2 && i != j) farthest = std::min(farthest, value);
      if (i / 2 != j / 2) nearest = std::max(nearest, value);
    }
    for (int j = 0; j < 4; ++j) {
      const double value = s[i][j].item<double>();
      if (i / 2 == j / 2 && i != j && value - 0.1 < nearest) positives += std::exp(-2 * (value - 0.5));
      if (i / 2 != j / 2 && value + 0.1 > farthest) negatives += std::exp(10 * (value - 0.5));
    }
    wanted += (std::log1p(positives) / 2 + std::log1p(negatives) / 10) / 4;
  }
  CHECK_THAT(multi_similarity(x, labels, o).item<double>(), WithinRel(wanted, 1e-9));
  CHECK(wanted > 0.1);
  const Tensor y = rows(6, 4, 3), classes = torch::tensor({0, 0, 1, 1, 2, 2});
  CHECK(gradient_error([&] { return multi_similarity(y, classes); }, {y}) < 1e-6);
  CHECK_THROWS_AS(multi_similarity(x, labels, {.alpha = 0}), ConfigError);
}

TEST_CASE("token_wise_contrastive", "[losses]") {
  torch::manual_seed(4);
  const Tensor a = unit(torch::randn({20, 3, 4}, torch::kDouble)), b = unit(torch::randn({20, 5, 4}, torch::kDouble));
  const Tensor mask_a = torch::rand({20, 3}) > 0.3, mask_b = torch::rand({20, 5}) > 0.3;
  mask_a.select(1, 0).fill_(true);
  mask_b.select(1, 2).fill_(true);
  const auto [from_a, from_b] = token_similarity({a, mask_a}, {b, mask_b});
  for (const auto& [i, j] : {std::pair<int, int>{0, 0}, {3, 17}, {19, 4}}) {  // one pair at a time
    double sum_a = 0, sum_b = 0;
    const auto best = [&](int t, bool of_a) {
      double most = -2;
      for (int u = 0; u < (of_a ? 5 : 3); ++u)
        if ((of_a ? mask_b[j][u] : mask_a[i][u]).item<bool>()) most = std::max(most, (of_a ? a[i][t].dot(b[j][u]) : a[i][u].dot(b[j][t])).item<double>());
      return most;
    };
    for (int t = 0; t < 3; ++t) sum_a += mask_a[i][t].item<bool>() ? best(t, true) : 0;
    for (int t = 0; t < 5; ++t) sum_b += mask_b[j][t].item<bool>() ? best(t, false) : 0;
    CHECK_THAT(from_a[i][j].item<double>(), WithinAbs(sum_a / mask_a[i].sum().item<double>(), 1e-9));
    CHECK_THAT(from_b[i][j].item<double>(), WithinAbs(sum_b / mask_b[j].sum().item<double>(), 1e-9));
  }
  SECTION("one token each is InfoNCE") {
    const Tensor x = a.select(1, 0), y = b.select(1, 0), s = torch::tensor(7.0, torch::kDouble);
    CHECK_THAT(token_wise_contrastive({x.unsqueeze(1)}, {y.unsqueeze(1)}, s), AllClose(info_nce(x, y, s), 1e-9));
  }
  SECTION("masked tokens change nothing, NaN neither, and get no gradient") {
    const auto run = [&](double fill) {
      const Tensor x = a.masked_fill(mask_a.logical_not().unsqueeze(2), fill).requires_grad_(), y = b.masked_fill(mask_b.logical_not().unsqueeze(2), fill);
      const Tensor loss = token_wise_contrastive({x, mask_a}, {y, mask_b}, torch::tensor(5.0, torch::kDouble));
      loss.backward();
      return std::pair(loss.detach(), x.grad());
    };
    const auto clean = run(0), dirty = run(std::nan(""));
    CHECK_THAT(dirty.first, SameBits(clean.first));
    CHECK_THAT(dirty.second, SameBits(clean.second));
    CHECK(clean.second.masked_select(mask_a.logical_not().unsqueeze(2)).abs().max().item<double>() == 0);
  }
  const Tensor x = a.slice(0, 0, 4).clone().requires_grad_(), y = b.slice(0, 0, 4).clone().requires_grad_(), s = torch::tensor(5.0, torch::kDouble).requires_grad_();
  CHECK(gradient_error([&] { return token_wise_contrastive({x, mask_a.slice(0, 0, 4)}, {y, mask_b.slice(0, 0, 4)}, s); }, {x, y, s}) < 1e-6);
  CHECK_THROWS_AS(token_similarity({a, torch::zeros({20, 3}, torch::kBool)}, {b}), DataError);
}

TEST_CASE("matryoshka", "[losses]") {
  const Tensor a = rows(6, 8, 5), b = rows(6, 8, 6), s = torch::tensor(4.0, torch::kDouble);
  const PairLoss loss = [&](const Tensor& x, const Tensor& y) { return info_nce(x, y, s); };
  const Tensor wanted = (3 * info_nce(unit(a.narrow(1, 0, 2)), unit(b.narrow(1, 0, 2)), s) + info_nce(a, b, s)) / 4;
  CHECK_THAT(matryoshka(a, b, {2, 8}, loss, {3, 1}), AllClose(wanted, 1e-9));
  CHECK(gradient_error([&] { return matryoshka(a, b, {2, 5}, loss); }, {a, b}) < 1e-6);
  CHECK_THROWS_WITH(matryoshka(a, b, {9}, loss), ContainsSubstring("widths in 1..8, got 9"));
  CHECK_THROWS_AS(matryoshka(a, b, {}, loss), ConfigError);
}

TEST_CASE("memory queue", "[losses]") {
  MemoryQueue queue({.size = 5, .dim = 2});
  const auto block = [](float from, int64_t n) { return torch::arange(from, from + static_cast<float>(n)).unsqueeze(1).expand({n, 2}).contiguous(); };
  CHECK(queue->with(block(0, 3)).size(0) == 3);
  queue->push(block(10, 3), torch::tensor({1, 2, 3}));
  queue->push(block(20, 3));  // over the oldest
  CHECK(queue->count() == 5);
  const Tensor kept = std::get<0>(queue->with(block(0, 1)).select(1, 0).sort());
  CHECK_THAT(kept, AllClose(torch::tensor({0.F, 11.F, 12.F, 20.F, 21.F, 22.F})));
  CHECK_THAT(std::get<0>(queue->with_ids(torch::tensor({9})).sort()), SameBits(torch::tensor({-1, -1, -1, 2, 3, 9})));
  queue->push(block(30, 7));  // more than there is room for: the last stay
  CHECK_THAT(std::get<0>(queue->with(block(0, 0)).select(1, 0).sort()), AllClose(torch::tensor({32.F, 33.F, 34.F, 35.F, 36.F})));
  const Tensor a = unit(torch::randn({4, 2})), b = unit(torch::randn({4, 2})), s = torch::tensor(3.0F), all = queue->with(b);
  const Tensor wanted = at::cross_entropy_loss(s * a.mm(all.t()), torch::arange(4));
  CHECK_THAT(info_nce_against(a, all, s), AllClose(wanted, 1e-5));
  CHECK_THROWS_AS(queue->push(torch::zeros({2, 3})), ShapeError);
  CHECK_THROWS_AS(MemoryQueue({.size = 0}), ConfigError);
}

TEST_CASE("similarity_distillation", "[losses]") {
  const Tensor a = rows(5, 4, 7), b = rows(5, 4, 8), ta = rows(5, 6, 9), tb = rows(5, 6, 10), s = torch::tensor(6.0, torch::kDouble).requires_grad_(), ts = torch::tensor(9.0, torch::kDouble);
  const auto loss = [&] { return similarity_distillation({a, b, s}, {ta, tb, ts}); };
  const Tensor student = s * a.mm(b.t()), teacher = ts * ta.mm(tb.t());
  double wanted = 0;
  for (const int dim : {0, 1})
    for (int i = 0; i < 5; ++i) {
      const Tensor p = teacher.softmax(dim).select(1 - dim, i), q = student.softmax(dim).select(1 - dim, i);
      wanted -= (p * q.log()).sum().item<double>() / 10;
    }
  CHECK_THAT(loss().item<double>(), WithinRel(wanted, 1e-9));
  CHECK(gradient_error(loss, {a, b, s}) < 1e-6);
  CHECK_FALSE(torch::autograd::grad({loss()}, {ta}, {}, std::nullopt, false, true)[0].defined());
  CHECK_THROWS_AS(similarity_distillation({a, b, s}, {ta.narrow(0, 0, 4), tb.narrow(0, 0, 4), ts}), ShapeError);
}

TEST_CASE("logit scale", "[losses]") {
  LogitScale scale({.start = 50, .with_bias = true});
  CHECK_THAT(scale->forward().item<double>(), WithinRel(50.0, 1e-6));
  CHECK(scale->named_parameters().size() == 2);
  {
    torch::NoGradGuard no_grad;
    scale->named_parameters()["log_scale"].fill_(9.0);
  }
  scale->clamp();
  CHECK_THAT(scale->forward().item<double>(), WithinRel(100.0, 1e-6));
  CHECK(LogitScale({.learned = false})->parameters().empty());
  CHECK_THROWS_AS(LogitScale({.start = 0.5}), ConfigError);
  CHECK_THROWS_AS(LogitScale({.start = 200}), ConfigError);
}

TEST_CASE("pairwise loss over modalities", "[losses]") {
  const Tensor image = rows(6, 4, 11), text = rows(6, 4, 12), audio = rows(6, 4, 13);
  const auto options = [](PairScheme scheme, std::string anchor = {}) { return PairwiseLossOptions{.modalities = {"image", "text", "audio"}, .scheme = scheme, .anchor = std::move(anchor)}; };
  const Tensor has_text = torch::tensor({true, true, false, true, true, false}), has_audio = torch::tensor({true, false, true, true, false, true});
  const Tensor s = torch::tensor(1 / 0.07, torch::kDouble);
  const auto both = [](const Tensor& a, const Tensor& b, std::vector<int64_t> which) {
    const Tensor rows_ = torch::tensor(which);
    return std::pair(a.index_select(0, rows_), b.index_select(0, rows_));
  };
  const auto nce = [&](const std::pair<Tensor, Tensor>& x) { return info_nce(x.first, x.second, s).item<double>(); };
  const ModalityMap<Embedded> all{{"image", {image}}, {"text", {text, has_text}}, {"audio", {audio, has_audio}}};
  SECTION("all pairs, each on the samples that have both") {
    PairwiseLoss loss(options(PairScheme::all));
    const auto out = loss->forward(all);
    const double it = nce(both(image, text, {0, 1, 3, 4})), ia = nce(both(image, audio, {0, 2, 3, 5})), ta = nce(both(text, audio, {0, 3}));
    CHECK_THAT(out.parts.at("image-text").item<double>(), WithinRel(it, 1e-6));
    CHECK_THAT(out.total.item<double>(), WithinRel((it + ia + ta) / 3, 1e-6));
    CHECK(out.counts.at("text-audio") == 2);
  }
  SECTION("what an absent row holds changes nothing") {
    for (const auto scheme : {PairScheme::all, PairScheme::centroid}) {
      PairwiseLoss loss(options(scheme));
      const Tensor dirty = text.detach().masked_fill(has_text.logical_not().unsqueeze(1), std::nan("")).requires_grad_();
      const auto clean = loss->forward(all), other = loss->forward({{"image", {image}}, {"text", {dirty, has_text}}, {"audio", {audio, has_audio}}});
      CHECK_THAT(other.total, SameBits(clean.total));
      CHECK(torch::autograd::grad({other.total}, {dirty})[0].isfinite().all().item<bool>());
    }
  }
  SECTION("anchored and centroid") {
    const auto anchored = PairwiseLoss(options(PairScheme::anchored, "text"))->forward(all);
    CHECK(anchored.parts.names() == std::vector<std::string>{"image-text", "text-audio"});
    const auto centroid = PairwiseLoss(options(PairScheme::centroid))->forward(all);
    CHECK(centroid.parts.names() == std::vector<std::string>{"image-centroid", "text-centroid", "audio-centroid"});
    const Tensor mean = unit(at::where(has_text.unsqueeze(1), text, 0.0) + at::where(has_audio.unsqueeze(1), audio, 0.0));
    CHECK_THAT(centroid.parts.at("image-centroid").item<double>(), WithinRel(nce({image, mean}), 1e-6));  // every sample has one of the two
    PairwiseLoss checked(options(PairScheme::centroid));
    CHECK(gradient_error([&] { return checked->forward(all).total; }, {image, text, audio}) < 1e-6);
  }
  SECTION("a scale for each pair") {
    auto o = options(PairScheme::all);
    o.scale_per_pair = true;
    PairwiseLoss loss(o);
    CHECK(loss->named_parameters().size() == 3);
    CHECK(loss->scale("audio", "image").ptr() == loss->scale("image", "audio").ptr());
    CHECK(loss->scale("audio", "image").ptr() != loss->scale("image", "text").ptr());
  }
  SECTION("a batch in which nothing can be compared") {
    const auto out = PairwiseLoss(options(PairScheme::all))->forward({{"image", {image}}});
    CHECK_FALSE(out.total.defined());
  }
  CHECK_THROWS_WITH(PairwiseLoss(options(PairScheme::anchored)), ContainsSubstring("anchor"));
  CHECK_THROWS_AS(PairwiseLoss({.modalities = {"image"}}), ConfigError);
  CHECK_THROWS_AS(PairwiseLoss({.modalities = {"a", "b"}, .objective = PairObjective::sigmoid}), ConfigError);
  CHECK_THROWS_AS(PairwiseLoss(options(PairScheme::all))->forward({{"smell", {image}}}), ConfigError);
}

// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alignment/ctc_align.hpp>
#include <alloy/core/random.hpp>
#include <alloy/core/threads.hpp>
#include <alloy/io/safetensors.hpp>

#include <limits>
#include <map>

using namespace alloy;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

/// What a CTC network would say: repeats once, then blanks left out.
std::vector<int64_t> collapse(const std::vector<int64_t>& labels, int64_t blank) {
  std::vector<int64_t> tokens;
  for (size_t t = 0; t < labels.size(); ++t)
    if (labels[t] != blank && (t == 0 || labels[t] != labels[t - 1])) tokens.push_back(labels[t]);
  return tokens;
}

double score_of(const Tensor& log_probs, const std::vector<int64_t>& labels) {
  double sum = 0;
  for (int64_t t = 0; t < std::ssize(labels); ++t) sum += log_probs[t][labels[static_cast<size_t>(t)]].item<double>();
  return sum;
}

/// The highest score of all V^T labelings that say the targets; -inf if there is none.
double best_by_trying(const Tensor& log_probs, const std::vector<int64_t>& targets, int64_t blank) {
  const Tensor values = log_probs.to(at::kDouble).contiguous();
  const int64_t frames = values.size(0), vocab = values.size(1);
  std::vector<int64_t> labels(static_cast<size_t>(frames), 0);
  double best = -kInf;
  for (;;) {
    double sum = 0;
    for (int64_t t = 0; t < frames; ++t) sum += values.const_data_ptr<double>()[t * vocab + labels[static_cast<size_t>(t)]];
    if (sum > best && collapse(labels, blank) == targets) best = sum;
    size_t t = 0;
    while (t < labels.size() && ++labels[t] == vocab) labels[t++] = 0;
    if (t == labels.size()) return best;
  }
}

std::vector<int64_t> some_targets(int64_t length, int64_t vocab, int64_t blank, Random& random) {
  std::vector<int64_t> targets;
  while (std::ssize(targets) < length)
    if (const int64_t token = random.below(vocab); token != blank) targets.push_back(token);
  return targets;
}

/// Spans and labels must tell the same story.
void check_consistent(const CtcAlignment& a, const Tensor& log_probs, const std::vector<int64_t>& targets, int64_t blank) {
  CHECK(collapse(a.labels, blank) == targets);
  CHECK_THAT(a.log_score, WithinAbs(score_of(log_probs, a.labels), 1e-9));
  REQUIRE(a.spans.size() == targets.size());
  std::vector<int64_t> labels(a.labels.size(), blank);
  int64_t before = 0;
  for (size_t i = 0; i < targets.size(); ++i) {
    const TokenSpan& span = a.spans[i];
    CHECK(span.token == targets[i]);
    CHECK((before <= span.start && span.start < span.stop));
    before = span.stop;
    double sum = 0;
    for (int64_t t = span.start; t < span.stop; ++t) {
      labels[static_cast<size_t>(t)] = span.token;
      sum += log_probs[t][span.token].item<double>();
    }
    CHECK_THAT(span.score, WithinAbs(sum / static_cast<double>(span.stop - span.start), 1e-9));
  }
  CHECK(labels == a.labels);
}

bool same(const CtcAlignment& a, const CtcAlignment& b) {
  const auto equal = [](const TokenSpan& x, const TokenSpan& y) {
    return x.token == y.token && x.start == y.start && x.stop == y.stop && x.score == y.score;
  };
  return a.labels == b.labels && a.log_score == b.log_score && std::ranges::equal(a.spans, b.spans, equal);
}

Tensor some_log_probs(at::IntArrayRef shape) { return torch::randn(shape).log_softmax(-1); }

}  // namespace

TEST_CASE("ctc alignment by hand", "[alignment]") {
  // Frame by frame the likeliest: a, blank, a, b. Rows: probabilities of blank, a, b.
  const Tensor log_probs = torch::tensor({{0.1, 0.8, 0.1}, {0.7, 0.2, 0.1}, {0.2, 0.6, 0.2}, {0.1, 0.3, 0.6}}).log();
  SECTION("spans, labels and scores") {
    const CtcAlignment a = ctc_forced_align(log_probs, {1, 1, 2});
    CHECK(a.labels == std::vector<int64_t>{1, 0, 1, 2});
    REQUIRE(a.spans.size() == 3);
    CHECK((a.spans[1].token == 1 && a.spans[1].start == 2 && a.spans[1].stop == 3));
    CHECK_THAT(a.log_score, WithinRel(std::log(0.8 * 0.7 * 0.6 * 0.6), 1e-6));
    CHECK_THAT(a.spans[2].score, WithinRel(std::log(0.6), 1e-6));
  }
  SECTION("without the repeat the same frames are one span") {
    const CtcAlignment a = ctc_forced_align(torch::tensor({{0.1, 0.8, 0.1}, {0.3, 0.6, 0.1}, {0.2, 0.2, 0.6}}).log(), {1, 2});
    CHECK(a.labels == std::vector<int64_t>{1, 1, 2});
    CHECK((a.spans[0].start == 0 && a.spans[0].stop == 2));
    CHECK_THAT(a.spans[0].score, WithinRel((std::log(0.8) + std::log(0.6)) / 2, 1e-6));
  }
  SECTION("a token of probability 0 where it stands alone") {
    Tensor holes = log_probs.clone();
    holes[0][1] = -kInf;
    CHECK(ctc_forced_align(holes, {1, 2}).labels == std::vector<int64_t>{0, 0, 1, 2});
  }
  SECTION("no tokens, no frames") {
    const CtcAlignment a = ctc_forced_align(log_probs, std::vector<int64_t>{});
    CHECK(a.spans.empty());
    CHECK(a.labels == std::vector<int64_t>(4, 0));
    CHECK_THAT(a.log_score, WithinRel(std::log(0.1 * 0.7 * 0.2 * 0.1), 1e-6));
    const CtcAlignment none = ctc_forced_align(torch::empty({0, 3}), std::vector<int64_t>{});
    CHECK((none.labels.empty() && none.spans.empty() && none.log_score == 0));
  }
  SECTION("just enough frames") {
    CHECK(ctc_frames_needed({1, 1, 2, 2}) == 6);
    CHECK(ctc_frames_needed({}) == 0);
    CHECK(ctc_forced_align(some_log_probs({6, 3}), {1, 1, 2, 2}).labels == std::vector<int64_t>{1, 0, 1, 2, 0, 2});
  }
}

TEST_CASE("no path has a higher score than the one found", "[alignment]") {
  Random random(2);
  torch::manual_seed(2);
  int64_t tried = 0, impossible = 0;
  for (int64_t round = 0; round < 150; ++round) {
    const int64_t frames = 1 + random.below(7), vocab = 2 + random.below(2), blank = random.below(vocab);
    const auto targets = some_targets(random.below(frames + 1), vocab, blank, random);
    Tensor log_probs = some_log_probs({frames, vocab}).to(round % 2 == 0 ? at::kFloat : at::kDouble);
    if (round % 3 == 0) log_probs.masked_fill_(torch::rand({frames, vocab}) < 0.15, -kInf);
    INFO("round " << round);
    const double best = best_by_trying(log_probs, targets, blank);
    if (best == -kInf) {
      ++impossible;
      CHECK_THROWS_AS(ctc_forced_align(log_probs, targets, {.blank = blank}), DataError);
      continue;
    }
    ++tried;
    const CtcAlignment a = ctc_forced_align(log_probs, targets, {.blank = blank});
    CHECK_THAT(a.log_score, WithinAbs(best, 1e-9));
    check_consistent(a, log_probs, targets, blank);
  }
  CHECK(tried > 80);
  CHECK(impossible > 10);
}

TEST_CASE("ctc alignment equals the trellis of tests/fixtures/make_ctc_align.py", "[alignment]") {
  std::map<std::string, Tensor> fixtures;
  for (auto& [name, tensor] : load_safetensors(fixture("ctc_align.safetensors"))) fixtures[name] = tensor;
  for (const std::string c : {"0.", "1.", "2.", "3."}) {
    INFO("case " << c);
    const auto list = [&](const std::string& name) {
      const Tensor t = fixtures.at(c + name).contiguous();
      return std::vector<int64_t>(t.const_data_ptr<int64_t>(), t.const_data_ptr<int64_t>() + t.numel());
    };
    const CtcAlignment a = ctc_forced_align(fixtures.at(c + "log_probs"), list("targets"), {.blank = list("blank")[0]});
    CHECK(a.labels == list("labels"));
    CHECK_THAT(a.log_score, WithinRel(fixtures.at(c + "score").item<double>(), 1e-13));
    std::vector<int64_t> spans;
    std::vector<double> means;
    for (const TokenSpan& span : a.spans) {
      spans.insert(spans.end(), {span.start, span.stop});
      means.push_back(span.score);
    }
    CHECK(spans == list("spans"));
    CHECK_THAT(torch::tensor(means, torch::kDouble), AllClose(fixtures.at(c + "means"), 1e-12, 1e-12));
  }
}

TEST_CASE("the score is the limit of LibTorch's CTC loss as probabilities become certain", "[alignment]") {
  // -ctc_loss(k x) / k = log(sum over paths of exp(k score)) / k, which tends to the highest score: within log(number of paths) / k above it.
  Random random(4);
  torch::manual_seed(4);
  const Tensor log_probs = some_log_probs({40, 6}).to(at::kDouble);
  const auto targets = some_targets(15, 6, 0, random);
  constexpr double kSharp = 1e5;
  const Tensor loss = at::ctc_loss((log_probs * kSharp).unsqueeze(1), torch::tensor(targets).unsqueeze(0), torch::tensor({40}), torch::tensor({15}),
                                   0, at::Reduction::Sum);
  const double limit = -loss.item<double>() / kSharp, score = ctc_forced_align(log_probs, targets).log_score;
  CHECK(limit >= score - 1e-9);
  CHECK(limit <= score + 40 * std::log(3.0) / kSharp);
}

TEST_CASE("a batch is its samples, and padding is never read", "[alignment]") {
  Random random(3);
  torch::manual_seed(3);
  const std::vector<int64_t> sizes = {50, 7, 0, 33, 200};
  const int64_t batch = std::ssize(sizes), vocab = 9;
  Tensor log_probs = torch::full({batch, 200, vocab}, std::numeric_limits<float>::quiet_NaN());
  std::vector<std::vector<int64_t>> targets;
  std::vector<CtcAlignment> singles;
  for (int64_t b = 0; b < batch; ++b) {
    const int64_t size = sizes[static_cast<size_t>(b)];
    log_probs[b].narrow(0, 0, size).copy_(some_log_probs({size, vocab}));
    targets.push_back(some_targets(size / 3, vocab, 4, random));
    singles.push_back(ctc_forced_align(log_probs[b].narrow(0, 0, size).clone(), targets.back(), {.blank = 4}));
    CHECK(std::ssize(singles.back().labels) == size);
  }
  for (const int threads : {1, 3}) {
    const ThreadScope scope(threads);
    const auto all = ctc_forced_align(log_probs, torch::tensor(sizes), targets, {.blank = 4});
    REQUIRE(std::ssize(all) == batch);
    for (size_t b = 0; b < all.size(); ++b) CHECK(same(all[b], singles[b]));
  }
  SECTION("any stride, with gradients, half precision") {
    const Tensor plain = some_log_probs({40, vocab}), turned = plain.t().contiguous().t(), wide = torch::cat({plain, plain}, 1).narrow(1, 0, vocab);
    const CtcAlignment expected = ctc_forced_align(plain, {1, 2, 3});
    CHECK(same(ctc_forced_align(turned, {1, 2, 3}), expected));
    CHECK(same(ctc_forced_align(wide, {1, 2, 3}), expected));
    CHECK(same(ctc_forced_align(plain.clone().requires_grad_(), {1, 2, 3}), expected));
    CHECK(same(ctc_forced_align(plain.to(at::kBFloat16), {1, 2, 3}), ctc_forced_align(plain.to(at::kBFloat16).to(at::kFloat), {1, 2, 3})));
  }
  SECTION("undefined lengths are the whole of it; a batch of none") {
    const Tensor full = some_log_probs({2, 30, vocab});
    const auto all = ctc_forced_align(full, {}, std::vector<std::vector<int64_t>>{{1}, {2, 2}});
    CHECK(same(all[1], ctc_forced_align(full[1], {2, 2})));
    CHECK(ctc_forced_align(torch::empty({0, 5, 3}), {}, std::vector<std::vector<int64_t>>{}).empty());
  }
}

TEST_CASE("ctc alignment of what cannot be", "[alignment]") {
  const Tensor log_probs = some_log_probs({2, 6, 4});
  const auto align = [&](const Tensor& x, std::vector<std::vector<int64_t>> targets, CtcAlignOptions options = {}, const Tensor& lengths = {}) {
    return ctc_forced_align(x, lengths, targets, options);
  };
  CHECK_THROWS_WITH(
      align(log_probs, {{1}, {1, 1, 2, 2, 3}}),
      ContainsSubstring("sample 1: expected at least 7 frames for 5 tokens, 2 of which equal the one before and need a blank between, got 6 frames"));
  CHECK_THROWS_WITH(align(log_probs, {{1}, {1, 2}}, {}, torch::tensor({6, 1})), ContainsSubstring("sample 1: expected at least 2 frames"));
  CHECK_THROWS_WITH(align(log_probs, {{1}, {2, 4}}), ContainsSubstring("sample 1: expected targets within 0..3, got 4 at place 1"));
  CHECK_THROWS_WITH(align(log_probs, {{1, -1}, {2}}), ContainsSubstring("sample 0: expected targets within 0..3, got -1 at place 1"));
  CHECK_THROWS_WITH(align(log_probs, {{1}, {2, 0}}), ContainsSubstring("sample 1: expected targets without the blank 0, got it at place 1"));
  CHECK_THROWS_AS(align(log_probs, {{1}, {2}}, {.blank = 4}), ConfigError);
  CHECK_THROWS_AS(align(log_probs, {{1}, {2}}, {.blank = -1}), ConfigError);
  CHECK_THROWS_AS(align(log_probs, {{1}, {2}}, {.max_memory_mb = 15}), ConfigError);
  CHECK_THROWS_AS(align(log_probs, {{1}}), ShapeError);
  CHECK_THROWS_AS(align(log_probs[0], {{1}}), ShapeError);
  CHECK_THROWS_AS(align(torch::zeros({1, 2, 3}, torch::kLong), {{1}}), ShapeError);
  CHECK_THROWS_AS(align(log_probs, {{1}, {2}}, {}, torch::tensor({6, 7})), DataError);
  CHECK_THROWS_AS(align(log_probs, {{1}, {2}}, {}, torch::tensor({6.0, 6.0})), ShapeError);
  CHECK_THROWS_AS(align(log_probs, {{1}, {2}}, {}, torch::tensor({6})), ShapeError);
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), kInf}) {
    Tensor broken = log_probs.clone();
    broken[1][3][2] = bad;
    CHECK_THROWS_WITH(align(broken, {{1}, {1}}), ContainsSubstring("sample 1: expected log-probabilities below +inf, got " +
                                                                   std::string(bad > 0 ? "inf" : "nan") + " in frame 3 for token 2"));
  }
  Tensor holes = log_probs.clone();
  holes[0].select(1, 3).fill_(-kInf);
  CHECK_THROWS_WITH(align(holes, {{3}, {3}}),
                    ContainsSubstring("sample 0: expected a way to say the 1 tokens in 6 frames, got a probability of 0 for every one"));
  // 16 MB hold neither the scores of 200,000 tokens now and then nor the path.
  CHECK_THROWS_WITH(ctc_forced_align(torch::zeros({2000000, 2}), std::vector<int64_t>(200000, 1), {.max_memory_mb = 16}),
                    ContainsSubstring("expected max_memory_mb of"));
}

TEST_CASE("ctc alignment tells how far it is and stops when asked", "[alignment]") {
  torch::manual_seed(6);
  const Tensor log_probs = some_log_probs({2, 600, 5});
  const std::vector<std::vector<int64_t>> targets = {{1, 2, 3}, {4}};
  std::vector<Progress> told;
  const auto note = [&](const Progress& p) { told.push_back(p); };
  SECTION("one sample") { ctc_forced_align(log_probs[0], targets[0], {}, note); }
  SECTION("a batch") { ctc_forced_align(log_probs, torch::tensor({600, 0}), std::vector<std::vector<int64_t>>{{1, 2, 3}, {}}, {}, note); }
  SECTION("cancelled") {
    const CancelToken cancel;
    cancel.cancel();
    CHECK_THROWS_AS(ctc_forced_align(log_probs[0], targets[0], {}, note, cancel), CancelledError);
    CHECK_THROWS_AS(ctc_forced_align(log_probs, {}, targets, {}, {}, cancel), CancelledError);
    return;
  }
  SECTION("by an exception") {
    CHECK_THROWS_AS(ctc_forced_align(log_probs, {}, targets, {}, [](const Progress&) { throw std::domain_error("enough"); }), std::domain_error);
    return;
  }
  REQUIRE(!told.empty());
  CHECK((told.back().done == 600 && told.back().total == 600 && told.back().stage == "ctc_forced_align"));
}

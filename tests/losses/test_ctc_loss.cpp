// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core/error.hpp>
#include <alloy/losses/ctc_loss.hpp>

#include <cmath>

using namespace alloy;

namespace {

/// Minus the log of the summed probability of all paths, one by one. @param log_probs  [T, V] double
double by_paths(const Tensor& log_probs, const std::vector<int64_t>& target, int64_t blank) {
  const int64_t frames = log_probs.size(0), tokens = log_probs.size(1);
  double sum = 0;
  int64_t paths = 1;
  for (int64_t t = 0; t < frames; ++t) paths *= tokens;
  for (int64_t path = 0; path < paths; ++path) {
    std::vector<int64_t> read;
    double score = 0;
    int64_t last = -1, rest = path;
    for (int64_t t = 0; t < frames; ++t) {
      const int64_t token = rest % tokens;
      rest /= tokens;
      score += log_probs[t][token].item<double>();
      if (token != last && token != blank) read.push_back(token);
      last = token;
    }
    if (read == target) sum += std::exp(score);
  }
  return -std::log(sum);
}

Tensor random_log_probs(int64_t batch, int64_t frames, int64_t tokens) {
  return torch::randn({batch, frames, tokens}, torch::kDouble).log_softmax(-1);
}

}  // namespace

TEST_CASE("ctc_loss is minus the log of the sum over all paths", "[losses]") {
  torch::manual_seed(1);
  const int64_t blank = GENERATE(0, 2);
  const Tensor log_probs = random_log_probs(3, 5, 3);
  const int64_t a = blank == 0 ? 1 : 0, b = blank == 0 ? 2 : 1;
  const std::vector<std::vector<int64_t>> targets = {{a, a}, {b}, {a, b, a}};
  double expected = 0;
  const std::vector<int64_t> lengths = {5, 3, 4};
  for (int64_t i = 0; i < 3; ++i) {
    const auto& target = targets[static_cast<size_t>(i)];
    expected += by_paths(log_probs[i].slice(0, 0, lengths[static_cast<size_t>(i)]), target, blank) / static_cast<double>(target.size()) / 3;
  }
  CHECK(ctc_loss(log_probs, torch::tensor(lengths), targets, blank).item<double>() == Approx(expected).epsilon(1e-10));
}

TEST_CASE("ctc_loss: an empty target has the path of blanks", "[losses]") {
  torch::manual_seed(2);
  const Tensor log_probs = random_log_probs(1, 4, 3);
  CHECK(ctc_loss(log_probs, {}, {{}}).item<double>() == Approx(-log_probs[0].select(1, 0).sum().item<double>()));
}

TEST_CASE("the gradient of ctc_loss", "[losses]") {
  torch::manual_seed(3);
  const Tensor logits = torch::randn({2, 5, 4}, torch::kDouble).requires_grad_();
  const auto loss = [&] { return ctc_loss(logits.log_softmax(-1), torch::tensor({5, 4}, torch::kLong), {{1, 2, 2}, {3}}); };
  CHECK(gradient_error(loss, {logits}) < 1e-6);
  const Tensor grad = torch::autograd::grad({loss()}, {logits})[0];
  CHECK(grad[1][4].abs().sum().item<double>() == 0);  // behind the length
}

TEST_CASE("what lies behind a sample's length changes no loss", "[losses]") {
  torch::manual_seed(4);
  const Tensor log_probs = random_log_probs(2, 6, 4);
  const std::vector<std::vector<int64_t>> targets = {{1, 2}, {3, 3}};
  const Tensor lengths = torch::tensor({4, 6}, torch::kLong);
  Tensor other = log_probs.clone();
  other[0].slice(0, 4).fill_(-7);
  CHECK_THAT(ctc_loss(other, lengths, targets), SameBits(ctc_loss(log_probs, lengths, targets)));
  const Tensor alone = ctc_loss(log_probs[0].slice(0, 0, 4).unsqueeze(0), {}, {targets[0]}),
               second = ctc_loss(log_probs[1].unsqueeze(0), {}, {targets[1]});
  CHECK_THAT(ctc_loss(log_probs, lengths, targets), AllClose((alone + second) / 2, 1e-12));
}

TEST_CASE("ctc_loss names what is wrong", "[losses]") {
  const Tensor log_probs = random_log_probs(2, 3, 4);
  CHECK_THROWS_WITH(ctc_loss(log_probs, {}, {{1}, {1, 1, 2}}), ContainsSubstring("at least 4 frames for the 3 tokens of sample 1, got 3"));
  CHECK_THROWS_WITH(ctc_loss(log_probs, {}, {{1}, {2, 4}}), ContainsSubstring("got 4 at place 1 of sample 1"));
  CHECK_THROWS_WITH(ctc_loss(log_probs, {}, {{1}, {0}}), ContainsSubstring("without the blank 0"));
  CHECK_THROWS_AS(ctc_loss(log_probs, {}, {{1}, {-1}}), DataError);
  CHECK_THROWS_AS(ctc_loss(log_probs, {}, {{1}}), ShapeError);
  CHECK_THROWS_AS(ctc_loss(log_probs, {}, {{1}, {1}}, 4), ConfigError);
  CHECK_THROWS_AS(ctc_loss(log_probs, torch::tensor({3, 4}, torch::kLong), {{1}, {1}}), ShapeError);
  CHECK_THROWS_AS(ctc_loss(log_probs, torch::tensor({3, 0}, torch::kLong), {{1}, {}}), ShapeError);
  CHECK_THROWS_AS(ctc_loss(log_probs, torch::tensor({3, 3}, torch::kInt), {{1}, {1}}), ShapeError);
  CHECK_THROWS_AS(ctc_loss(log_probs[0], {}, {{1}}), ShapeError);
  CHECK_THROWS_AS(ctc_loss(log_probs.to(torch::kLong), {}, {{1}, {1}}), ShapeError);
}

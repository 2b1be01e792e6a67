// SPDX-License-Identifier: Apache-2.0
// Reliability row T1: what every loss is before anything is learnt, and for pairs that are orthonormal.
#include "support/catch.hpp"

#include <alloy/core/threads.hpp>
#include <alloy/losses.hpp>

#include <cmath>

using namespace alloy;

namespace {

constexpr int64_t kDim = 1040, kPast = 16;
constexpr double kBias = -10;  // SigLIP's

/// A loss of partners a_i and b_i with the values that it has at B rows and the inverse temperature s.
struct Known {
  std::string name;
  std::function<Tensor(const Tensor& a, const Tensor& b, const Tensor& s)> loss;
  std::function<double(double rows)> untrained;                ///< similarities near 0, s = 1
  std::function<double(double rows, double s)> orthonormal;    ///< partners equal, all others at right angles
};

double ln_one_plus(double x) { return std::log1p(x); }
double ln_rows(double rows) { return std::log(rows); }
double nce(double rows, double s) { return ln_one_plus((rows - 1) * std::exp(-s)); }
double sigmoid(double rows, double s) { return ln_one_plus(std::exp(-s - kBias)) + (rows - 1) * ln_one_plus(std::exp(kBias)); }

Tensor both(const Tensor& a, const Tensor& b) { return at::cat({a, b}); }
Tensor classes(const Tensor& a) { return torch::arange(a.size(0)).repeat({2}); }
/// Two tokens, at right angles where rows are axes.
TokenFeatures tokens(const Tensor& x) { return {torch::stack({x, x.roll(512, 1)}, 1)}; }

/// By a module, whose scale starts at s.
std::function<Tensor(const Tensor&, const Tensor&, const Tensor&)> pairwise(PairObjective objective) {
  return [objective](const Tensor& a, const Tensor& b, const Tensor& s) {
    const bool biased = objective == PairObjective::sigmoid;
    PairwiseLoss loss({.modalities = {"a", "b"}, .objective = objective, .scale = {.start = s.item<double>(), .bias = biased ? kBias : 0, .with_bias = biased}});
    loss->to(a.scalar_type());
    return loss->forward({{"a", {a}}, {"b", {b}}}).total;
  };
}

std::vector<Known> in_batch_losses() {
  const auto less_one = [](double rows) { return std::log(rows - 1); };
  return {
      {"info_nce", [](const Tensor& a, const Tensor& b, const Tensor& s) { return info_nce(a, b, s); }, ln_rows, nce},
      {"info_nce_against", [](const Tensor& a, const Tensor& b, const Tensor& s) { return info_nce_against(a, b, s); }, ln_rows, nce},
      {"sigmoid_loss", [](const Tensor& a, const Tensor& b, const Tensor& s) { return sigmoid_loss(a, b, s, torch::full({}, kBias, a.options())); }, [](double rows) { return sigmoid(rows, 0); }, sigmoid},
      {"sigmoid_loss_against", [](const Tensor& a, const Tensor& b, const Tensor& s) { return sigmoid_loss_against(a, b, s, torch::full({}, kBias, a.options())); },
       [](double rows) { return sigmoid(rows, 0); }, sigmoid},
      {"decoupled_contrastive", [](const Tensor& a, const Tensor& b, const Tensor& s) { return decoupled_contrastive(a, b, s); }, less_one, [](double rows, double s) { return std::log(rows - 1) - s; }},
      {"token_wise_contrastive", [](const Tensor& a, const Tensor& b, const Tensor& s) { return token_wise_contrastive(tokens(a), tokens(b), s); }, ln_rows, nce},
      {"pairwise, info_nce", pairwise(PairObjective::info_nce), ln_rows, nce},
      {"pairwise, sigmoid", pairwise(PairObjective::sigmoid), [](double rows) { return sigmoid(rows, 0); }, sigmoid},
      {"pairwise, decoupled", pairwise(PairObjective::decoupled), less_one, [](double rows, double s) { return std::log(rows - 1) - s; }},
  };
}

std::vector<Known> other_losses() {
  const auto nested = [](const Tensor& a, const Tensor& b, const Tensor& s) { return matryoshka(a, b, {520, kDim}, [&](const Tensor& x, const Tensor& y) { return info_nce(x, y, s); }, {3, 1}); };
  const auto queued = [](const Tensor& a, const Tensor& b, const Tensor& s) {
    MemoryQueue queue({.size = kPast, .dim = kDim});
    queue->push(torch::eye(kDim, a.options()).slice(0, kDim - kPast));
    return info_nce_against(a, queue->with(b), s);
  };
  // A teacher who gives the partner the probability 1 / (1 + (B - 1) e^-5).
  const auto distilled = [](const Tensor& a, const Tensor& b, const Tensor& s) {
    const Tensor axes = torch::eye(a.size(0), a.options());
    return similarity_distillation({a, b, s}, {axes, axes, torch::full({}, 5.0, a.options())});
  };
  const auto mined = [](const Tensor& a, const Tensor& b, const Tensor& s) {  // epsilon: all are
    return multi_similarity(both(a, b), classes(a), {.alpha = s.item<double>(), .beta = s.item<double>(), .base = 0, .epsilon = 3});
  };
  const auto triplet = [](Negatives negatives) {
    return [negatives](const Tensor& a, const Tensor& b, const Tensor& s) { return triplet_loss(s * a, b, {}, {.margin = 3, .negatives = negatives}); };
  };
  const auto margin = [](double) { return 3.0; };
  const auto violated = [](double, double s) { return std::max(0.0, 3 - s); };
  return {
      {"supervised_contrastive", [](const Tensor& a, const Tensor& b, const Tensor& s) { return supervised_contrastive(both(a, b), classes(a), s); }, [](double rows) { return std::log(2 * rows - 1); },
       [](double rows, double s) { return ln_one_plus((2 * rows - 2) * std::exp(-s)); }},
      {"matryoshka", nested, ln_rows, nce},
      {"memory_queue", queued, [](double rows) { return std::log(rows + kPast); }, [](double rows, double s) { return nce(rows + kPast, s); }},
      {"similarity_distillation", distilled, ln_rows, [](double rows, double s) { return nce(rows, s) + s * (1 - 1 / (1 + (rows - 1) * std::exp(-5.0))); }},
      {"multi_similarity", mined, [](double rows) { return std::log(2) + std::log(2 * rows - 1); },
       [](double rows, double s) { return (ln_one_plus(std::exp(-s)) + std::log(2 * rows - 1)) / s; }},
      {"triplet, all", triplet(Negatives::all), margin, violated},
      {"triplet, hardest", triplet(Negatives::hardest), margin, violated},
      {"triplet, semi-hard", triplet(Negatives::semi_hard), nullptr, violated},  // untrained, it depends on chance which negatives count
  };
}

std::vector<Known> all_losses() {
  std::vector<Known> all = in_batch_losses();
  std::ranges::move(other_losses(), std::back_inserter(all));
  return all;
}

Tensor unit(const Tensor& x) { return x / x.norm(2, {1}, true); }

}  // namespace

TEST_CASE("row T1: untrained losses, about ln B at scale 1", "[losses]") {
  const ThreadScope one(1);
  for (const int64_t rows : {2, 8, 64, 512}) {
    torch::manual_seed(static_cast<uint64_t>(rows));
    const Tensor a = unit(torch::randn({rows, kDim})), b = unit(torch::randn({rows, kDim})), s = torch::ones({});
    for (const Known& known : all_losses()) {
      if (!known.untrained) continue;
      INFO(known.name << ", " << rows << " rows");
      const double wanted = known.untrained(static_cast<double>(rows));
      const double off = 0.05 * (wanted == 0 ? 1 : std::max(std::abs(wanted), std::log(static_cast<double>(rows))));  // 0: one negative, whose similarity is all there is
      CHECK_THAT(known.loss(a, b, s).item<double>(), WithinAbs(wanted, off));
    }
  }
}

TEST_CASE("row T1: orthonormal pairs, exactly ln(1 + (B - 1) e^-s)", "[losses]") {
  const ThreadScope one(1);
  for (const auto type : {torch::kFloat, torch::kDouble})
    for (const int64_t rows : {2, 8, 64, 512})
      for (const double s : {1.0, 14.3, 100.0}) {
        if (rows == 512 && s != 14.3) continue;  // for time
        const Tensor axes = torch::eye(kDim, type).slice(0, 0, rows);
        for (const Known& known : all_losses()) {
          INFO(known.name << ", " << rows << " rows, scale " << s << ", " << type);
          const double wanted = known.orthonormal(static_cast<double>(rows), s);
          const bool rounded = type == torch::kFloat || known.name.starts_with("pairwise");  // whose logarithm of the scale was made in float
          CHECK_THAT(known.loss(axes, axes, torch::full({}, s, type)).item<double>(), WithinAbs(wanted, (rounded ? 2e-6 : 1e-12) * std::max({1.0, s, std::abs(wanted)})));
        }
      }
}

// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alloy.hpp>

using namespace alloy;

namespace {

struct Expected {
  double rank = 0, reciprocal = 0;
  std::vector<double> recall;
};

/// By trying every order of the items in which no score stands before a larger one.
Expected over_all_orders(const std::vector<double>& scores, const std::vector<bool>& right, const std::vector<int64_t>& ks) {
  std::vector<size_t> order(scores.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  Expected sum{.recall = std::vector<double>(ks.size())};
  double count = 0;
  do {
    bool sorted = true;
    for (size_t i = 1; i < order.size(); ++i) sorted = sorted && scores[order[i - 1]] >= scores[order[i]];
    if (!sorted) continue;
    size_t rank = 1;
    while (!right[order[rank - 1]]) ++rank;
    sum.rank += static_cast<double>(rank);
    sum.reciprocal += 1.0 / static_cast<double>(rank);
    for (size_t k = 0; k < ks.size(); ++k) sum.recall[k] += static_cast<int64_t>(rank) <= ks[k];
    ++count;
  } while (std::ranges::next_permutation(order).found);
  sum.rank /= count;
  sum.reciprocal /= count;
  for (double& r : sum.recall) r /= count;
  return sum;
}

const BootstrapOptions kQuick = {.resamples = 20};

double value(const RetrievalScores& s, const char* name) { return s.at(name).score.value; }

std::string what(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing thrown";
}

}  // namespace

TEST_CASE("retrieval by hand", "[eval]") {
  // ranks of the diagonal: 1, 3, 2, 1
  const Tensor s = torch::tensor({{0.9, 0.1, 0.2, 0.3}, {0.8, 0.4, 0.7, 0.1}, {0.5, 0.1, 0.4, 0.2}, {0.0, -0.5, 0.1, 0.6}});
  const RetrievalScores r = retrieval_scores(s, {.ks = {1, 2, 10}});
  CHECK(r.queries == 4);
  CHECK(r.items == 4);
  CHECK_THAT(r.ranks, AllClose(torch::tensor({1., 3., 2., 1.}, torch::kDouble)));
  CHECK(value(r, "R@1") == 0.5);
  CHECK(value(r, "R@2") == 0.75);
  CHECK(value(r, "R@10") == 1.0);
  CHECK(value(r, "median_rank") == 1.5);
  CHECK(value(r, "mean_rank") == 1.75);
  CHECK_THAT(value(r, "mrr"), WithinAbs((1 + 1 / 3.0 + 0.5 + 1) / 4, 1e-12));
  CHECK(r.at("R@1").chance == 0.25);
  CHECK_THAT(r.at("R@2").chance, WithinAbs(0.5, 1e-12));
  CHECK(r.at("R@10").chance == 1.0);
  CHECK(r.at("median_rank").chance == 2.5);
  CHECK(r.at("mean_rank").chance == 2.5);
  CHECK_THAT(r.at("mrr").chance, WithinAbs((1 + 1 / 2.0 + 1 / 3.0 + 1 / 4.0) / 4, 1e-12));
  CHECK_THAT(what([&] { r.at("R@3"); }), ContainsSubstring("R@1, R@2, R@10, median_rank, mean_rank, mrr, got 'R@3'"));
  SECTION("of several right items the best counts; queries and items may differ in number") {
    const Tensor wide = torch::tensor({{0.9f, 0.5f, 0.6f}, {0.1f, 0.2f, 0.3f}});
    const RetrievalScores both = retrieval_scores(wide, {.query_ids = torch::tensor({7, 3}), .item_ids = torch::tensor({3, 7, 7}), .ks = {1}});
    CHECK_THAT(both.ranks, AllClose(torch::tensor({2., 3.}, torch::kDouble)));
    CHECK_THAT(both.at("R@1").chance, WithinAbs((2 / 3.0 + 1 / 3.0) / 2, 1e-12));
    CHECK_THAT(both.at("mean_rank").chance, WithinAbs((4 / 3.0 + 2) / 2, 1e-12));
  }
}

TEST_CASE("retrieval scores are the mean over all orders of what is tied", "[eval]") {
  Random random(3);
  const std::vector<int64_t> ks = {1, 2, 4};
  for (int trial = 0; trial < 12; ++trial) {
    const int64_t items = 2 + random.below(5), queries = 1 + random.below(4), levels = 1 + random.below(3);
    const Tensor s = torch::empty({queries, items}), item_ids = torch::empty({items}, torch::kLong), query_ids = torch::empty({queries}, torch::kLong);
    for (int64_t i = 0; i < items; ++i) item_ids[i] = random.below(3);
    for (int64_t q = 0; q < queries; ++q) {
      query_ids[q] = item_ids[random.below(items)];
      for (int64_t i = 0; i < items; ++i) s[q][i] = static_cast<double>(random.below(levels));
    }
    Expected mean{.recall = std::vector<double>(ks.size())}, chance = mean;
    for (int64_t q = 0; q < queries; ++q) {
      std::vector<double> row;
      std::vector<bool> right;
      for (int64_t i = 0; i < items; ++i) row.push_back(s[q][i].item<double>()), right.push_back(item_ids[i].item<int64_t>() == query_ids[q].item<int64_t>());
      for (auto& [sum, scores] : {std::pair<Expected*, std::vector<double>>{&mean, row}, {&chance, std::vector<double>(row.size())}}) {
        const Expected e = over_all_orders(scores, right, ks);
        sum->rank += e.rank / static_cast<double>(queries);
        sum->reciprocal += e.reciprocal / static_cast<double>(queries);
        for (size_t k = 0; k < ks.size(); ++k) sum->recall[k] += e.recall[k] / static_cast<double>(queries);
      }
    }
    const RetrievalScores r = retrieval_scores(s, {.query_ids = query_ids, .item_ids = item_ids, .ks = ks, .bootstrap = kQuick});
    const std::vector<double> means = {mean.recall[0], mean.recall[1], mean.recall[2]}, chances = {chance.recall[0], chance.recall[1], chance.recall[2]};
    for (size_t k = 0; k < ks.size(); ++k) {
      CHECK_THAT(r.scores[k].score.value, WithinAbs(means[k], 1e-12));
      CHECK_THAT(r.scores[k].chance, WithinAbs(chances[k], 1e-12));
    }
    CHECK_THAT(value(r, "mean_rank"), WithinAbs(mean.rank, 1e-12));
    CHECK_THAT(value(r, "mrr"), WithinAbs(mean.reciprocal, 1e-12));
    CHECK_THAT(r.at("mean_rank").chance, WithinAbs(chance.rank, 1e-12));
    CHECK_THAT(r.at("mrr").chance, WithinAbs(chance.reciprocal, 1e-12));
  }
}

TEST_CASE("tiles of embeddings give what the whole matrix gives", "[eval]") {
  // more than one tile both ways; small whole numbers, so that products are exact and often equal
  torch::manual_seed(4);
  const int64_t queries = 300, items = 4500;
  const Tensor q = torch::randint(-2, 3, {queries, 5}).to(torch::kFloat), x = torch::randint(-2, 3, {items, 5}).to(torch::kFloat);
  const Tensor item_ids = torch::randint(0, 400, {items}, torch::kLong), query_ids = item_ids.narrow(0, 0, queries);
  const RetrievalOptions options{.query_ids = query_ids, .item_ids = item_ids, .bootstrap = kQuick};
  const Tensor s = q.mm(x.t());
  const RetrievalScores tiled = retrieval_scores(q, x, options), whole = retrieval_scores(s, options);
  CHECK_THAT(tiled.ranks, SameBits(whole.ranks));
  for (size_t i = 0; i < tiled.scores.size(); ++i) {
    CHECK(tiled.scores[i].score.low == whole.scores[i].score.low);
    CHECK(tiled.scores[i].score.high == whole.scores[i].score.high);
  }
  const float* row = s.const_data_ptr<float>();
  for (int64_t i = 0; i < queries; ++i, row += items) {
    const int64_t id = query_ids[i].item<int64_t>();
    const int64_t* ids = item_ids.const_data_ptr<int64_t>();
    float best = -1e9f;
    for (int64_t j = 0; j < items; ++j)
      if (ids[j] == id) best = std::max(best, row[j]);
    double before = 0, tied = 0, right = 0;
    for (int64_t j = 0; j < items; ++j) before += row[j] > best, tied += row[j] == best, right += row[j] == best && ids[j] == id;
    if (std::abs(whole.ranks[i].item<double>() - (before + (tied + 1) / (right + 1))) > 1e-9) FAIL("query " << i);
  }
  SECTION("also where the right items are the diagonal, which most tiles do not hold") {
    const Tensor clean = torch::randn({items, 5}), noisy = clean + 0.3 * torch::randn_like(clean);
    const Tensor products = noisy.to(torch::kDouble).mm(clean.to(torch::kDouble).t()).to(torch::kFloat);
    CHECK_THAT(retrieval_scores(noisy, clean, {.bootstrap = kQuick}).ranks, AllClose(retrieval_scores(products, {.bootstrap = kQuick}).ranks, 0.5));
  }
}

TEST_CASE("a collapsed model gets what chance gets", "[eval]") {
  const Tensor same = torch::full({700, 3}, 0.57735f);
  const RetrievalScores r = retrieval_scores(same, same, {.bootstrap = kQuick});
  for (const auto& [name, score, chance] : r.scores) {
    INFO(name);
    CHECK_THAT(score.value, WithinRel(chance, 1e-9));
    CHECK(score.low == score.high);
  }
  CHECK_THAT(value(r, "R@10"), WithinAbs(10 / 700.0, 1e-12));
  CHECK(value(r, "median_rank") == 350.5);
  // two clusters: half the items are told apart, not more
  Tensor two = torch::cat({torch::tensor({{1.f, 0.f}}).expand({50, 2}), torch::tensor({{0.f, 1.f}}).expand({50, 2})});
  CHECK_THAT(value(retrieval_scores(two, two, {.bootstrap = kQuick}), "R@5"), WithinAbs(0.1, 1e-12));
}

TEST_CASE("retrieval: intervals, chance and edges", "[eval]") {
  torch::manual_seed(9);
  const Tensor s = torch::randn({60, 60}) + 3 * torch::eye(60);
  SECTION("the interval is that of a bootstrap over the queries, by its seed") {
    const Tensor hit = s.argmax(1).eq(torch::arange(60)).to(torch::kDouble);
    const BootstrapOptions by{.resamples = 300, .confidence = 0.9, .seed = 5};
    const Score expected = bootstrap(60, [&](const Tensor& i) { return hit.index_select(0, i).mean().item<double>(); }, by);
    const Score got = retrieval_scores(s, {.bootstrap = by}).at("R@1").score;
    CHECK_THAT(got.low, WithinAbs(expected.low, 1e-12));
    CHECK_THAT(got.high, WithinAbs(expected.high, 1e-12));
    CHECK(got.low < got.value);
    CHECK(retrieval_scores(s, {.bootstrap = {.resamples = 300, .confidence = 0.9, .seed = 6}}).at("mean_rank").score.low !=
          retrieval_scores(s, {.bootstrap = by}).at("mean_rank").score.low);
  }
  SECTION("chance") {
    CHECK_THAT(chance_recall(10, 3, 2), WithinAbs(1 - (7.0 * 6) / (10 * 9), 1e-12));
    CHECK(chance_recall(10, 3, 8) == 1.0);
    CHECK(chance_recall(10, 3, 0) == 0.0);
    CHECK_THAT(chance_recall(5000, 5, 10), WithinRel(1 - 0.990034, 1e-3));
    CHECK_THROWS_WITH(chance_recall(3, 4, 1), ContainsSubstring("got 4 right of 3"));
    // three right of four: the best stands first in 3 of 4 orders
    const RetrievalScores r = retrieval_scores(torch::zeros({1, 4}), {.query_ids = torch::tensor({1}), .item_ids = torch::tensor({1, 1, 0, 1}), .bootstrap = kQuick});
    CHECK(r.at("median_rank").chance == 1.0);
    CHECK_THAT(r.at("mean_rank").chance, WithinAbs(1.25, 1e-12));
  }
  SECTION("one query; scores masked with minus infinity; half precision") {
    CHECK(value(retrieval_scores(torch::ones({1, 1}), {.bootstrap = kQuick}), "R@1") == 1.0);
    const double inf = std::numeric_limits<double>::infinity();
    const Tensor masked = torch::tensor({{-inf, 1.0}, {2.0, 1.0}}, torch::kDouble);
    CHECK_THAT(retrieval_scores(masked, {.bootstrap = kQuick}).ranks, AllClose(torch::tensor({2., 2.}, torch::kDouble)));
    CHECK_THAT(retrieval_scores(masked.to(torch::kBFloat16), {.bootstrap = kQuick}).ranks, AllClose(torch::tensor({2., 2.}, torch::kDouble)));
    const Tensor eye = torch::eye(12, torch::kHalf);
    CHECK(value(retrieval_scores(eye, eye, {.bootstrap = kQuick}), "mean_rank") == 1.0);
  }
  SECTION("progress and cancel") {
    const Tensor x = torch::randn({600, 2});
    std::vector<int64_t> done;
    retrieval_scores(x, x, {.bootstrap = kQuick, .progress = [&](const Progress& p) { done.push_back(p.done); }});
    CHECK(done == std::vector<int64_t>{256, 512, 600});
    CancelToken cancel;
    CHECK_THROWS_AS(retrieval_scores(x, x, {.bootstrap = kQuick, .cancel = cancel, .progress = [&](const Progress&) { cancel.cancel(); }}), CancelledError);
  }
}

TEST_CASE("retrieval: errors", "[eval]") {
  Tensor s = torch::randn({600, 600});
  s[300][17] = std::nan("");
  CHECK_THROWS_AS(retrieval_scores(s), DataError);
  CHECK_THAT(what([&] { retrieval_scores(s); }), ContainsSubstring("without NaN, got one for query 300"));
  Tensor x = torch::randn({20, 3}), y = x.clone();
  y[4][1] = std::numeric_limits<float>::infinity();
  CHECK_THAT(what([&] { retrieval_scores(x, y); }), ContainsSubstring("in item 4"));
  CHECK_THAT(what([&] { retrieval_scores(y, x); }), ContainsSubstring("in query 4"));
  CHECK_THAT(what([&] { retrieval_scores(x); }), ContainsSubstring("20 queries and 3 items; set query_ids"));
  CHECK_THROWS_AS(retrieval_scores(x, torch::randn({20, 4})), ShapeError);
  CHECK_THROWS_AS(retrieval_scores(torch::randn({3})), ShapeError);
  CHECK_THROWS_AS(retrieval_scores(torch::ones({3, 3}, torch::kLong)), ShapeError);
  CHECK_THROWS_AS(retrieval_scores(torch::zeros({0, 0})), ShapeError);
  const Tensor ids = torch::arange(20);
  CHECK_THAT(what([&] { retrieval_scores(x, x, {.query_ids = ids}); }), ContainsSubstring("got those of queries only"));
  CHECK_THAT(what([&] { retrieval_scores(x, x, {.query_ids = ids, .item_ids = ids.narrow(0, 0, 5)}); }), ContainsSubstring("item_ids"));
  CHECK_THROWS_AS(retrieval_scores(x, x, {.query_ids = ids.to(torch::kFloat), .item_ids = ids}), ShapeError);
  CHECK_THAT(what([&] { retrieval_scores(x, x, {.query_ids = ids + 1, .item_ids = ids}); }), ContainsSubstring("none for query 19 (id 20)"));
  CHECK_THAT(what([&] { retrieval_scores(x, x, {.ks = {5, 0}}); }), ContainsSubstring("ks >= 1, got [5, 0]"));
  CHECK_THROWS_AS(retrieval_scores(x, x, {.ks = {5, 5}}), ConfigError);
  CHECK_THROWS_AS(retrieval_scores(x, x, {.bootstrap = {.resamples = 0}}), ConfigError);
}

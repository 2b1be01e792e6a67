// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alloy.hpp>

using namespace alloy;

TEST_CASE("metrics by hand", "[eval]") {
  const Tensor target = torch::tensor({0, 0, 1, 1, 2}), said = torch::tensor({0, 1, 1, 1, 0});
  CHECK_THAT(accuracy(said, target), WithinAbs(0.6, 1e-12));
  CHECK_THAT(confusion_matrix(said, target, 3), AllClose(torch::tensor({{1, 1, 0}, {0, 2, 0}, {1, 0, 0}})));
  CHECK_THAT(macro_f1(said, target, 3), WithinAbs((0.5 + 0.8 + 0.0) / 3, 1e-12));
  CHECK_THAT(macro_f1(said, target, 9), WithinAbs((0.5 + 0.8 + 0.0) / 3, 1e-12));  // classes that never occur do not count
  const Tensor probs = torch::tensor({{0.9, 0.1}, {0.9, 0.1}, {0.6, 0.4}, {0.4, 0.6}}, torch::kDouble);
  const Tensor truth = torch::tensor({0, 1, 0, 1});
  // bins of 0.1: (0.8, 0.9] holds two with accuracy 0.5, (0.5, 0.6] two with accuracy 1
  CHECK_THAT(expected_calibration_error(probs, truth, 10), WithinAbs(0.5 * 0.4 + 0.5 * 0.4, 1e-9));
  CHECK_THAT(brier_score(probs, truth), WithinAbs((0.02 + 1.62 + 0.32 + 0.32) / 4, 1e-9));
  CHECK_THROWS_AS(accuracy(torch::tensor({0.5}), torch::tensor({1})), ShapeError);
  CHECK_THROWS_AS(confusion_matrix(said, target, 2), DataError);
}

TEST_CASE("bootstrap intervals cover as they say", "[eval]") {
  // 200 experiments of 100 coin flips with p = 0.7: a 90 % interval holds p in about 90 % of them
  Random random(5);
  int covered = 0;
  for (int e = 0; e < 200; ++e) {
    std::vector<int64_t> flips(100);
    for (auto& f : flips) f = random.chance(0.7);
    const Tensor right = torch::tensor(flips).to(torch::kDouble);
    const Score s = bootstrap(100, [&](const Tensor& i) { return right.index_select(0, i).mean().item<double>(); }, {.resamples = 200, .confidence = 0.9, .seed = static_cast<uint64_t>(e)});
    CHECK(s.low <= s.value);
    CHECK(s.value <= s.high);
    covered += s.low <= 0.7 && 0.7 <= s.high;
  }
  CHECK(covered >= 160);
  CHECK(covered <= 196);
}

TEST_CASE("scores of a task", "[eval]") {
  const Scores c = score_predictions(torch::tensor({{2.f, 0.f}, {0.f, 1.f}}), torch::tensor({0, 0}), Task::classification);
  CHECK(c[0].first == "accuracy");
  CHECK(c[0].second.value == 0.5);
  const Scores m = score_predictions(torch::tensor({{1.f, -1.f}, {1.f, 1.f}}), torch::tensor({{1.f, 0.f}, {0.f, 1.f}}), Task::multilabel);
  CHECK_THAT(m[0].second.value, WithinAbs(0.8, 1e-12));
  CHECK(m[1].second.value == 0.5);
  const Scores r = score_predictions(torch::tensor({{1.f}, {2.f}, {4.f}}), torch::tensor({{1.f}, {2.f}, {3.f}}), Task::regression);
  CHECK_THAT(r[0].second.value, WithinAbs(1.0 / 3, 1e-9));
  CHECK_THAT(r[2].second.value, WithinAbs(0.5, 1e-9));
}

TEST_CASE("predictions on subsets, and what each modality contributes", "[eval]") {
  torch::NoGradGuard no_grad;
  FusionModel model(SumFusion({.modalities = {"a", "b"}, .dim = 2}), {.outputs = 2});
  model->add("a", FeatureEncoder({.in_dim = 2}));
  model->add("b", FeatureEncoder({.in_dim = 2}));
  for (auto& p : model->named_parameters())
    p.value().copy_(p.value().dim() == 2 ? torch::eye(2) : torch::zeros_like(p.value()));  // logits = mean of what is present
  std::vector<Sample> samples(3);
  samples[0] = {"both", {{"a", torch::tensor({4.f, 0.f})}, {"b", torch::tensor({0.f, 2.f})}}, torch::tensor(0)};
  samples[1] = {"only b", {{"b", torch::tensor({0.f, 2.f})}}, torch::tensor(1)};
  samples[2] = {"only a", {{"a", torch::tensor({1.f, 0.f})}}, torch::tensor(0)};
  const auto data = std::make_shared<MemoryDataset>(samples);
  Loader loader(data, {.batch_size = 2, .shuffle = false});
  const Predictions all = predict_all(model, loader);
  CHECK(all.ids == std::vector<std::string>{"both", "only b", "only a"});
  CHECK_THAT(all.logits, AllClose(torch::tensor({{2.f, 1.f}, {0.f, 2.f}, {1.f, 0.f}})));
  CHECK_THAT(all.weights, AllClose(torch::tensor({{0.5f, 0.5f}, {0.f, 1.f}, {1.f, 0.f}})));
  const Predictions a = predict_all(model, loader, {.only = {"a"}});
  CHECK(a.ids == std::vector<std::string>{"both", "only a"});
  CHECK_THAT(a.logits, AllClose(torch::tensor({{4.f, 0.f}, {1.f, 0.f}})));
  CHECK_THROWS_WITH(predict_all(model, loader, {.only = {"c"}}), ContainsSubstring("among a, b, got 'c'"));

  const Tensor c = leave_one_out(model, collate(samples).inputs);
  const auto log_prob = [](float x, float y) { return x - std::log(std::exp(x) + std::exp(y)); };
  CHECK_THAT(c[0][0].item<double>(), WithinAbs(log_prob(2, 1) - log_prob(0, 2), 1e-5));
  CHECK_THAT(c[0][1].item<double>(), WithinAbs(log_prob(2, 1) - log_prob(4, 0), 1e-5));
  CHECK(std::isnan(c[1][0].item<double>()));
  CHECK(std::isnan(c[1][1].item<double>()));
}

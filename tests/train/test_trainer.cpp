// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alloy.hpp>

#include <fstream>

using namespace alloy;

namespace {

/// Two views of a class, each noisy; `spoil` may change a sample.
std::shared_ptr<MemoryDataset> two_views(int64_t n, uint64_t seed, const std::function<void(int64_t, Sample&)>& spoil = {}) {
  Random random(seed);
  std::vector<Sample> samples;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t label = random.below(3);
    Sample s{.id = std::to_string(i), .values = {}, .target = torch::tensor(label)};
    for (const char* name : {"a", "b"}) {
      std::vector<float> x(6);
      for (auto& v : x) v = static_cast<float>(random.normal());
      x[static_cast<size_t>(label)] += name[0] == 'a' ? 2.5f : 1.5f;
      s.values.insert(name, torch::tensor(x));
    }
    if (spoil) spoil(i, s);
    samples.push_back(std::move(s));
  }
  return std::make_shared<MemoryDataset>(std::move(samples));
}

template <class Strategy>
FusionModel model_with(const Strategy& strategy) {
  FusionModel model(strategy, {.outputs = 3});
  model->add("a", FeatureEncoder({.in_dim = 6, .dim = 8}));
  model->add("b", FeatureEncoder({.in_dim = 6, .dim = 8}));
  return model;
}

double test_accuracy(const FusionModel& model, const PredictOptions& options = {}) {
  Loader loader(two_views(600, 99), {.shuffle = false});
  const Predictions p = predict_all(model, loader, options);
  return accuracy(p.logits.argmax(1), p.target);
}

}  // namespace

TEST_CASE("a trained fusion beats its parts", "[train]") {
  seed_everything(1);
  FusionModel model = model_with(GatedFusion({.modalities = {"a", "b"}, .dim = 8}));
  Loader train(two_views(600, 1), {.batch_size = 32}), valid(two_views(300, 2), {.shuffle = false});
  TempDir dir;
  int64_t steps_seen = 0;
  Trainer trainer(model, {.learning_rate = 0.02, .epochs = 6, .modality_dropout = 0.3, .log_file = dir / "log.jsonl"});
  const TrainResult result = trainer.fit(train, &valid, {.progress = [&](const Progress& p) { steps_seen = p.done; }});
  CHECK(result.epochs.size() == 6);
  CHECK(result.epochs.back().train_loss < 0.7 * result.epochs.front().train_loss);
  CHECK(result.steps == 6 * 19);
  CHECK(steps_seen == result.steps);
  const double both = test_accuracy(model), a = test_accuracy(model, {.only = {"a"}}), b = test_accuracy(model, {.only = {"b"}});
  CHECK(both > 0.88);
  CHECK(both > a + 0.02);
  CHECK(a > b);
  CHECK(b > 0.55);
  std::ifstream log(dir / "log.jsonl");
  std::string line;
  int64_t lines = 0;
  while (std::getline(log, line)) CHECK(parse_json(line, "log").at("epoch").as_int() == lines++);
  CHECK(lines == 6);
}

TEST_CASE("the same seed gives the same weights, bit for bit", "[train]") {
  const auto run = [](int64_t workers) {
    seed_everything(7);
    FusionModel model = model_with(ConcatFusion({.modalities = {"a", "b"}, .dim = 8, .dropout_rate = 0.2}));
    Loader train(two_views(200, 1), {.batch_size = 16, .workers = workers, .seed = 5});
    Trainer(model, {.epochs = 2, .modality_dropout = 0.2, .seed = 3}).fit(train);
    return model;
  };
  const FusionModel first = run(0), second = run(3);
  for (const auto& p : first->named_parameters()) CHECK_THAT(second->named_parameters()[p.key()], SameBits(p.value()));
}

TEST_CASE("the best state of the validation loss stays", "[train]") {
  seed_everything(2);
  FusionModel model = model_with(ConcatFusion({.modalities = {"a", "b"}, .dim = 64, .input_dims = {8, 8}}));
  Loader train(two_views(24, 3), {.batch_size = 8}), valid(two_views(200, 4), {.shuffle = false});  // overfits soon
  Trainer trainer(model, {.learning_rate = 0.05, .weight_decay = 0, .epochs = 60, .patience = 8});
  const TrainResult result = trainer.fit(train, &valid);
  CHECK(result.stopped_early);
  CHECK(result.epochs.size() < 60);
  const Predictions p = predict_all(model, valid);
  CHECK_THAT(task_loss(p.logits, p.target, Task::classification).item<double>(), WithinAbs(result.epochs[static_cast<size_t>(result.best_epoch)].valid_loss, 1e-4));
}

TEST_CASE("a decision rule learns on validation data", "[train]") {
  seed_everything(3);
  FusionModel model = model_with(LateFusion({.modalities = {"a", "b"}, .rule = LateRule::weighted_average, .calibrate = true}));
  Loader train(two_views(600, 1), {.batch_size = 32}), valid(two_views(600, 2), {.shuffle = false});
  Trainer(model, {.learning_rate = 0.02, .epochs = 6}).fit(train, &valid);
  const auto& rule = dynamic_cast<LateFusionImpl&>(**model->fusion().decision());
  CHECK(rule.weights()[0].item<double>() > 0.5);  // a is the better view
  CHECK(test_accuracy(model) > std::max(test_accuracy(model, {.only = {"a"}}), test_accuracy(model, {.only = {"b"}})));
}

TEST_CASE("steps that are not finite are skipped and counted", "[train]") {
  seed_everything(4);
  const auto spoil = [](int64_t every) {
    return [every](int64_t i, Sample& s) {
      if (i % every == 0) s.values.at("a") = torch::full({6}, std::numeric_limits<float>::infinity());
    };
  };
  FusionModel model = model_with(SumFusion({.modalities = {"a", "b"}, .dim = 8}));
  Loader few(two_views(400, 1, spoil(100)), {.batch_size = 8});
  const TrainResult result = Trainer(model, {.epochs = 1}).fit(few);
  CHECK(result.skipped_steps > 0);
  CHECK(result.skipped_steps <= 4);
  for (const auto& p : model->parameters()) CHECK(p.isfinite().all().item<bool>());
  Loader all(two_views(400, 1, spoil(1)), {.batch_size = 8});
  CHECK_THROWS_WITH(Trainer(model, {.epochs = 1}).fit(all), ContainsSubstring("10 bad steps in a row"));
}

TEST_CASE("permuted labels are learnt at chance", "[train]") {
  seed_everything(5);
  Random random(8);
  FusionModel model = model_with(ConcatFusion({.modalities = {"a", "b"}, .dim = 8}));
  Loader train(two_views(600, 1, [&](int64_t, Sample& s) { s.target = torch::tensor(random.below(3)); }), {.batch_size = 32});
  Trainer(model, {.epochs = 4}).fit(train);
  CHECK_THAT(test_accuracy(model), WithinAbs(1.0 / 3, 0.09));
}

TEST_CASE("training can be cancelled", "[train]") {
  FusionModel model = model_with(ConcatFusion({.modalities = {"a", "b"}, .dim = 8}));
  Loader train(two_views(400, 1), {.batch_size = 8});
  CancelToken cancel;
  int64_t steps = 0;
  CHECK_THROWS_AS(Trainer(model, {.epochs = 50}).fit(train, nullptr, {.progress = [&](const Progress&) { if (++steps == 7) cancel.cancel(); }, .cancel = cancel}), CancelledError);
  CHECK(steps == 7);
}

TEST_CASE("multilabel and regression", "[train]") {
  seed_everything(6);
  const auto with_target = [](const std::function<Tensor(const Sample&)>& target) {
    return [target](int64_t, Sample& s) { s.target = target(s); };
  };
  FusionModel labels(GatedFusion({.modalities = {"a", "b"}, .dim = 8}), {.task = Task::multilabel, .outputs = 2});
  FusionModel values(GatedFusion({.modalities = {"a", "b"}, .dim = 16}), {.task = Task::regression, .outputs = 1});
  for (FusionModel* m : {&labels, &values})
    for (const char* name : {"a", "b"}) (*m)->add(name, FeatureEncoder({.in_dim = 6, .dim = (m == &labels ? 8 : 16)}));
  Loader two(two_views(800, 1, with_target([](const Sample& s) { return torch::stack({s.values.at("a")[0], s.values.at("b")[1]}).gt(0).to(torch::kFloat); })), {.batch_size = 32});
  Trainer(labels, {.learning_rate = 0.02, .epochs = 8}).fit(two, &two);
  CHECK(score_predictions(predict_all(labels, two).logits, predict_all(labels, two).target, Task::multilabel, {.resamples = 5})[0].second.value > 0.9);
  Loader one(two_views(800, 1, with_target([](const Sample& s) { return (s.values.at("a")[0] - s.values.at("b")[1]).unsqueeze(0); })), {.batch_size = 32});
  Trainer(values, {.learning_rate = 0.02, .epochs = 10}).fit(one, &one);
  const Predictions p = predict_all(values, one);
  CHECK(score_predictions(p.logits, p.target, Task::regression, {.resamples = 5})[2].second.value > 0.8);
}

TEST_CASE("trainer options are checked", "[train]") {
  FusionModel model = model_with(ConcatFusion({.modalities = {"a", "b"}, .dim = 8}));
  CHECK_THROWS_AS(Trainer(model, {.learning_rate = 0}), ConfigError);
  CHECK_THROWS_WITH(Trainer(model, {.modality_dropout = 1.5}), ContainsSubstring("modality_dropout in 0..1, got 1.5"));
  Loader unlabelled(two_views(20, 1, [](int64_t, Sample& s) { s.target = Tensor(); }), {.batch_size = 8});
  CHECK_THROWS_WITH(Trainer(model, {.epochs = 1}).fit(unlabelled), ContainsSubstring("targets in the training data"));
}

// SPDX-License-Identifier: Apache-2.0
#include "support/contrastive.hpp"
#include "support/warnings.hpp"

using namespace alloy;

namespace {

struct Case {
  OptimizerKind kind;
  int64_t accum;
  int64_t stop;
  double average;
  int64_t epochs = 2;
};

/// An unbroken training and one that stops after a step and is taken up again: losses and weights, bit by bit.
void check_resumed(const Case& c) {
  INFO(name_of(c.kind) << ", accumulation " << c.accum << ", stopped at " << c.stop);
  const TempDir dir;
  ContrastiveTrainerOptions options = quick_options();
  options.optimizer.kind = c.kind;
  options.accum_freq = c.accum;
  options.weight_average = c.average;
  options.epochs = c.epochs;
  const auto data = make_data(124, 1);
  const LoaderOptions loading{.batch_size = 16, .workers = 2, .seed = 5};
  std::vector<double> straight, pieces;
  JointEmbedding unbroken = make_joint();
  {
    Loader train(data, loading);
    ContrastiveTrainer(unbroken, options).fit(train, nullptr, {.step = [&](const ContrastiveStepRecord& r) { straight.push_back(r.loss); }});
  }
  options.folder = dir.path();
  options.resume = "latest";
  JointEmbedding first = make_joint();
  {
    const Warnings none_yet;
    const CancelToken stop;
    Loader train(data, loading);
    const auto on_step = [&](const ContrastiveStepRecord& r) {
      pieces.push_back(r.loss);
      if (r.step == c.stop) stop.cancel();
    };
    CHECK_THROWS_AS(ContrastiveTrainer(first, options).fit(train, nullptr, {.step = on_step, .cancel = stop}), CancelledError);
    CHECK(none_yet.texts.size() == 1);
  }
  torch::rand({17});  // whatever the program does in between
  JointEmbedding second = make_joint();
  {
    Loader train(data, loading);
    const auto result = ContrastiveTrainer(second, options).fit(train, nullptr, {.step = [&](const ContrastiveStepRecord& r) { pieces.push_back(r.loss); }});
    CHECK(result.resumed);
    CHECK(result.steps == static_cast<int64_t>(straight.size()));
  }
  CHECK(pieces == straight);
  check_same(weights(second), weights(unbroken));
  std::string log = read_text_file(dir / "log.jsonl", 1 << 20);
  CHECK(std::ranges::count(log, '\n') >= 2);
}

}  // namespace

TEST_CASE("row C5: a training that was stopped goes on bit by bit", "[train]") {
  check_resumed(GENERATE(Case{OptimizerKind::adamw, 1, 1, 0.0}, Case{OptimizerKind::adamw, 4, 2, 0.9}, Case{OptimizerKind::stable_adamw, 1, 13, 0.0}, Case{OptimizerKind::sgd, 4, 3, 0.0},
                          Case{OptimizerKind::stable_adamw, 4, 1, 0.9}, Case{OptimizerKind::sgd, 1, 11, 0.9}, Case{OptimizerKind::adamw, 1, 16, 0.0}));
}

TEST_CASE("row C5: 200 steps, stopped at 1, 37, 100 and 199", "[train][slow]") {
  const int64_t stop = GENERATE(1, 37, 100, 199);
  const OptimizerKind kind = GENERATE(OptimizerKind::adamw, OptimizerKind::stable_adamw, OptimizerKind::sgd);
  for (const int64_t accum : {1, 4}) check_resumed({kind, accum, stop, 0.0, accum == 1 ? 25 : 100});
}

TEST_CASE("what a resumed training insists on", "[train]") {
  const TempDir dir;
  ContrastiveTrainerOptions options = quick_options();
  options.folder = dir.path();
  options.data_digest = "abc";
  const auto data = make_data(96, 1);
  {
    JointEmbedding joint = make_joint();
    const CancelToken stop;
    Loader train(data, {.batch_size = 16});
    CHECK_THROWS_WITH(ContrastiveTrainer(joint, options).fit(train, nullptr, {.step = [&](const ContrastiveStepRecord& r) { if (r.step == 4) stop.cancel(); }, .cancel = stop}), ContainsSubstring("cancelled after step 4; resume = latest"));
  }
  options.resume = "latest";
  JointEmbedding joint = make_joint();
  SECTION("options of the checkpoint win, and the difference is told") {
    options.learning_rate = 0.5;
    const Warnings warnings;
    Loader train(data, {.batch_size = 16});
    double rate = 0;
    ContrastiveTrainer(joint, options).fit(train, nullptr, {.step = [&](const ContrastiveStepRecord& r) { rate = std::max(rate, r.learning_rate); }});
    CHECK(rate <= 0.01);
    REQUIRE(warnings.texts.size() == 1);
    CHECK_THAT(warnings.texts[0], ContainsSubstring("win over those given: learning_rate 0.5 -> 0.01"));
  }
  SECTION("another batch size, other data, another number of processes") {
    const auto before = weights(joint);
    Loader other_batch(data, {.batch_size = 8}), same(data, {.batch_size = 16}), other_world(data, {.batch_size = 16, .world_size = 2}), other_size(make_data(95, 1), {.batch_size = 16});
    CHECK_THROWS_WITH(ContrastiveTrainer(joint, options).fit(other_batch), ContainsSubstring("batch_size 16 -> 8") && ContainsSubstring("force_resume"));
    CHECK_THROWS_WITH(ContrastiveTrainer(joint, options).fit(other_world), ContainsSubstring("process 0 of 1, as the group says, got 0 of 2"));
    CHECK_THROWS_WITH(ContrastiveTrainer(joint, options).fit(other_size), ContainsSubstring("samples 96 -> 95"));
    options.data_digest = "def";
    CHECK_THROWS_WITH(ContrastiveTrainer(joint, options).fit(same), ContainsSubstring("data_digest \"abc\" -> \"def\""));
    options.force_resume = true;
    CHECK(ContrastiveTrainer(joint, options).fit(same).resumed);
  }
  SECTION("another model") {
    JointEmbedding other({.dim = 4});
    for (const char* name : {"a", "b", "c"}) other->add(name, Tower(TowerOptions{}));
    Loader train(data, {.batch_size = 16});
    CHECK_THROWS_AS(ContrastiveTrainer(other, options).fit(train), DataError);
  }
  SECTION("a checkpoint that does not exist, or is none") {
    Loader train(data, {.batch_size = 16});
    options.resume = (dir / "nowhere").string();
    CHECK_THROWS_AS(ContrastiveTrainer(joint, options).fit(train), IoError);
    options.resume = dir.path().string();
    CHECK_THROWS_AS(ContrastiveTrainer(joint, options).fit(train), IoError);
  }
}

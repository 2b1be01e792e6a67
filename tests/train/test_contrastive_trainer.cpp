// SPDX-License-Identifier: Apache-2.0
#include "support/contrastive.hpp"

using namespace alloy;
namespace fs = std::filesystem;

TEST_CASE("a joint space is learnt from incomplete samples", "[train]") {
  JointEmbedding joint = make_joint();
  Loader train(make_data(400, 1), {.batch_size = 50, .seed = 2}), valid(make_data(60, 9, false), {.shuffle = false});
  ContrastiveTrainerOptions options = quick_options();
  options.epochs = 12;
  int64_t steps = 0;
  std::vector<double> losses;
  const auto result = ContrastiveTrainer(joint, options).fit(train, &valid, {.progress = [&](const Progress& p) { steps = p.done; }, .epoch = [&](const ContrastiveEpochRecord& r) { losses.push_back(r.train_loss); }});
  CHECK(result.steps == 96);
  CHECK(steps == 96);
  CHECK(result.skipped_steps == 0);
  REQUIRE(losses.size() == 12);
  CHECK(losses.back() < 0.5 * losses.front());
  REQUIRE(result.best_score);
  CHECK(*result.best_score > 0.85);  // by chance 1 of 60
  CHECK_FALSE(joint->is_training());
  Batch batch;
  LabelledBatch held_out;
  valid.start(0);
  valid.next(held_out);
  const Tensor scores = joint->similarity("a", "c", held_out.inputs);
  CHECK(scores.argmax(1).eq(torch::arange(60)).to(torch::kFloat).mean().item<double>() > 0.8);
}

TEST_CASE("locked towers stay as they are", "[train]") {
  JointEmbedding joint = make_joint();
  Loader train(make_data(64, 1), {.batch_size = 16});
  ContrastiveTrainerOptions options = quick_options();
  options.lock = {"b"};
  const auto before = module_state(*joint->encoder("b"));
  std::vector<Tensor> kept;
  for (const auto& item : before) kept.push_back(item.second.detach().clone());
  const Tensor projection = joint->projection("b")->parameters()[0].detach().clone(), moving = joint->projection("a")->parameters()[0].detach().clone();
  ContrastiveTrainer(joint, options).fit(train);
  for (size_t i = 0; i < kept.size(); ++i) CHECK_THAT(before[i].second, SameBits(kept[i]));
  CHECK_THAT(joint->projection("b")->parameters()[0], SameBits(projection));
  CHECK_FALSE(at::equal(joint->projection("a")->parameters()[0], moving));
  options.lock = {"z"};
  CHECK_THROWS_WITH(ContrastiveTrainer(joint, options), ContainsSubstring("lock among a, b, c, got 'z'"));
}

TEST_CASE("early stopping keeps the best state", "[train]") {
  const TempDir dir;
  JointEmbedding joint = make_joint();
  Loader train(make_data(64, 1), {.batch_size = 16});
  ContrastiveTrainerOptions options = quick_options();
  options.epochs = 20;
  options.patience = 3;
  options.folder = dir.path();
  int64_t epoch = 0;
  std::vector<Tensor> best;
  const auto validate = [&](const JointEmbedding& model) {
    const double score = epoch == 2 ? 0.9 : 0.1 * static_cast<double>(epoch % 2);
    if (epoch++ == 2) best = weights(model);
    return ContrastiveValidation{.score = score, .values = {{"made_up", score}}};
  };
  const auto result = ContrastiveTrainer(joint, options).fit(train, nullptr, {.validate = validate});
  CHECK(result.stopped_early);
  CHECK(result.epochs.size() == 6);
  CHECK(result.best_epoch == 2);
  check_same(weights(joint), best);
  CHECK_THAT(read_text_file(dir / "log.jsonl", 1 << 20), ContainsSubstring("\"made_up\": 0.9"));
  const auto latest = latest_checkpoint(dir / "checkpoints");
  REQUIRE(latest);
  CHECK(latest->step == 24);
  CHECK(fs::exists(dir / "checkpoints" / "step-00000012" / "model.safetensors"));  // the best
}

TEST_CASE("wrong options are told at once", "[train]") {
  JointEmbedding joint = make_joint();
  const auto expect = [&](auto change, const std::string& text) {
    ContrastiveTrainerOptions options = quick_options();
    change(options);
    CHECK_THROWS_WITH(ContrastiveTrainer(joint, options), ContainsSubstring(text));
  };
  expect([](auto& o) { o.learning_rate = 0; }, "learning_rate > 0, got 0");
  expect([](auto& o) { o.epochs = 0; }, "epochs, accum_freq and log_every > 0");
  expect([](auto& o) { o.weight_average = 1; }, "weight_average in 0..1");
  expect([](auto& o) { o.resume = "latest"; }, "a folder to resume");
  expect([](auto& o) { o.schedule.warmup = -2; }, "warmup >= 0");
  Loader too_small(make_data(8, 1), {.batch_size = 16, .drop_last = true});
  CHECK_THROWS_WITH(ContrastiveTrainer(joint, quick_options()).fit(too_small), ContainsSubstring("drop_last leaves nothing of 8 samples"));
}

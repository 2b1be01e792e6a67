// SPDX-License-Identifier: Apache-2.0
#include "support/contrastive.hpp"

#include <cmath>

using namespace alloy;

TEST_CASE("accumulated batches are one big batch", "[train]") {
  const auto data = make_data(64, 1);
  const auto after_one_step = [&](int64_t batch, int64_t accum, int64_t chunk) {
    ContrastiveTrainerOptions options = quick_options();
    options.epochs = 1;
    options.accum_freq = accum;
    options.chunk_size = chunk;
    options.optimizer = {.kind = OptimizerKind::sgd, .weight_decay = 0};
    options.learning_rate = 0.1;
    options.schedule.warmup = 0;
    JointEmbedding plain({.dim = 8});
    seed_everything(3);
    for (const char* name : {"a", "b", "c"}) plain->add(name, Tower(TowerOptions{.dropout = 0.0}));
    Loader train(data, {.batch_size = batch, .shuffle = false});
    double loss = 0;
    ContrastiveTrainer(plain, options).fit(train, nullptr, {.step = [&](const ContrastiveStepRecord& r) { loss = r.loss; }});
    return std::pair(loss, weights(plain));
  };
  const auto [loss, whole] = after_one_step(64, 1, 0);
  for (const auto& [batch, accum, chunk] : {std::tuple{16, 4, 0}, {64, 1, 10}, {32, 2, 7}}) {
    const auto [again, parts] = after_one_step(batch, accum, chunk);
    CHECK(again == Approx(loss).epsilon(1e-6));
    REQUIRE(parts.size() == whole.size());
    for (size_t i = 0; i < parts.size(); ++i) CHECK_THAT(parts[i], AllClose(whole[i], 1e-6));
  }
}

TEST_CASE("steps that are not finite change nothing and are counted", "[train]") {
  Tower tower(nullptr);
  JointEmbedding joint = make_joint(&tower);
  Loader train(make_data(320, 1, false), {.batch_size = 16});
  ContrastiveTrainerOptions options = quick_options();
  options.epochs = 1;
  int64_t calls = 0;
  const double poison = GENERATE(std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), 1e30);
  INFO("poison " << poison);
  SECTION("now and then") {
    tower->spoil = [&](const Tensor& x) {
      if (++calls % 7 != 0) return x;
      if (poison == 1e30) return x + 0 * at::pow(x, 2) * 1e38 * 1e38;  // a gradient that overflows
      return x + torch::full({x.size(0), 1}, poison);
    };
    std::vector<Tensor> before = weights(joint);
    int64_t skipped = 0;
    const auto result = ContrastiveTrainer(joint, options).fit(train, nullptr, {.step = [&](const ContrastiveStepRecord& r) {
      const auto after = weights(joint);
      if (r.skipped) check_same(after, before), ++skipped;
      else CHECK_FALSE(at::equal(after[0], before[0]));
      before = after;
    }});
    CHECK(skipped == 2);
    CHECK(result.skipped_steps == 2);
  }
  SECTION("always") {
    tower->spoil = [&](const Tensor& x) { return x + torch::full({x.size(0), 1}, poison == 1e30 ? std::nan("") : poison); };
    const auto before = weights(joint);
    CHECK_THROWS_WITH(ContrastiveTrainer(joint, options).fit(train), ContainsSubstring("10 bad steps in a row"));
    check_same(weights(joint), before);
  }
}

TEST_CASE("row T4: moments that are not finite, or absurd, let no step through", "[train]") {
  const float poison = GENERATE(std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1e30F);
  INFO("poison " << poison);
  const TempDir dir;
  ContrastiveTrainerOptions options = quick_options();
  options.epochs = 1;
  options.folder = dir.path();
  options.report_to = ReportTo::none;
  const auto train = [&](JointEmbedding& joint, const ContrastiveCallbacks& callbacks) {
    Loader loader(make_data(320, 1, false), {.batch_size = 16});
    return ContrastiveTrainer(joint, options).fit(loader, nullptr, callbacks);
  };
  JointEmbedding joint = make_joint();
  const CancelToken stop;
  CHECK_THROWS_AS(train(joint, {.step = [&](const ContrastiveStepRecord& r) { if (r.step == 3) stop.cancel(); }, .cancel = stop}), CancelledError);
  {  // the moments of the checkpoint are those of a training that went wrong
    const std::filesystem::path folder_of_all = dir / "checkpoints";
    CheckpointStore store(folder_of_all, {});
    const auto good = latest_checkpoint(folder_of_all);
    REQUIRE(good);
    store.save(good->step + 1, good->state, {}, [&](const std::filesystem::path& folder) {
      for (const auto& entry : std::filesystem::directory_iterator(good->folder))
        if (entry.path().filename() != "manifest.json") std::filesystem::copy_file(entry.path(), folder / entry.path().filename());
      NamedTensors moments = load_safetensors(folder / "optimizer.safetensors");
      Tensor first = moments.begin()->second;
      first.flatten()[0] = poison;
      save_safetensors(folder / "optimizer.safetensors", moments);
    });
  }
  const auto before = weights(joint);
  int64_t skipped = 0;
  options.resume = "latest";
  JointEmbedding resumed = make_joint();
  CHECK_THROWS_WITH(train(resumed, {.step = [&](const ContrastiveStepRecord& r) { skipped += r.skipped; }}), ContainsSubstring("10 bad steps in a row"));
  CHECK(skipped >= 9);
  check_same(weights(resumed), before);
}

TEST_CASE("row T2: the temperature stays in its bounds for 1,000 steps at any learning rate", "[train]") {
  const ThreadScope one(1);
  JointEmbedding joint = make_joint();
  Loader train(make_data(200, 1, false), {.batch_size = 4});
  ContrastiveTrainerOptions options = quick_options();
  options.learning_rate = 10;
  options.schedule = {.kind = ScheduleKind::constant};
  options.epochs = 20;
  bool finite = true;
  double largest = 0, smallest = 1e9;
  ContrastiveTrainer(joint, options).fit(train, nullptr, {.step = [&](const ContrastiveStepRecord& r) {
    finite = finite && std::isfinite(r.loss);
    largest = std::max(largest, r.scales.at("all"));
    smallest = std::min(smallest, r.scales.at("all"));
  }});
  CHECK(finite);
  CHECK(largest <= 100.0 + 1e-3);
  CHECK(smallest >= 1.0);
}

TEST_CASE("bfloat16 ends near float", "[train]") {
  const auto final_loss = [](Precision precision, uint64_t seed) {
    JointEmbedding joint = make_joint();
    Loader train(make_data(256, seed, false), {.batch_size = 64});
    ContrastiveTrainerOptions options = quick_options();
    options.epochs = 10;
    options.precision = precision;
    return ContrastiveTrainer(joint, options).fit(train).epochs.back().train_loss;
  };
  for (const uint64_t seed : {1, 2, 3}) CHECK(final_loss(Precision::bf16, seed) == Approx(final_loss(Precision::fp32, seed)).epsilon(0.02));
}

TEST_CASE("samples of one id are no negatives of one another", "[train]") {
  // Every item is there twice: without ids the loss cannot go below ln 2.
  Random random(1);
  std::vector<Sample> samples;
  for (int64_t i = 0; i < 32; ++i) {
    std::vector<float> x(6);
    for (auto& v : x) v = static_cast<float>(random.normal());
    for (int copy = 0; copy < 2; ++copy) samples.push_back({.id = "s" + std::to_string(i), .values = {{"a", torch::tensor(x)}, {"b", torch::tensor(x)}}, .target = torch::tensor(i)});
  }
  const auto data = std::make_shared<MemoryDataset>(samples);
  const auto loss_with = [&](Positives positives) {
    seed_everything(3);
    JointEmbedding joint({.dim = 16});
    for (const char* name : {"a", "b"}) joint->add(name, Tower(TowerOptions{.dropout = 0.0}));
    Loader train(data, {.batch_size = 64});
    ContrastiveTrainerOptions options = quick_options();
    options.epochs = 150;
    options.positives = positives;
    return ContrastiveTrainer(joint, options).fit(train).epochs.back().train_loss;
  };
  const double without = loss_with(Positives::samples);
  CHECK(without > std::log(2.0));
  CHECK(loss_with(Positives::ids) >= std::log(2.0) - 1e-6);  // two positives share the probability
  CHECK(loss_with(Positives::targets) == Approx(loss_with(Positives::ids)));
}

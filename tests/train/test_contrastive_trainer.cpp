// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/warnings.hpp"

#include <alloy/alloy.hpp>

#include <cmath>

using namespace alloy;
namespace fs = std::filesystem;

namespace {

/// A small net with dropout, whose answer a test may spoil.
struct TowerOptions {
  int64_t in_dim = 6;
  double dropout = 0.1;
  static void describe(auto& self, auto&& field) {
    field("in_dim", self.in_dim, "width of the input");
    field("dropout", self.dropout, "rate");
  }
};
class TowerImpl final : public Encoder {
 public:
  using Options = TowerOptions;
  static constexpr auto kName = "test_tower";
  explicit TowerImpl(TowerOptions options) : options_(options), first_({.in_dim = options.in_dim, .out_dim = 16}), second_({.in_dim = 16, .out_dim = 8}) {
    register_module("first", first_);
    register_module("second", second_);
  }
  Features forward(const ModalityInput& input) override {
    Tensor x = second_(at::dropout(at::gelu(first_(input.values)), options_.dropout, is_training()));
    if (spoil && is_training()) x = spoil(x);
    return {.pooled = x, .present = input.present};
  }
  int64_t dim() const override { return 8; }
  const TowerOptions& options() const { return options_; }
  std::function<Tensor(const Tensor&)> spoil;

 private:
  TowerOptions options_;
  Linear first_, second_;
};
using Tower = Holder<TowerImpl>;

JointEmbedding make_joint(Tower* spoiled = nullptr) {
  seed_everything(3);
  JointEmbedding joint({.dim = 8});
  for (const char* name : {"a", "b", "c"}) {
    Tower tower(TowerOptions{});
    if (spoiled != nullptr && name[0] == 'a') *spoiled = tower;
    joint->add(name, tower);
  }
  joint->objective();
  return joint;
}

/// Three views of hidden vectors; every third sample lacks one.
std::shared_ptr<MemoryDataset> make_data(int64_t count, uint64_t seed, bool gaps = true) {
  Random views(11), random(seed);
  std::vector<double> maps;
  for (int i = 0; i < 3 * 4 * 6; ++i) maps.push_back(views.normal());
  std::vector<Sample> samples;
  for (int64_t i = 0; i < count; ++i) {
    double hidden[4];
    for (double& h : hidden) h = random.normal();
    Sample sample{.id = "s" + std::to_string(i), .values = {}, .target = {}};
    for (int m = 0; m < 3; ++m) {
      std::vector<float> x(6);
      for (int k = 0; k < 6; ++k) {
        double value = 0.05 * random.normal();
        for (int h = 0; h < 4; ++h) value += hidden[h] * maps[static_cast<size_t>((m * 4 + h) * 6 + k)];
        x[static_cast<size_t>(k)] = static_cast<float>(value);
      }
      if (!gaps || i % 6 != m) sample.values.insert(std::string(1, static_cast<char>('a' + m)), torch::tensor(x));
    }
    samples.push_back(std::move(sample));
  }
  return std::make_shared<MemoryDataset>(std::move(samples));
}

ContrastiveTrainerOptions quick_options() {
  return {.learning_rate = 0.01, .epochs = 2, .optimizer = {.weight_decay = 0.01}, .schedule = {.warmup = 3}, .log_every = 5};
}

std::vector<Tensor> weights(const JointEmbedding& joint) {
  std::vector<Tensor> all;
  for (const auto& [name, tensor] : module_state(*joint)) all.push_back(tensor.detach().clone());
  return all;
}

void check_same(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) CHECK_THAT(a[i], SameBits(b[i]));
}

}  // namespace

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

TEST_CASE("a training that was stopped goes on bit by bit", "[train]") {
  struct Case {
    OptimizerKind kind;
    int64_t accum;
    int64_t stop;
    double average;
  };
  const Case c = GENERATE(Case{OptimizerKind::adamw, 1, 1, 0.0}, Case{OptimizerKind::adamw, 4, 2, 0.9}, Case{OptimizerKind::stable_adamw, 1, 13, 0.0}, Case{OptimizerKind::sgd, 4, 3, 0.0},
                          Case{OptimizerKind::stable_adamw, 4, 1, 0.9}, Case{OptimizerKind::sgd, 1, 11, 0.9}, Case{OptimizerKind::adamw, 1, 16, 0.0});
  INFO(name_of(c.kind) << ", accumulation " << c.accum << ", stopped at " << c.stop);
  const TempDir dir;
  ContrastiveTrainerOptions options = quick_options();
  options.optimizer.kind = c.kind;
  options.accum_freq = c.accum;
  options.weight_average = c.average;
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

TEST_CASE("accumulated batches are one big batch", "[train]") {
  const auto data = make_data(64, 1);
  const auto after_one_step = [&](int64_t batch, int64_t accum, int64_t chunk) {
    JointEmbedding joint = make_joint();
    for (const char* name : {"a", "b", "c"})
      std::dynamic_pointer_cast<TowerImpl>(joint->encoder(name).ptr())->eval();
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

TEST_CASE("the temperature stays in its bounds at any learning rate", "[train]") {
  JointEmbedding joint = make_joint();
  Loader train(make_data(64, 1, false), {.batch_size = 8});
  ContrastiveTrainerOptions options = quick_options();
  options.learning_rate = 10;
  options.schedule = {.kind = ScheduleKind::constant};
  options.epochs = 12;
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

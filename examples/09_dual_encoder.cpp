// SPDX-License-Identifier: Apache-2.0
/// A dual encoder for pictures and captions, trained as CLIP is, stopped in the middle and taken up again.
/// The data is simulated: coloured shapes on grey, and sentences that name them.

#include <alloy/alloy.hpp>

#include <cstdio>
#include <filesystem>

using namespace alloy;

namespace {

std::shared_ptr<ShapesDataset> scenes(int64_t count, int64_t seed) {
  ShapesDatasetOptions options{.samples = count, .seed = seed};
  options.transform.size = 24;
  return std::make_shared<ShapesDataset>(options);
}

DualEncoder make_dual() {
  seed_everything(1);
  return DualEncoder({.dim = 64}, ResidualImageEncoder({.dim = 64, .image_size = 24, .widths = {16, 32, 64}, .stem_stride = 2}), TextEncoder({.dim = 64, .heads = 4, .layers = 1, .max_length = 64}));
}

}  // namespace

int main() {
  const ThreadScope one_thread(1);  // tensors this small gain nothing by more
  const auto folder = std::filesystem::temp_directory_path() / "alloy-example-09";
  std::filesystem::remove_all(folder);

  // [dual encoder]
  DualEncoder dual = make_dual();
  Loader train(scenes(1500, 1), {.batch_size = 50}), valid(scenes(100, 2), {.shuffle = false});
  const ContrastiveTrainerOptions options{.learning_rate = 3e-3, .epochs = 4, .schedule = {.warmup = 10}, .folder = folder, .resume = "latest"};

  const CancelToken stop;  // as Ctrl-C would
  const auto stop_at_50 = [&](const ContrastiveStepRecord& step) { if (step.step == 50) stop.cancel(); };
  try {
    ContrastiveTrainer(dual.joint(), options).fit(train, &valid, {.step = stop_at_50, .cancel = stop});
  } catch (const CancelledError& error) {
    std::printf("%s\n", error.what());
  }
  DualEncoder again = make_dual();  // as a new process would
  const ContrastiveResult result = ContrastiveTrainer(again.joint(), options).fit(train, &valid, {.log = [](const ContrastiveStepRecord& r) { std::printf("%s\n", log_line(r).c_str()); }});
  // [dual encoder]

  LabelledBatch batch;
  valid.start(0);
  valid.next(batch);
  const Tensor logits = again.logits(batch.inputs.at("image"), batch.inputs.at("text"));  // [100, 100]
  std::printf("%lld steps, mean R@1 among 100 scenes %.2f (by chance 0.01), logit scale %.1f, best logit of the first picture %.1f\n", static_cast<long long>(result.steps), *result.best_score,
              again.logit_scale(), logits[0].max().item<double>());
  std::printf("report: %s\n", (folder / "report.html").c_str());
  const bool expected = result.resumed && result.steps == 120 && *result.best_score > 0.2 && std::filesystem::exists(folder / "report.html");
  std::printf("%s\n", expected ? "as expected" : "NOT what was expected");
  return expected ? 0 : 1;
}

// SPDX-License-Identifier: Apache-2.0
// The highest memory of one training step of a dual encoder, a vision transformer beside a small text tower: of a batch of
// 256, of 1,024, and of 4,096 by a gradient cache. Each is a process of its own, from its first byte on: program, weights,
// gradients, moments of the optimiser, pictures and all. Fails where 4,096 takes more than 256.
//   contrastive_memory [--json] [--quick: only tries it]
#include <alloy/alloy.hpp>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>

using namespace alloy;

namespace {

struct Sizes {
  int64_t image = 32, dim = 128, layers = 4, batch = 256, larger = 1024, large = 4096, chunk = 64;
};

struct Case {
  int64_t batch, chunk;  // chunk 0: the whole batch at once
  bool checkpointing;
};

/// What a process measured of itself.
struct Measured {
  double before_mb, peak_mb, seconds, loss;
};

constexpr int64_t kTokens = 16, kPatch = 4;

/// Pictures and texts of noise that are made when they are asked for: only those of a batch are in memory.
class NoisePairs final : public Dataset {
 public:
  NoisePairs(int64_t count, int64_t image) : count_(count), image_(image) {}
  int64_t size() const override { return count_; }
  Sample get(int64_t index, Random& random) const override {
    Tensor image = at::empty({3, image_, image_}), text = at::empty({kTokens}, at::kLong);
    std::generate_n(image.mutable_data_ptr<float>(), image.numel(), [&] { return static_cast<float>(random.uniform()); });
    std::generate_n(text.mutable_data_ptr<int64_t>(), kTokens, [&] { return random.below(ByteTokenizer::vocab_size()); });
    Sample sample{.id = std::to_string(index), .values = {}, .target = {}};
    sample.values.insert("image", image);
    sample.values.insert("text", text);
    return sample;
  }

 private:
  int64_t count_, image_;
};

/// Of this process so far: VmHWM.
double peak_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 / 1e6;
}

Measured train_one_step(const Sizes& sizes, const Case& c) {
  seed_everything(1);
  DualEncoder dual({.dim = 128}, VitEncoder({.image_size = sizes.image, .patch_size = kPatch, .dim = sizes.dim, .heads = 4, .layers = sizes.layers}),
                   TextEncoder({.vocab_size = ByteTokenizer::vocab_size(), .dim = 64, .heads = 4, .layers = 2, .max_length = kTokens}));
  Loader loader(std::make_shared<NoisePairs>(c.batch, sizes.image), {.batch_size = c.batch});
  Measured measured{.before_mb = peak_mb(), .peak_mb = 0, .seconds = 0, .loss = 0};
  const auto start = std::chrono::steady_clock::now();
  const ContrastiveTrainerOptions options{.epochs = 1, .chunk_size = c.chunk, .grad_checkpointing = c.checkpointing};
  ContrastiveTrainer(dual.joint(), options).fit(loader, nullptr, {.step = [&](const ContrastiveStepRecord& step) { measured.loss = step.loss; }});
  measured.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  measured.peak_mb = peak_mb();
  return measured;
}

/// In a child, so that each case starts from nothing; this process has never used LibTorch, whose threads a fork would lose.
Measured in_own_process(const Sizes& sizes, const Case& c) {
  int ends[2];
  check<IoError>(pipe(ends) == 0, "[contrastive_memory] expected a pipe, got {}", {std::strerror(errno)});
  const pid_t child = fork();
  check<IoError>(child >= 0, "[contrastive_memory] expected a process, got {}", {std::strerror(errno)});
  if (child == 0) {
    int status = 1;
    try {
      const Measured measured = train_one_step(sizes, c);
      status = write(ends[1], &measured, sizeof measured) == sizeof measured ? 0 : 1;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", full_message(error).c_str());
    }
    _exit(status);
  }
  close(ends[1]);
  Measured measured{};
  const bool whole = read(ends[0], &measured, sizeof measured) == sizeof measured;
  close(ends[0]);
  waitpid(child, nullptr, 0);
  check<DataError>(whole, "[contrastive_memory] expected a batch of {} to be trained, but its process ended: not enough memory?", {c.batch});
  return measured;
}

/// Prints the table while it is made, or collects rows of JSON.
class Report {
 public:
  explicit Report(bool json) : json_(json) {
    if (!json_) std::printf("%6s  %10s  %13s  %8s  %12s  %10s  %7s\n", "batch", "chunk size", "checkpointing", "peak, MB", "against 256", "before, MB", "loss");
  }
  ~Report() {
    if (json_) std::printf("\n]\n");
  }
  void add(const Case& c, const Measured& m, double limit_mb) {
    const auto batch = static_cast<long long>(c.batch), chunk = static_cast<long long>(c.chunk);
    const double share = m.peak_mb / limit_mb;
    if (json_)
      std::printf(R"(%s{"batch": %lld, "chunk_size": %lld, "grad_checkpointing": %s, "peak_mb": %.0f, "against_256": %.2f, "before_mb": %.0f, "loss": %.4f, "seconds": %.1f})",
                  rows_++ == 0 ? "[\n " : ",\n ", batch, chunk, c.checkpointing ? "true" : "false", m.peak_mb, share, m.before_mb, m.loss, m.seconds);
    else
      std::printf("%6lld  %10s  %13s  %8.0f  %12.2f  %10.0f  %7.3f\n", batch, chunk > 0 ? std::to_string(chunk).c_str() : "-", c.checkpointing ? "yes" : "no", m.peak_mb, share,
                  m.before_mb, m.loss);
    std::fflush(stdout);
  }

 private:
  bool json_;
  int rows_ = 0;
};

/// @return whether the large batch stayed within the memory of the small one
bool compare(const Sizes& sizes, bool checkpointing, Report& report) {
  const Case direct{sizes.batch, 0, checkpointing}, larger{sizes.larger, 0, checkpointing}, large{sizes.large, sizes.chunk, checkpointing};
  const Measured limit = in_own_process(sizes, direct);
  report.add(direct, limit, limit.peak_mb);
  report.add(larger, in_own_process(sizes, larger), limit.peak_mb);
  const Measured cached = in_own_process(sizes, large);
  report.add(large, cached, limit.peak_mb);
  return cached.peak_mb <= limit.peak_mb;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Sizes sizes;
    bool json = false;
    for (int i = 1; i < argc; ++i) {
      const std::string_view word = argv[i];
      check<ConfigError>(word == "--json" || word == "--quick", "[contrastive_memory] expected --json or --quick, got '{}'", {word});
      if (word == "--json") json = true;
      else sizes = {.image = 16, .dim = 64, .layers = 2, .batch = 128, .larger = 256, .large = 512, .chunk = 16};
    }
    bool within = true;
    {
      Report report(json);
      for (const bool checkpointing : {false, true}) within = compare(sizes, checkpointing, report) && within;
    }
    check<DataError>(within, "[contrastive_memory] expected the large batch to fit into the memory of the small one");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", full_message(error).c_str());
    return 1;
  }
}

// SPDX-License-Identifier: Apache-2.0
// CTC alignment of two hours of audio in a process of its own: the highest memory of the whole process, log-probabilities included, and
// the speed. 360,000 frames of 20 ms with 500 tokens of which 25,000 are said (word pieces, 3.5 a second), then with 32
// tokens of which 108,000 are said (letters, 15 a second). Fails above 2 GB, and if the tokens are not found where they were put.
//   ctc_memory [--quick: two minutes instead]
#include <alloy/alignment/ctc_align.hpp>
#include <alloy/core/random.hpp>

#include <ATen/Functions.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <ctime>
#include <string_view>

using namespace alloy;

namespace {

struct Case {
  const char* what;
  int64_t frames, vocab, tokens, max_memory_mb;
};

constexpr double kMostMb = 2000;

/// Noise, and each token clearly in a frame of its own.
Tensor make_log_probs(const Case& c, std::vector<int64_t>& targets, std::vector<int64_t>& places) {
  Random random(1);
  Tensor log_probs = at::empty({c.frames, c.vocab}, at::kFloat);
  auto* values = log_probs.mutable_data_ptr<float>();
  int64_t left = c.tokens;
  for (int64_t t = 0; t < c.frames; ++t) {
    const bool said = t % 2 == 1 && random.below((c.frames - t + 1) / 2) < left;
    const int64_t token = said ? 1 + random.below(c.vocab - 1) : 0;
    if (said) {
      --left;
      targets.push_back(token);
      places.push_back(t);
    }
    for (int64_t v = 0; v < c.vocab; ++v) values[t * c.vocab + v] = static_cast<float>(v == token ? -0.01 : -6 - random.uniform(0, 4));
  }
  return log_probs;
}

double peak_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 / 1e6;
}

/// @return whether it was right and within the limit
bool measure(const Case& c) {
  std::vector<int64_t> targets, places;
  const Tensor log_probs = make_log_probs(c, targets, places);
  const double before = peak_mb();
  const clock_t began = clock();
  const CtcAlignment alignment = ctc_forced_align(log_probs, targets, {.max_memory_mb = c.max_memory_mb});
  const double seconds = static_cast<double>(clock() - began) / CLOCKS_PER_SEC;
  bool right = alignment.spans.size() == places.size();
  for (size_t i = 0; right && i < places.size(); ++i) right = alignment.spans[i].start == places[i];
  const auto states = 2 * std::ssize(targets) + 1;
  const double cells = static_cast<double>(c.frames) * static_cast<double>(states), peak = peak_mb();
  std::printf("%-12s %8lld %8lld %8lld %12lld %10.0f %10.0f %10.1f %10.2f   %s\n", c.what, static_cast<long long>(c.frames),
              static_cast<long long>(c.vocab), static_cast<long long>(states), static_cast<long long>(c.max_memory_mb), before, peak, seconds,
              cells / seconds / 1e9, right ? "yes" : "NO");
  std::fflush(stdout);
  return right && peak <= kMostMb;
}

/// In a child, so that each case starts from nothing.
bool measure_alone(const Case& c) {
  const pid_t child = fork();
  check<IoError>(child >= 0, "[ctc_memory] expected a process, got none");
  if (child == 0) {
    int status = 1;
    try {
      status = measure(c) ? 0 : 1;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", full_message(error).c_str());
    }
    _exit(status);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0;
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t shorter = argc > 1 && std::string_view(argv[1]) == "--quick" ? 60 : 1;
  std::printf("%-12s %8s %8s %8s %12s %10s %10s %10s %10s   %s\n", "tokens", "frames", "vocab", "states", "allowed, MB", "before, MB", "peak, MB",
              "CPU s", "Gcells/s", "right");
  std::fflush(stdout);
  bool good = true;
  for (const Case& c :
       {Case{"word pieces", 360000, 500, 25000, 512}, Case{"word pieces", 360000, 500, 25000, 64}, Case{"letters", 360000, 32, 108000, 512}})
    good = measure_alone({c.what, c.frames / shorter, c.vocab, c.tokens / shorter, c.max_memory_mb}) && good;
  return good ? 0 : 1;
}

// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include "alignment/detail/ctc_search.hpp"

#include <alloy/core/random.hpp>

#include <limits>

using namespace alloy::detail;
using alloy::Random;

namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

std::vector<const CtcKernels*> runnable() {
  std::vector<const CtcKernels*> all = {&kCtcKernelsBaseline};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) all.push_back(&kCtcKernelsAvx2);
  if (__builtin_cpu_supports("avx512f")) all.push_back(&kCtcKernelsAvx512);
#endif
  return all;
}

/// A score with few distinct values, so that there are ties, and now and then none at all.
double score(Random& random) { return random.below(10) == 0 ? kNever : -static_cast<double>(random.below(5)); }

std::vector<double> scores(int64_t n, Random& random) {
  std::vector<double> all;
  for (int64_t i = 0; i < n; ++i) all.push_back(score(random));
  return all;
}

/// One case of the kernel and what it made of it.
struct Step {
  std::vector<double> blanks, tokens;
  std::vector<uint8_t> from;
  bool operator==(const Step&) const = default;
};

Step run(const CtcKernels& kernels, uint64_t seed, int64_t n, int64_t frames, bool with_bits) {
  Random random(seed);
  constexpr int64_t kRows = 5;
  Step step{.blanks = scores(n, random), .tokens = scores(n, random), .from = {}};
  const auto emissions = scores(kRows * kCtcFrames, random), blank_emissions = scores(kCtcFrames, random);
  std::vector<double> skips;
  std::vector<int32_t> rows;
  for (int64_t i = 0; i < n; ++i) {
    skips.push_back(random.below(3) == 0 ? kNever : 0);
    rows.push_back(static_cast<int32_t>(random.below(kRows)));
  }
  if (with_bits) step.from.resize(static_cast<size_t>(frames * 3 * n / 8), 0xAA);
  kernels.advance({.blank_scores = step.blanks.data(),
                   .token_scores = step.tokens.data(),
                   .skips = skips.data(),
                   .rows = rows.data(),
                   .n = n,
                   .emissions = emissions.data(),
                   .blank_emissions = blank_emissions.data(),
                   .frames = frames,
                   .from = with_bits ? step.from.data() : nullptr});
  return step;
}

/// A plain trellis of all states; of equal ways the state itself, then the one before, then the one before that.
CtcPath plain_search(const CtcProblem& problem) {
  const auto states = 2 * problem.rows.size() + 1, frames = static_cast<size_t>(problem.frames);
  std::vector<double> emissions(static_cast<size_t>(problem.num_rows * kCtcFrames)), blanks(kCtcFrames), now(states, kNever);
  std::vector<std::vector<int32_t>> from(frames, std::vector<int32_t>(states));
  now[0] = 0;
  for (size_t t = 0; t < frames; ++t) {
    problem.read(static_cast<int64_t>(t), 1, emissions.data(), blanks.data());
    std::vector<double> next(states, kNever);
    for (size_t s = 0; s < states; ++s) {
      size_t best = s;
      if (s >= 1 && now[s - 1] > now[best]) best = s - 1;
      if (s >= 2 && s % 2 == 1 && problem.rows[s / 2] != problem.rows[s / 2 - 1] && now[s - 2] > now[best]) best = s - 2;
      from[t][s] = static_cast<int32_t>(best);
      next[s] = now[best] + (s % 2 == 0 ? blanks[0] : emissions[static_cast<size_t>(problem.rows[s / 2] * kCtcFrames)]);
    }
    now = next;
  }
  size_t s = states - 1;
  if (states > 1 && now[s - 1] > now[s]) --s;
  CtcPath path{.states = {}, .score = now[s]};
  if (path.score == kNever) return path;
  path.states.resize(frames);
  for (size_t t = frames; t-- > 0; s = static_cast<size_t>(from[t][s])) path.states[t] = static_cast<int32_t>(s);
  return path;
}

}  // namespace

TEST_CASE("ctc kernels give the same bits", "[alignment]") {
  for (const CtcKernels* kernels : runnable())
    for (const int64_t n : {32, 64, 160})
      for (const int64_t frames : {1, 2, 7, 15, 16})
        for (const bool with_bits : {false, true}) {
          INFO(kernels->name << ", " << n << " tokens, " << frames << " frames");
          CHECK(run(*kernels, 3, n, frames, with_bits) == run(kCtcKernelsBaseline, 3, n, frames, with_bits));
        }
}

TEST_CASE("ctc search equals a plain trellis, whatever its checkpoints", "[alignment]") {
  Random random(1);
  int64_t impossible = 0;
  for (int64_t round = 0; round < 300; ++round) {
    const int64_t frames = 1 + random.below(150), vocab = 1 + random.below(6), length = random.below(round % 3 == 0 ? 4 : frames + 1);
    const std::vector<double> table = scores(frames * (vocab + 1), random);
    int64_t ticks = 0;
    CtcProblem problem{.frames = frames, .num_rows = vocab, .rows = {}, .read = {}, .tick = [&](int64_t done) { ticks += done; }};
    for (int64_t i = 0; i < length; ++i) problem.rows.push_back(static_cast<int32_t>(random.below(vocab)));
    problem.read = [&](int64_t first, int64_t count, double* emissions, double* blanks) {
      for (int64_t f = 0; f < count; ++f) {
        const auto at = static_cast<size_t>((first + f) * (vocab + 1));
        for (int64_t v = 0; v < vocab; ++v) emissions[v * kCtcFrames + f] = table[at + static_cast<size_t>(v)];
        blanks[f] = table[at + static_cast<size_t>(vocab)];
      }
    };
    const CtcPath expected = plain_search(problem);
    impossible += expected.states.empty() ? 1 : 0;
    for (const CtcKernels* kernels : runnable())
      for (const int64_t stride : {16, 48, 256}) {
        ticks = 0;
        const CtcPath path = ctc_search(problem, stride, *kernels);
        REQUIRE(path.states == expected.states);
        if (expected.states.empty()) continue;
        REQUIRE(path.score == expected.score);
        REQUIRE(ticks == frames);
      }
  }
  CHECK(impossible > 10);
  CHECK(impossible < 250);
}

TEST_CASE("ctc search takes the memory it is given", "[alignment]") {
  constexpr int64_t kFrames = 360000, kTokens = 25000, kRows = 1000;  // two hours at 20 ms, four tokens a second
  const int64_t much = ctc_stride(kFrames, kTokens, kRows, 2000000000), little = ctc_stride(kFrames, kTokens, kRows, 60000000);
  CHECK(much > 0);
  REQUIRE(little > much);
  CHECK(ctc_search_bytes(kFrames, kTokens, kRows, little) <= 60000000);
  CHECK(ctc_search_bytes(kFrames, kTokens, kRows, little / 2) > 60000000);
  CHECK(ctc_stride(kFrames, kTokens, kRows, 1000000) == 0);
  CHECK(ctc_stride(1, 0, 0, 100000) > 0);
}

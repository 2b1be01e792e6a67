// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alignment/word_spans.hpp>
#include <alloy/core/random.hpp>

using namespace alloy;

namespace {

/// Tokens 1, 2, ... at the given frames, blank elsewhere.
CtcAlignment alignment_of(const std::vector<std::pair<int64_t, int64_t>>& spans, int64_t frames) {
  CtcAlignment alignment{.spans = {}, .labels = std::vector<int64_t>(static_cast<size_t>(frames), 0), .log_score = 0};
  for (const auto& [start, stop] : spans) {
    const int64_t token = std::ssize(alignment.spans) + 1;
    alignment.spans.push_back({.token = token, .start = start, .stop = stop, .score = -static_cast<double>(token)});
    for (int64_t t = start; t < stop; ++t) alignment.labels[static_cast<size_t>(t)] = token;
  }
  return alignment;
}

const WordSpanOptions kAsFound{.frame_seconds = 0.1, .share_before = 0, .share_after = 0};

std::vector<std::pair<int64_t, int64_t>> pairs(const std::vector<FrameRange>& ranges) {
  std::vector<std::pair<int64_t, int64_t>> all;
  for (const FrameRange& range : ranges) all.emplace_back(range.begin, range.end);
  return all;
}

}  // namespace

TEST_CASE("which tokens make up a word", "[alignment]") {
  const auto counted = words_of_counts({"go", "up"}, {3, 1});
  CHECK((counted[0].begin == 0 && counted[0].end == 3 && counted[1].begin == 3 && counted[1].end == 4 && counted[1].text == "up"));
  CHECK_THROWS_AS(words_of_counts({"go"}, {1, 2}), ShapeError);
  CHECK_THROWS_WITH(words_of_counts({"go"}, {0}), ContainsSubstring("got 0 for 'go'"));
  const auto separated = words_between({"go", "up"}, {5, 6, 9, 7}, 9);
  CHECK((separated[0].begin == 0 && separated[0].end == 2 && separated[1].begin == 3 && separated[1].end == 4 && separated[0].text == "go"));
  CHECK(words_between({}, {}, 9).empty());
  CHECK_THROWS_WITH(words_between({"go"}, {5, 9, 7}, 9), ContainsSubstring("expected 1 words, got 2 runs"));
  CHECK_THROWS_WITH(words_between({"go", "up"}, {5, 9, 9, 7}, 9), ContainsSubstring("got none at place 2"));
  CHECK_THROWS_WITH(words_between({"go"}, {5, 9}, 9), ContainsSubstring("got none at place 2"));
}

TEST_CASE("word spans", "[alignment]") {
  // Frames of 100 ms; a word of two tokens at 2 and 4..5, one of a single token at 9.
  const CtcAlignment alignment = alignment_of({{2, 3}, {4, 6}, {9, 10}}, 20);
  const auto words = words_of_counts({"go", "up"}, {2, 1});
  const auto spans = [&](const WordSpanOptions& options) {
    std::vector<double> times;
    for (const WordSpan& word : word_spans(alignment, words, options)) times.insert(times.end(), {word.time.start, word.time.stop});
    return torch::tensor(times, torch::kDouble);
  };
  const auto expect = [](std::initializer_list<double> times) {
    return AllClose(torch::tensor(std::vector<double>(times), torch::kDouble), 1e-9, 0);
  };
  SECTION("as the path has them") {
    CHECK_THAT(spans(kAsFound), expect({0.2, 0.6, 0.9, 1.0}));
    const auto found = word_spans(alignment, words, kAsFound);
    CHECK_THAT(found[0].score, WithinAbs(-(1 + 2 * 2) / 3.0, 1e-12));  // over frames, not tokens
    CHECK(found[1].text == "up");
  }
  SECTION("gaps are shared, up to a limit") {
    CHECK_THAT(spans({.frame_seconds = 0.1, .share_before = 0.5, .share_after = 0.5, .max_before_seconds = 10, .max_after_seconds = 10}),
               expect({0.1, 0.75, 0.75, 1.5}));
    CHECK_THAT(spans({.frame_seconds = 0.1, .share_before = 0.2, .share_after = 0.4, .max_before_seconds = 10, .max_after_seconds = 10}),
               expect({0.16, 0.72, 0.84, 1.4}));
    CHECK_THAT(spans({.frame_seconds = 0.1, .share_before = 0.5, .share_after = 0.5, .max_before_seconds = 0.05, .max_after_seconds = 0.1}),
               expect({0.15, 0.7, 0.85, 1.1}));
    CHECK_THAT(spans({.frame_seconds = 0.1, .share_before = 0, .share_after = 1, .max_after_seconds = 10}), expect({0.2, 0.9, 0.9, 2.0}));
  }
  SECTION("delay and first frame") {
    CHECK_THAT(spans({.frame_seconds = 0.1, .first_seconds = 5, .delay_seconds = 0.04, .share_before = 0, .share_after = 0}),
               expect({5.16, 5.56, 5.86, 5.96}));
    CHECK_THAT(spans({.frame_seconds = 0.1, .delay_seconds = -0.04, .share_before = 0, .share_after = 0}), expect({0.24, 0.64, 0.94, 1.04}));
  }
  SECTION("a separator belongs to the gap") {
    const auto with_separator = words_between({"go", "up"}, {1, 2, 3}, 2);
    const auto found = word_spans(alignment, with_separator,
                                  {.frame_seconds = 0.1, .share_before = 0.5, .share_after = 0.5, .max_before_seconds = 10, .max_after_seconds = 10});
    CHECK_THAT(found[0].time.stop, WithinAbs(0.6, 1e-9));  // the middle of 0.3 and 0.9
    CHECK_THAT(found[0].score, WithinAbs(-1, 1e-12));
  }
  SECTION("what does not fit") {
    CHECK(word_spans(alignment, {}, {}).empty());
    CHECK_THROWS_WITH(word_spans(alignment, words_of_counts({"go", "up"}, {2, 2})), ContainsSubstring("one of the 3 tokens, got [2, 4) for 'up'"));
    CHECK_THROWS_AS(word_spans(alignment, {{.text = "a", .begin = 1, .end = 3}, {.text = "b", .begin = 2, .end = 3}}), DataError);
    CHECK_THROWS_AS(word_spans(alignment, words, {.frame_seconds = 0}), ConfigError);
    CHECK_THROWS_AS(word_spans(alignment, words, {.share_before = 0.6, .share_after = 0.5}), ConfigError);
    CHECK_THROWS_AS(word_spans(alignment, words, {.max_after_seconds = -1}), ConfigError);
  }
}

TEST_CASE("word spans keep order, length and the recording's ends for any options", "[alignment]") {
  Random random(7);
  for (int64_t round = 0; round < 200; ++round) {
    std::vector<std::pair<int64_t, int64_t>> tokens;
    std::vector<std::string> texts;
    std::vector<int64_t> counts;
    int64_t frame = random.below(3);
    while (std::ssize(tokens) < 6) {
      const int64_t stop = frame + 1 + random.below(3);
      tokens.emplace_back(frame, stop);
      frame = stop + random.below(5);
    }
    for (int64_t left = 6; left > 0; left -= counts.back()) {
      counts.push_back(1 + random.below(left));
      texts.push_back("w");
    }
    const double share = random.uniform();
    const WordSpanOptions options{.frame_seconds = 0.02,
                                  .first_seconds = random.uniform(-1, 1),
                                  .delay_seconds = random.uniform(-1, 1),
                                  .share_before = share,
                                  .share_after = random.uniform(0, 1 - share),
                                  .max_before_seconds = random.uniform(0, 0.1),
                                  .max_after_seconds = random.uniform(0, 0.1)};
    const auto words = word_spans(alignment_of(tokens, frame), words_of_counts(texts, counts), options);
    double before = options.first_seconds;
    for (const WordSpan& word : words) {
      CHECK(word.time.start >= before - 1e-12);
      CHECK(word.time.stop > word.time.start);
      before = word.time.stop;
    }
    CHECK(before <= options.first_seconds + 0.02 * static_cast<double>(frame) + 1e-12);
  }
}

TEST_CASE("spans to frames", "[alignment]") {
  const std::vector<TimeSpan> spans = {{0.0, 0.12}, {0.12, 0.2}, {0.121, 0.13}, {0.141, 0.15}, {-3, 0},
                                       {-3, 0.01},  {0.4, 9},    {0.38, 0.39},  {0.39, 2},     {0.2, 0.2}};
  const std::vector<std::pair<int64_t, int64_t>> expected = {{0, 3}, {3, 5}, {3, 4}, {4, 5}, {0, 0}, {0, 1}, {10, 10}, {9, 10}, {9, 10}, {5, 5}};
  SECTION("at a constant rate: boundaries that are frames' times belong to the later frame") {
    CHECK(pairs(spans_to_frames(spans, FrameClock{.fps = 25, .num_frames = 10})) == expected);
    CHECK(pairs(spans_to_frames({{7.121, 7.13}}, FrameClock{.fps = 25, .num_frames = 10, .first_seconds = 7})) ==
          std::vector<std::pair<int64_t, int64_t>>{{3, 4}});
    CHECK(pairs(spans_to_frames(spans, FrameClock{.fps = 25, .num_frames = 0}))[0] == std::pair<int64_t, int64_t>{0, 0});
  }
  SECTION("the same by the frames' times") { CHECK(pairs(spans_to_frames(spans, torch::arange(10, torch::kDouble) / 25)) == expected); }
  SECTION("at a rate that varies") {
    const Tensor times = torch::tensor({1.0, 1.5, 1.6, 2.6}, torch::kDouble);  // the clip ends at 3.6
    CHECK(pairs(spans_to_frames({{1.0, 1.6}, {1.1, 1.2}, {1.3, 1.4}, {1.7, 2.0}, {1.7, 2.5}, {3.5, 3.6}, {3.6, 4}, {0.5, 0.9}, {1.1, 1.4}}, times)) ==
          std::vector<std::pair<int64_t, int64_t>>{{0, 2}, {0, 1}, {1, 2}, {2, 3}, {2, 3}, {3, 4}, {4, 4}, {0, 0}, {0, 1}});
  }
  SECTION("one frame lasts for ever; no frame") {
    CHECK(pairs(spans_to_frames({{5, 6}, {0, 1}}, torch::tensor({1.0}))) == std::vector<std::pair<int64_t, int64_t>>{{0, 1}, {0, 0}});
    CHECK(pairs(spans_to_frames({{5, 6}}, torch::empty({0}))) == std::vector<std::pair<int64_t, int64_t>>{{0, 0}});
  }
  SECTION("spans side by side share every frame out, each once") {
    Random random(9);
    std::vector<double> times, cuts = {-1};
    for (int64_t i = 0; i < 200; ++i) times.push_back((times.empty() ? 0 : times.back()) + random.uniform(0.01, 0.1));
    while (cuts.back() < times.back() + 1) cuts.push_back(cuts.back() + random.uniform(0.1, 0.5));  // longer than any frame
    std::vector<TimeSpan> tiles;
    for (size_t i = 1; i < cuts.size(); ++i) tiles.push_back({cuts[i - 1], cuts[i]});
    int64_t next = 0;
    for (const FrameRange& range : spans_to_frames(tiles, torch::tensor(times, torch::kDouble))) {
      if (range.begin == range.end) continue;
      CHECK(range.begin == next);
      next = range.end;
    }
    CHECK(next == 200);
  }
  SECTION("what cannot be") {
    CHECK_THROWS_WITH(spans_to_frames({{0, 1}, {2, 1}}, FrameClock{.num_frames = 1}), ContainsSubstring("got [2, 1) at place 1"));
    CHECK_THROWS_AS(spans_to_frames({{0, std::nan("")}}, FrameClock{.num_frames = 1}), DataError);
    CHECK_THROWS_WITH(spans_to_frames({{0, 1}}, torch::tensor({0.0, 1.0, 1.0})), ContainsSubstring("strictly ascending times, got 1 for frame 2"));
    CHECK_THROWS_AS(spans_to_frames({{0, 1}}, torch::tensor({0.0, std::nan("")})), DataError);
    CHECK_THROWS_AS(spans_to_frames({{0, 1}}, torch::zeros({2, 2})), ShapeError);
    CHECK_THROWS_AS(spans_to_frames({{0, 1}}, FrameClock{.fps = 0, .num_frames = 1}), ConfigError);
  }
}

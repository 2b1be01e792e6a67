// SPDX-License-Identifier: Apache-2.0
#pragma once

/// From the frames of tokens to the seconds of words, and from seconds to the frames of a video.

#include <alloy/alignment/ctc_align.hpp>

#include <string>

namespace alloy {

/// Which tokens of a target make up a word: those at places [begin, end), at least one.
struct WordTokens {
  std::string text;
  int64_t begin = 0;
  int64_t end = 0;
};
/// Words of `counts[i]` tokens each, with no tokens between them. @throws ShapeError unless there are as many counts as texts; DataError for a count
/// below 1
ALLOY_API std::vector<WordTokens> words_of_counts(const std::vector<std::string>& texts, const std::vector<int64_t>& counts);
/// Words with one separator between two of them, as of letters with a token for the space.
/// @throws DataError unless the separators leave as many runs of tokens as there are texts, none empty
ALLOY_API std::vector<WordTokens> words_between(const std::vector<std::string>& texts, const std::vector<int64_t>& targets, int64_t separator);

// Note [Peaky CTC]: A network trained with CTC is paid for the order of tokens, not for their times. It says a token for a frame or
// two, somewhere in the token's sound, and blank before and after it, and with some architectures always some frames late. So a word's
// first token begins after the word does and its last token ends before it. What lies between the last token of a word and the
// first of the next (blanks, separators) is the gap: its boundaries cannot be read off the path. Here they are set by rule: of each
// gap a share belongs to the word before it, a share to the word after it, and what is left is silence; neither grows beyond a limit, so
// that a long pause stays a pause. The gaps before the first and after the last word, to the ends of the recording, are treated alike.
// First `delay_seconds` is taken off all times. Measure the delay and the shares on recordings whose words are known, never on those
// that are judged.

struct WordSpanOptions {
  double frame_seconds = 0.02;
  double first_seconds = 0.0;
  double delay_seconds = 0.0;
  double share_before = 0.5;
  double share_after = 0.5;
  double max_before_seconds = 0.1;
  double max_after_seconds = 0.1;
  static void describe(auto& self, auto&& field) {
    field("frame_seconds", self.frame_seconds, "from frame to frame of the network, > 0");
    field("first_seconds", self.first_seconds, "where frame 0 begins");
    field("delay_seconds", self.delay_seconds, "how late the network says its tokens, taken off all times; negative = early");
    field("share_before", self.share_before, "0..1, of the gap before a word: how much of it belongs to the word");
    field("share_after", self.share_after, "0..1, of the gap after a word; at most 1 together with share_before");
    field("max_before_seconds", self.max_before_seconds, "the most that a word grows to its front, >= 0");
    field("max_after_seconds", self.max_after_seconds, "the most that a word grows to its end, >= 0");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// A stretch of time, half-open: [start, stop).
struct TimeSpan {
  double start = 0;  ///< seconds
  double stop = 0;   ///< seconds, >= start
};

struct WordSpan {
  std::string text;
  TimeSpan time;
  double score = 0;  ///< mean log-probability of the word's tokens over their frames
};

/// Words in order, never overlapping, none before frame 0 or behind the last frame, each with a length above 0.
/// @param words  ascending ranges of the alignment's tokens; tokens of no word (separators) count as gap
/// @throws DataError for ranges that overlap or are not within the alignment
ALLOY_API std::vector<WordSpan> word_spans(const CtcAlignment& alignment, const std::vector<WordTokens>& words, const WordSpanOptions& options = {});

/// Frames [begin, end) of a video.
struct FrameRange {
  int64_t begin = 0;
  int64_t end = 0;
};

/// The frames of each span by the frames' own times, so that any frame rate, a varying one too, is met: frame i belongs to a span if
/// start <= times[i] < stop, where what differs by less than a microsecond is equal. So spans side by side share no frame. A span so
/// short that no frame begins in it gets the frame whose time is nearest to its middle (of two the earlier). A span of no length, or
/// that lies wholly outside the clip, gets an empty range. The clip ends one step, that before the last frame, after the last frame's time.
/// @param times  [N] seconds, strictly ascending, on the CPU; N = 0 gives empty ranges; one frame alone lasts for ever
/// @throws ShapeError; DataError for times that do not ascend and for spans that are not finite or end before they start
ALLOY_API std::vector<FrameRange> spans_to_frames(const std::vector<TimeSpan>& spans, const Tensor& times);

/// A clip of constant rate: frame i is at first_seconds + i / fps.
struct FrameClock {
  double fps = 25;
  int64_t num_frames = 0;
  double first_seconds = 0;
};
/// The same without a list of times. @throws ConfigError unless fps > 0 and num_frames >= 0; DataError as above
ALLOY_API std::vector<FrameRange> spans_to_frames(const std::vector<TimeSpan>& spans, const FrameClock& clock);

/// The times alone, for `spans_to_frames`.
ALLOY_API std::vector<TimeSpan> times_of(const std::vector<WordSpan>& words);

}  // namespace alloy

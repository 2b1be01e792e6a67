// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Where words are in synthesised speech, without asking the synthesiser.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace alloy::detail {

/// Samples [begin, end).
struct SampleRange {
  int64_t begin = 0;
  int64_t end = 0;
};

// Note [Words by loudness]: A sentence is spoken twice by one voice, alike to the sample but for loudness: in the first recording
// words 0, 2, 4 ... are twice as loud as words 1, 3, 5 ..., in the second it is the other way round. So every sample that is not silent
// says by its two values whether its word is even or odd, and a word is a run of samples of one kind. What two words share (the echo
// of a voice that has one) shows as runs that are too many: such a sentence is refused, not guessed at.

/// The sounding samples of each word, first to last.
/// @param first, second  of one length; words with even places are louder in `first`, the others in `second`
/// @return one range a word, or nothing if the two do not show that many words
std::optional<std::vector<SampleRange>> find_alternating_words(std::span<const float> first, std::span<const float> second, int64_t words);

}  // namespace alloy::detail

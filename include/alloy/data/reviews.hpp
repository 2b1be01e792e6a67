// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Short product reviews with a sentiment, generated from word lists: no person wrote them. The words that tell the sentiment come in
/// two forms each (superb, superbly made); training has one, testing the other, of other things reviewed.

#include <alloy/core/options.hpp>
#include <alloy/core/random.hpp>

#include <array>
#include <span>
#include <string>
#include <utility>

namespace alloy {

enum class Sentiment { delighted, pleased, unmoved, disappointed, angry };
constexpr auto enum_names(Sentiment) {
  return std::to_array<std::pair<Sentiment, std::string_view>>({{Sentiment::delighted, "delighted"},
                                                                {Sentiment::pleased, "pleased"},
                                                                {Sentiment::unmoved, "unmoved"},
                                                                {Sentiment::disappointed, "disappointed"},
                                                                {Sentiment::angry, "angry"}});
}

enum class ReviewWords {
  seen,      ///< for training
  held_out,  ///< other forms of the telling words, other things
};
constexpr auto enum_names(ReviewWords) {
  return std::to_array<std::pair<ReviewWords, std::string_view>>({{ReviewWords::seen, "seen"}, {ReviewWords::held_out, "held_out"}});
}

/// One or two sentences of which two phrases tell the sentiment: "the kettle is superb. the handle: delightful"
ALLOY_API std::string make_review(Sentiment sentiment, ReviewWords words, Random& random);

/// What tells a sentiment, as it may stand in a review.
ALLOY_API std::span<const std::string_view> telling_phrases(Sentiment sentiment, ReviewWords words);

/// A sentence that says nothing of liking, to be spoken: "the parcel came to the office on monday morning"
ALLOY_API std::string make_neutral_sentence(Random& random);

}  // namespace alloy

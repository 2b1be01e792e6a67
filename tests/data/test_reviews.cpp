// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/data/reviews.hpp>

#include <algorithm>
#include <set>

using namespace alloy;

TEST_CASE("reviews hold two phrases of their sentiment and none of another", "[data]") {
  Random random(1);
  std::set<std::string> texts;
  for (const auto& [sentiment, name] : enum_names(Sentiment{}))
    for (const ReviewWords words : {ReviewWords::seen, ReviewWords::held_out})
      for (int k = 0; k < 60; ++k) {
        const std::string review = make_review(sentiment, words, random);
        texts.insert(review);
        INFO(review);
        std::set<std::string_view> found;
        for (const std::string_view phrase : telling_phrases(sentiment, words))
          if (review.find(phrase) != std::string::npos) found.insert(phrase);
        CHECK(found.size() >= 2);
      }
  CHECK(texts.size() > 500);
}

TEST_CASE("telling phrases of training are not those held out, and are of one sentiment", "[data]") {
  std::multiset<std::string_view> all;
  for (const auto& [sentiment, name] : enum_names(Sentiment{}))
    for (const ReviewWords words : {ReviewWords::seen, ReviewWords::held_out})
      for (const std::string_view phrase : telling_phrases(sentiment, words)) {
        CHECK_FALSE(phrase.empty());
        all.insert(phrase);
      }
  CHECK(all.size() == 80);
  for (const std::string_view phrase : all) CHECK(all.count(phrase) == 1);
}

TEST_CASE("reviews repeat with their seed", "[data]") {
  Random a(7), b(7), c(8);
  const std::string first = make_review(Sentiment::angry, ReviewWords::seen, a);
  CHECK(first == make_review(Sentiment::angry, ReviewWords::seen, b));
  CHECK(first != make_review(Sentiment::angry, ReviewWords::seen, c));
  CHECK(make_neutral_sentence(a) == make_neutral_sentence(b));
}

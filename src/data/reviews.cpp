// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/reviews.hpp>

#include <alloy/core/check.hpp>

namespace alloy {

namespace {

constexpr size_t kPhrases = 8;
using Phrases = std::array<std::string_view, kPhrases>;

/// By sentiment: as seen in training, and the forms held out, of the same stems.
constexpr std::array<Phrases, 5> kSeen = {{{"superb", "wonderful", "brilliant", "delightful", "perfect", "marvellous", "fantastic", "a treasure"},
                                           {"nice", "pleasant", "useful", "handy", "reliable", "solid", "comfortable", "well made"},
                                           {"average", "ordinary", "plain", "acceptable", "usual", "standard", "as described", "so so"},
                                           {"flimsy", "weak", "dull", "disappointing", "noisy", "clumsy", "short lived", "overpriced"},
                                           {"terrible", "awful", "useless", "disgraceful", "horrible", "a scandal", "infuriating", "rubbish"}}};
constexpr std::array<Phrases, 5> kHeldOut = {
    {{"superbly built", "a wonder", "brilliance", "a delight", "perfection", "marvellously light", "fantastically clever", "treasured already"},
     {"nicely done", "pleasantly warm", "usefully small", "handier than most", "reliably quick", "solidly made", "comfortably wide", "made well"},
     {"averagely built", "ordinarily priced", "plainly made", "acceptably quick", "as usual", "standardly sized", "like the description",
      "only so so"},
     {"flimsily built", "weaker than most", "dullness", "a disappointment", "noisier than most", "clumsily made", "shorter lived", "overpricing"},
     {"terribly made", "awfully built", "uselessness", "a disgrace", "a horror", "scandalous", "it infuriates", "rubbishy"}}};
constexpr auto kSeenThings = std::to_array<std::string_view>({"lamp", "kettle", "chair", "printer", "blender", "camera", "jacket", "speaker"});
constexpr auto kHeldOutThings = std::to_array<std::string_view>({"heater", "backpack", "toaster", "keyboard", "tent", "mirror", "drill", "watch"});
constexpr auto kParts = std::to_array<std::string_view>({"handle", "finish", "packaging", "manual", "colour", "switch"});

std::string_view pick(std::span<const std::string_view> list, Random& random) { return list[static_cast<size_t>(random.below(std::ssize(list)))]; }

}  // namespace

std::span<const std::string_view> telling_phrases(Sentiment sentiment, ReviewWords words) {
  const auto place = static_cast<size_t>(sentiment);
  return words == ReviewWords::seen ? kSeen[place] : kHeldOut[place];
}

std::string make_review(Sentiment sentiment, ReviewWords words, Random& random) {
  const auto phrases = telling_phrases(sentiment, words);
  const std::string_view thing = words == ReviewWords::seen ? pick(kSeenThings, random) : pick(kHeldOutThings, random), part = pick(kParts, random);
  const int64_t first = random.below(kPhrases), second = (first + 1 + random.below(kPhrases - 1)) % kPhrases;  // two that differ
  const std::string_view a = phrases[static_cast<size_t>(first)], b = phrases[static_cast<size_t>(second)];
  switch (random.below(4)) {
    case 0:
      return format_message("the {} is {}. the {}: {}", {thing, a, part, b});
    case 1:
      return format_message("{}, this {}, and the {} is {}", {a, thing, part, b});
    case 2:
      return format_message("bought the {} last week. {}, {}", {thing, a, b});
    default:
      return format_message("my verdict on the {} and its {}: {} and {}", {thing, part, a, b});
  }
}

std::string make_neutral_sentence(Random& random) {
  static constexpr auto kThings =
      std::to_array<std::string_view>({"the parcel", "the letter", "the order", "a delivery", "the catalogue", "the invoice"});
  static constexpr auto kVerbs = std::to_array<std::string_view>({"came to", "went to", "arrived at", "is now in", "was left at"});
  static constexpr auto kPlaces = std::to_array<std::string_view>({"the office", "our house", "the station", "the market", "the library"});
  static constexpr auto kTimes =
      std::to_array<std::string_view>({"on monday morning", "in the afternoon", "at seven in the evening", "a week ago", "on the second of may"});
  const std::string_view thing = pick(kThings, random), verb = pick(kVerbs, random), place = pick(kPlaces, random), time = pick(kTimes, random);
  return format_message("{} {} {} {}", {thing, verb, place, time});
}

}  // namespace alloy

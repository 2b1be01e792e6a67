// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/brain_notes.hpp>

#include <algorithm>
#include <array>

namespace alloy {

namespace {

struct Wording {
  std::string_view before, after;
};
using Wordings = std::array<Wording, kBrainWordings>;
constexpr Wordings kAffirmed{{{"a", ""}, {"there is a", ""}, {"evidence of a", ""}, {"a", "is seen"}}};
constexpr Wordings kNegated{{{"no", ""}, {"there is no", ""}, {"no evidence of a", ""}, {"a", "is not seen"}}};
constexpr std::array<std::string_view, kLesionKinds> kKinds{"malignant lesion", "benign lesion", "cystic lesion"};

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (size_t at = 0; (at = text.find_first_not_of(' ', at)) < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

bool matches(const BrainPhrase& phrase, const BrainLesion& lesion) {
  return phrase.place == lesion.place && (!phrase.kind || *phrase.kind == lesion.kind);
}

}  // namespace

std::string phrase_text(const BrainPhrase& phrase) {
  const Wording& wording = (phrase.polarity == BrainPhrase::Polarity::affirmed ? kAffirmed : kNegated).at(static_cast<size_t>(phrase.wording));
  std::string text = std::string(wording.before) + " " + (phrase.kind ? std::string(kKinds.at(static_cast<size_t>(*phrase.kind))) : "mass") +
                     " in the " + place_name(phrase.place);
  if (!wording.after.empty()) text += " " + std::string(wording.after);
  return text;
}

std::string note_text(const BrainNote& note) {
  std::string text;
  for (const BrainPhrase& phrase : note) text += (text.empty() ? "" : "; ") + phrase_text(phrase);
  return text;
}

bool note_holds(const BrainNote& note, const std::vector<BrainLesion>& lesions) {
  return std::ranges::all_of(note, [&](const BrainPhrase& phrase) {
    const bool there = std::ranges::any_of(lesions, [&](const BrainLesion& lesion) { return matches(phrase, lesion); });
    return there == (phrase.polarity == BrainPhrase::Polarity::affirmed);
  });
}

BrainNote with_sides_swapped(BrainNote note) {
  for (BrainPhrase& phrase : note) phrase.place = mirrored(phrase.place), phrase.lesion = -1;
  return note;
}

BrainNote with_negation_moved(BrainNote note, Random& random) {
  std::vector<BrainPhrase*> affirmed, negated;
  for (BrainPhrase& phrase : note) (phrase.polarity == BrainPhrase::Polarity::affirmed ? affirmed : negated).push_back(&phrase);
  check<ConfigError>(!affirmed.empty() && !negated.empty(), "[with_negation_moved] expected affirmed and negated phrases, got {} and {}",
                     {affirmed.size(), negated.size()});
  BrainPhrase& one = *affirmed[static_cast<size_t>(random.below(static_cast<int64_t>(affirmed.size())))];
  BrainPhrase& other = *negated[static_cast<size_t>(random.below(static_cast<int64_t>(negated.size())))];
  std::swap(one.polarity, other.polarity);
  std::swap(one.wording, other.wording);
  one.lesion = other.lesion = -1;
  return note;
}

const std::vector<std::string>& brain_words() {
  static const std::vector<std::string> words = [] {
    std::string all = "in the mass";
    for (const Wordings* wordings : {&kAffirmed, &kNegated})
      for (const Wording& wording : *wordings) all += " " + std::string(wording.before) + " " + std::string(wording.after);
    for (const std::string_view kind : kKinds) all += " " + std::string(kind);
    for (int64_t place = 0; place < kBrainPlaces; ++place) all += " " + place_name(place_at(place));
    std::vector<std::string> unique = words_of(all);
    std::ranges::sort(unique);
    unique.erase(std::ranges::unique(unique).begin(), unique.end());
    return unique;
  }();
  return words;
}

std::vector<int64_t> brain_word_ids(std::string_view phrase) {
  const auto& known = brain_words();
  std::vector<int64_t> ids;
  for (const std::string& word : words_of(phrase)) {
    const auto found = std::ranges::lower_bound(known, word);
    check<DataError>(found != known.end() && *found == word, "[brain_word_ids] expected words of brain_words(), got '{}'", {word});
    ids.push_back(1 + (found - known.begin()));
  }
  return ids;
}

}  // namespace alloy

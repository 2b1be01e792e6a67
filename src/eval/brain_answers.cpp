// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/brain_answers.hpp>

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace alloy {

namespace {

constexpr uint64_t kNegationSeed = 7;  // both kinds of answers are about the same false notes

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr Score kNone{.value = kNan, .low = kNan, .high = kNan};

PhraseBatch phrases_of(const std::vector<BrainNote>& notes) { return make_phrase_batch(note_word_ids(notes)); }

}  // namespace

Tensor lesion_prior(const BrainCorpus& corpus, int64_t side) {
  const LesionPhrases about = lesion_phrases(corpus, all_indices(corpus));
  const Tensor touched = touched_cells(about.masks, side, side).to(torch::kFloat).view({-1, side, side});
  Tensor prior = torch::zeros({kBrainPlaces, side, side});
  for (int64_t p = 0; p < touched.size(0); ++p) {
    const BrainPlace place = about.phrases[static_cast<size_t>(p)].place;
    prior[place_index(place)] += touched[p];
    prior[place_index(mirrored(place))] += touched[p].flip(1);
  }
  return prior.flatten(1);
}

std::vector<BrainPhrase> other_phrases(const std::vector<BrainPhrase>& phrases) {
  const auto same = [](const BrainPhrase& a, const BrainPhrase& b) { return a.kind == b.kind && a.place == b.place; };
  std::vector<BrainPhrase> others;
  for (size_t p = 0; p < phrases.size(); ++p) {
    size_t steps = 0, next = (p + phrases.size() / 2) % phrases.size();
    for (; steps < phrases.size() && same(phrases[p], phrases[next]); ++steps) next = (next + 1) % phrases.size();
    if (steps == phrases.size()) return {};  // one is like all, so all are alike
    others.push_back(phrases[next]);
  }
  return others;
}

BrainAnswers brain_answers(PhraseGrid model, const BrainCorpus& corpus, const Tensor& prior) {
  const torch::NoGradGuard no_grad;
  BrainAnswers a{.about = lesion_phrases(corpus, all_indices(corpus)), .cells = embed_all_cells(model, corpus.images)};
  check_shape(prior, {kBrainPlaces, a.cells.size(1)}, "brain_answers", "the prior");
  const int64_t side = std::llround(std::sqrt(static_cast<double>(a.cells.size(1))));
  const Tensor right = touched_cells(a.about.masks, side, side), own = a.cells.index_select(0, a.about.owner);
  const auto hits = [&](const Tensor& pointed) { return right.gather(1, pointed.unsqueeze(1)).squeeze(1).to(torch::kFloat); };
  const auto told = [&](const BrainNote& phrases) { return hits(point_at(model, phrases_of({phrases}).words, own)); };
  const auto mean = [&](const Tensor& values) { return grouped_mean(values, a.about.owner); };

  a.pointed = point_at(model, phrases_of({a.about.phrases}).words, own);
  a.hits = hits(a.pointed);
  a.pointing = mean(a.hits);
  a.shared = kNone;
  if (a.about.shares_place.any().item<bool>())
    a.shared = grouped_mean(a.hits.masked_select(a.about.shares_place), a.about.owner.masked_select(a.about.shares_place));
  const BrainNote others = other_phrases(a.about.phrases);
  a.other_phrase = others.empty() ? kNone : mean(told(others));
  BrainNote kindless = a.about.phrases;
  std::vector<int64_t> places;
  for (BrainPhrase& phrase : kindless) phrase.kind = std::nullopt, places.push_back(place_index(phrase.place));
  a.without_kind = mean(told(kindless));
  a.prior = mean(hits(prior.index_select(0, torch::tensor(places)).argmax(1)));
  const auto random_cell = [&](const Tensor& among) { return mean(right.logical_and(among).sum(1) / among.sum(1).to(torch::kFloat)); };
  a.atlas = random_cell(touched_cells(a.about.places, side, side));
  a.chance = random_cell(touched_cells(a.about.heads, side, side));

  Random random(kNegationSeed);
  const auto notes = notes_of(corpus, all_indices(corpus));
  const auto score = [&](const std::vector<BrainNote>& texts) { return model->own_text_scores(phrases_of(texts), a.cells); };
  a.sides = grouped_mean(preference(score(notes), score(with_sides_swapped(notes))));
  a.negation = grouped_mean(preference(score(notes), score(with_negation_moved(notes, random))));
  return a;
}

BagAnswers bag_answers(JointEmbedding joint, const BrainCorpus& corpus) {
  const auto embedded = [&](const std::vector<BrainNote>& notes) {
    Loader loader(bag_of_words_dataset(corpus, notes), {.shuffle = false});
    return embed_all(joint, loader).modalities;
  };
  const auto notes = notes_of(corpus, all_indices(corpus));
  const auto rows = embedded(notes);
  BagAnswers a{.slices = rows.at("slice").values, .notes = rows.at("note").values};
  const auto score = [&](const Tensor& texts) { return (a.slices * texts).sum(1); };
  Random random(kNegationSeed);
  a.sides = grouped_mean(preference(score(a.notes), score(embedded(with_sides_swapped(notes)).at("note").values)));
  a.negation = grouped_mean(preference(score(a.notes), score(embedded(with_negation_moved(notes, random)).at("note").values)));
  return a;
}

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/brain_corpus.hpp>

#include <torch/types.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

namespace alloy {

BrainCorpus make_brain_corpus(const BrainCaseMaker& maker, int64_t count, uint64_t seed) {
  check<ConfigError>(count >= 1, "[make_brain_corpus] expected a case at least, got {}", {count});
  BrainCorpus corpus;
  std::vector<Tensor> images;
  for (int64_t i = 0; i < count; ++i) {
    corpus.cases.push_back(maker.make(mix_seed({seed, static_cast<uint64_t>(i)})));
    images.push_back(corpus.cases.back().image);
  }
  corpus.images = torch::stack(images);
  return corpus;
}

std::vector<int64_t> all_indices(const BrainCorpus& corpus) {
  std::vector<int64_t> index(corpus.cases.size());
  std::iota(index.begin(), index.end(), 0);
  return index;
}

std::vector<BrainNote> notes_of(const BrainCorpus& corpus, const std::vector<int64_t>& index) {
  std::vector<BrainNote> notes;
  for (const int64_t i : index) notes.push_back(corpus.cases.at(static_cast<size_t>(i)).note);
  return notes;
}

std::vector<BrainNote> with_sides_swapped(std::vector<BrainNote> notes) {
  for (BrainNote& note : notes) note = with_sides_swapped(std::move(note));
  return notes;
}

std::vector<BrainNote> with_negation_moved(std::vector<BrainNote> notes, Random& random) {
  for (BrainNote& note : notes) note = with_negation_moved(std::move(note), random);
  return notes;
}

std::vector<std::vector<std::vector<int64_t>>> note_word_ids(const std::vector<BrainNote>& notes) {
  std::vector<std::vector<std::vector<int64_t>>> ids;
  for (const BrainNote& note : notes) {
    ids.emplace_back();
    for (const BrainPhrase& phrase : note) ids.back().push_back(brain_word_ids(phrase_text(phrase)));
  }
  return ids;
}

LesionPhrases lesion_phrases(const BrainCorpus& corpus, const std::vector<int64_t>& index) {
  LesionPhrases found;
  std::vector<int64_t> owner;
  std::vector<Tensor> masks, places, heads;
  std::vector<uint8_t> shares;
  for (size_t i = 0; i < index.size(); ++i) {
    const BrainCase& c = corpus.cases.at(static_cast<size_t>(index[i]));
    for (const BrainPhrase& phrase : c.note) {
      if (phrase.lesion < 0) continue;
      found.phrases.push_back(phrase);
      owner.push_back(static_cast<int64_t>(i));
      masks.push_back(c.lesions.at(static_cast<size_t>(phrase.lesion)).mask);
      places.push_back(c.places.eq(1 + place_index(phrase.place)));
      heads.push_back(c.places.gt(0));
      shares.push_back(std::ranges::count(c.lesions, phrase.place, &BrainLesion::place) > 1);
    }
  }
  check<DataError>(!owner.empty(), "[lesion_phrases] expected an affirmed phrase in {} cases, got none", {index.size()});
  found.owner = torch::tensor(owner, at::kLong);
  found.masks = torch::stack(masks);
  found.places = torch::stack(places);
  found.heads = torch::stack(heads);
  found.shares_place = torch::tensor(shares).to(at::kBool);
  return found;
}

Tensor notes_hold(const BrainCorpus& corpus, const std::vector<int64_t>& index) {
  std::vector<uint8_t> holds;
  for (const int64_t i : index)
    for (const int64_t j : index)
      holds.push_back(note_holds(corpus.cases.at(static_cast<size_t>(i)).note, corpus.cases.at(static_cast<size_t>(j)).lesions));
  const auto n = static_cast<int64_t>(index.size());
  return torch::tensor(holds).view({n, n}).to(at::kBool);
}

Tensor finding_ids(const std::vector<BrainCase>& cases) {
  std::map<std::set<std::pair<int64_t, int64_t>>, int64_t> known;
  std::vector<int64_t> ids;
  for (const BrainCase& c : cases) {
    std::set<std::pair<int64_t, int64_t>> findings;
    for (const BrainLesion& lesion : c.lesions) findings.emplace(place_index(lesion.place), static_cast<int64_t>(lesion.kind));
    ids.push_back(known.try_emplace(findings, static_cast<int64_t>(known.size())).first->second);
  }
  return torch::tensor(ids, at::kLong);
}

bool mentions_place(const BrainNote& note, const std::vector<int64_t>& places) {
  return std::ranges::any_of(note, [&](const BrainPhrase& phrase) { return std::ranges::find(places, place_index(phrase.place)) != places.end(); });
}

std::shared_ptr<MemoryDataset> bag_of_words_dataset(const BrainCorpus& corpus, const std::vector<BrainNote>& notes) {
  check<ShapeError>(notes.size() == corpus.cases.size(), "[bag_of_words_dataset] expected a note for each of {} cases, got {}",
                    {corpus.cases.size(), notes.size()});
  const auto words = note_word_ids(notes);
  const Tensor ids = finding_ids(corpus.cases);
  std::vector<Sample> samples;
  for (size_t i = 0; i < notes.size(); ++i) {
    std::vector<int64_t> bag;
    for (const auto& phrase : words[i]) bag.insert(bag.end(), phrase.begin(), phrase.end());
    samples.push_back({.id = std::to_string(ids[static_cast<int64_t>(i)].item<int64_t>()),
                       .values = {{"slice", corpus.cases[i].image}, {"note", torch::tensor(bag)}}});
  }
  return std::make_shared<MemoryDataset>(std::move(samples));
}

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Many simulated brain slices with their notes (data/brain_notes.hpp), as the tensors and word ids that a model reads.

#include <alloy/data/brain_notes.hpp>
#include <alloy/data/dataset.hpp>

namespace alloy {

/// A value.
struct BrainCorpus {
  std::vector<BrainCase> cases;
  Tensor images;  ///< float [N, 1, H, W]
};
/// Cases of the seeds mix_seed({seed, 0}), mix_seed({seed, 1}) ... @throws ConfigError unless count >= 1; DataError as BrainCaseMaker::make
ALLOY_API BrainCorpus make_brain_corpus(const BrainCaseMaker& maker, int64_t count, uint64_t seed);

ALLOY_API std::vector<int64_t> all_indices(const BrainCorpus& corpus);
/// The notes of cases index[0], index[1] ...
ALLOY_API std::vector<BrainNote> notes_of(const BrainCorpus& corpus, const std::vector<int64_t>& index);
ALLOY_API std::vector<BrainNote> with_sides_swapped(std::vector<BrainNote> notes);
ALLOY_API std::vector<BrainNote> with_negation_moved(std::vector<BrainNote> notes, Random& random);

/// Word ids by note and phrase.
ALLOY_API std::vector<std::vector<std::vector<int64_t>>> note_word_ids(const std::vector<BrainNote>& notes);

/// The affirmed phrases of some cases, each about one lesion. P phrases.
struct LesionPhrases {
  std::vector<BrainPhrase> phrases;
  Tensor owner;         ///< int64 [P]: place of the case in `index`
  Tensor masks;         ///< bool [P, H, W], of the lesion
  Tensor places;        ///< bool [P, H, W], of all of the place that the phrase names
  Tensor heads;         ///< bool [P, H, W], of all places
  Tensor shares_place;  ///< bool [P]: another lesion lies in the same place, so that only the kind tells which one is meant
};
/// @param index  of cases @throws DataError if none of them has an affirmed phrase
ALLOY_API LesionPhrases lesion_phrases(const BrainCorpus& corpus, const std::vector<int64_t>& index);

/// bool [N, N]: whether the note of case index[i] is true of case index[j].
ALLOY_API Tensor notes_hold(const BrainCorpus& corpus, const std::vector<int64_t>& index);
/// int64 [N]: cases with lesions of the same kinds at the same places have the same number.
ALLOY_API Tensor finding_ids(const std::vector<BrainCase>& cases);
/// Whether a note speaks of one of the places.
ALLOY_API bool mentions_place(const BrainNote& note, const std::vector<int64_t>& places);

/// The whole note as a bag of words, for what knows no phrases: samples of `slice` [1, H, W] and `note`, int64 word ids of all phrases in order.
/// The id of a sample is that of finding_ids.
/// @param notes  one a case: their own, or others @throws ShapeError
ALLOY_API std::shared_ptr<MemoryDataset> bag_of_words_dataset(const BrainCorpus& corpus, const std::vector<BrainNote>& notes);

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What a PhraseGrid has learnt about slices and notes (data/brain_corpus.hpp): does it point at the lesion that a phrase names, does it
/// tell a note from the same words with the sides swapped or a negation moved, and what could be had without it.

#include <alloy/data/brain_corpus.hpp>
#include <alloy/eval/embed_all.hpp>
#include <alloy/eval/pointing.hpp>
#include <alloy/eval/score_table.hpp>
#include <alloy/models/phrase_grid.hpp>

namespace alloy {

/// How often the lesions of each place touched each cell, those of the place opposite too, mirrored: float [kBrainPlaces, side * side].
/// @throws DataError if no note of the corpus affirms a lesion
ALLOY_API Tensor lesion_prior(const BrainCorpus& corpus, int64_t side);

/// For each phrase another of them, about something else: the first that names another kind or place, from half of them further on, round the
/// end. Empty where all name the same.
ALLOY_API std::vector<BrainPhrase> other_phrases(const std::vector<BrainPhrase>& phrases);

/// Of N slices with P affirmed phrases. Pointing is right where the lesion touches the cell; intervals are over slices, whose phrases rise and
/// fall together.
struct BrainAnswers {
  LesionPhrases about;  ///< the phrases
  Tensor cells;         ///< [N, G, D] embed_cells of the slices
  Tensor pointed;       ///< int64 [P], the cell
  Tensor hits;          ///< float [P], 1 where it is right
  Score pointing;       ///< of all phrases
  Score shared;         ///< of those whose place holds another lesion too, which only the kind tells apart; none: NaN
  Score other_phrase;   ///< told the one of other_phrases; none: NaN
  Score without_kind;   ///< told the place alone
  Score prior;          ///< without the model: where the prior of the place is highest
  Score atlas;          ///< without the model: a random cell of the place
  Score chance;         ///< without the model: a random cell of the head
  Score sides;          ///< prefers the note to itself with its sides swapped
  Score negation;       ///< prefers the note to itself with a negation moved
};
/// Without gradients. @param prior  as lesion_prior gives it for the grid of the model
/// @throws ShapeError for another prior; DataError if no note of the corpus affirms a lesion
ALLOY_API BrainAnswers brain_answers(PhraseGrid model, const BrainCorpus& corpus, const Tensor& prior);

/// The same questions to what knows no phrases.
struct BagAnswers {
  Tensor slices, notes;  ///< [N, dim] rows of the joint space
  Score sides;           ///< prefers the note to itself with its sides swapped: one half, since the words are the same
  Score negation;        ///< or with a negation moved
};
/// @param joint  of the modalities of bag_of_words_dataset @throws as embed_all
ALLOY_API BagAnswers bag_answers(JointEmbedding joint, const BrainCorpus& corpus);

struct BrainReportOptions {
  size_t most_slices = 25;
  SliceView view = SliceView::radiological;  ///< that of the slices
};
/// A page: the rows as a table, and slices with what was pointed at. It says that lesions and notes are simulated.
/// @param answers  of this corpus
ALLOY_API std::string brain_report(const std::vector<ScoreRow>& rows, const BrainCorpus& corpus, const BrainAnswers& answers,
                                   const BrainReportOptions& options = {});

}  // namespace alloy

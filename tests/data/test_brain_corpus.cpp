// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/brain.hpp"

#include <alloy/data/brain_corpus.hpp>

using namespace alloy;

TEST_CASE("brain corpora", "[data]") {
  const BrainCaseMaker maker(ball(), ball_slices());
  const BrainCorpus corpus = make_brain_corpus(maker, 12, 3);
  REQUIRE(corpus.cases.size() == 12);
  SECTION("cases by seed") {
    CHECK(corpus.images.sizes() == at::IntArrayRef({12, 1, 48, 48}));
    CHECK_THAT(corpus.images[5], SameBits(maker.make(mix_seed({3, 5})).image));
    CHECK(all_indices(corpus).back() == 11);
    CHECK_THROWS_AS(make_brain_corpus(maker, 0, 3), ConfigError);
  }
  SECTION("notes and their changes") {
    const auto notes = notes_of(corpus, {4, 2});
    REQUIRE(notes.size() == 2);
    CHECK(note_text(notes[1]) == note_text(corpus.cases[2].note));
    CHECK(note_text(with_sides_swapped(notes)[0]) == note_text(with_sides_swapped(notes[0])));
    Random one(1), other(1);
    CHECK(note_text(with_negation_moved(notes, one)[0]) == note_text(with_negation_moved(notes[0], other)));
    const auto ids = note_word_ids(notes);
    REQUIRE(ids[1].size() == notes[1].size());
    CHECK(ids[1][0] == brain_word_ids(phrase_text(notes[1][0])));
    CHECK(mentions_place(notes[0], {place_index(notes[0].back().place)}));
    CHECK_FALSE(mentions_place(notes[0], {place_index({BrainRegion::insula, BodySide::left})}));
  }
  SECTION("phrases about lesions") {
    const std::vector<int64_t> index{7, 1, 9};
    const LesionPhrases about = lesion_phrases(corpus, index);
    size_t lesions = 0;
    for (const int64_t i : index) lesions += corpus.cases[static_cast<size_t>(i)].lesions.size();
    REQUIRE(about.phrases.size() == lesions);
    for (int64_t p = 0; p < about.owner.size(0); ++p) {
      const BrainCase& c = corpus.cases[static_cast<size_t>(index[static_cast<size_t>(about.owner[p].item<int64_t>())])];
      const BrainPhrase& phrase = about.phrases[static_cast<size_t>(p)];
      CHECK_THAT(about.masks[p], SameBits(c.lesions[static_cast<size_t>(phrase.lesion)].mask));
      CHECK_THAT(about.places[p], SameBits(c.places.eq(1 + place_index(phrase.place))));
      CHECK_THAT(about.heads[p], SameBits(c.places.gt(0)));
      int64_t there = 0;
      for (const BrainLesion& l : c.lesions) there += l.place == phrase.place;
      CHECK(about.shares_place[p].item<bool>() == (there > 1));
    }
  }
  SECTION("which note is true of which slice") {
    const std::vector<int64_t> index{3, 3, 0, 8};
    const Tensor holds = notes_hold(corpus, index);
    for (int64_t i = 0; i < 4; ++i)
      for (int64_t j = 0; j < 4; ++j)
        CHECK(holds[i][j].item<bool>() == note_holds(corpus.cases[static_cast<size_t>(index[static_cast<size_t>(i)])].note,
                                                     corpus.cases[static_cast<size_t>(index[static_cast<size_t>(j)])].lesions));
    CHECK(holds.diagonal().all().item<bool>());
    CHECK(holds[0][1].item<bool>());
  }
  SECTION("notes as bags of words") {
    auto notes = notes_of(corpus, all_indices(corpus));
    notes[3] = notes[4];
    const auto data = bag_of_words_dataset(corpus, notes);
    REQUIRE(data->size() == 12);
    Random random(1);
    const Sample sample = data->get(3, random);
    CHECK_THAT(sample.values.at("slice"), SameBits(corpus.cases[3].image));
    std::vector<int64_t> words;
    for (const BrainPhrase& phrase : notes[4])
      for (const int64_t word : brain_word_ids(phrase_text(phrase))) words.push_back(word);
    CHECK_THAT(sample.values.at("note"), SameBits(torch::tensor(words)));
    CHECK(sample.id == std::to_string(finding_ids(corpus.cases)[3].item<int64_t>()));
    notes.pop_back();
    CHECK_THROWS_AS(bag_of_words_dataset(corpus, notes), ShapeError);
  }
  SECTION("equal findings, equal ids") {
    auto cases = corpus.cases;
    cases.push_back(corpus.cases[4]);
    std::ranges::reverse(cases.back().lesions);
    const Tensor ids = finding_ids(cases);
    CHECK(ids[12].item<int64_t>() == ids[4].item<int64_t>());
    cases.back().lesions[0].kind = cases.back().lesions[0].kind == LesionKind::benign ? LesionKind::cystic : LesionKind::benign;
    cases.back().lesions.resize(1);
    cases[4].lesions.resize(1);
    cases[4].lesions[0] = cases.back().lesions[0];
    cases[4].lesions[0].kind = LesionKind::malignant;
    const Tensor others = finding_ids(cases);
    CHECK(others[12].item<int64_t>() != others[4].item<int64_t>());
  }
}

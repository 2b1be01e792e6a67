// SPDX-License-Identifier: Apache-2.0
#include "support/brain.hpp"
#include "support/catch.hpp"
#include "support/html.hpp"

#include <alloy/encoders/hashed_text.hpp>
#include <alloy/encoders/residual_image.hpp>
#include <alloy/eval/brain_answers.hpp>

#include <torch/types.h>

using namespace alloy;

namespace {

constexpr int64_t kSide = 12;  // of the grid of slices of 48 x 48 pixels

PhraseGrid untrained() {
  seed_everything(3);
  PhraseGrid model({.widths = {8, 8}, .vocab_size = std::ssize(brain_words()) + 1, .dim = 8, .heads = 2});
  model->eval();
  return model;
}

Tensor cells_of(const Tensor& mask) { return touched_cells(mask, kSide, kSide); }

}  // namespace

TEST_CASE("where lesions of a place were", "[eval]") {
  const BrainCorpus corpus = make_brain_corpus(BrainCaseMaker(ball(), ball_slices()), 5, 4);
  const Tensor prior = lesion_prior(corpus, kSide);
  REQUIRE(prior.sizes() == at::IntArrayRef({kBrainPlaces, kSide * kSide}));
  Tensor expected = torch::zeros_like(prior);
  for (const BrainCase& c : corpus.cases)
    for (const BrainLesion& lesion : c.lesions) {
      expected[place_index(lesion.place)] += cells_of(lesion.mask);
      expected[place_index(mirrored(lesion.place))] += cells_of(lesion.mask.flip(1));
    }
  CHECK_THAT(prior, AllClose(expected));
  CHECK(prior.sum().item<double>() > 0);
  BrainCorpus denied = corpus;
  for (BrainCase& c : denied.cases) std::erase_if(c.note, [](const BrainPhrase& phrase) { return phrase.lesion >= 0; });
  CHECK_THROWS_AS(lesion_prior(denied, kSide), DataError);
}

TEST_CASE("a phrase about something else", "[eval]") {
  const auto phrase = [](LesionKind kind, BrainRegion region, int64_t wording) {
    return BrainPhrase{.kind = kind, .place = {region, BodySide::left}, .wording = wording};
  };
  const BrainPhrase a = phrase(LesionKind::cystic, BrainRegion::frontal, 0), a_too = phrase(LesionKind::cystic, BrainRegion::frontal, 1),
                    b = phrase(LesionKind::benign, BrainRegion::frontal, 0), c = phrase(LesionKind::cystic, BrainRegion::parietal, 0);
  const auto texts = [](const BrainNote& phrases) {
    std::vector<std::string> found;
    for (const BrainPhrase& p : phrases) found.push_back(phrase_text(p));
    return found;
  };
  CHECK(texts(other_phrases({a, b, c, b})) == texts({c, a, a, c}));  // half of them further on, but b after b: the next
  CHECK(texts(other_phrases({a, b, a, a_too})) == texts({b, a_too, b, b}));
  for (const BrainNote& alike : {BrainNote{}, BrainNote{a}, BrainNote{a, a_too, a}}) CHECK(other_phrases(alike).empty());
}

TEST_CASE("a bag of words cannot tell notes of the same words", "[eval]") {
  const BrainCorpus corpus = make_brain_corpus(BrainCaseMaker(ball(), ball_slices()), 6, 8);
  seed_everything(1);
  JointEmbedding joint({.dim = 8});
  joint->add("slice", ResidualImageEncoder({.channels = 1, .dim = 8, .image_size = 48, .widths = {8, 8}, .stem_stride = 2}));
  joint->add("note", HashedTextEncoder({.buckets = 64, .dim = 8, .embedding_dim = 8, .hidden_dim = 8}));
  const BagAnswers a = bag_answers(joint, corpus);
  CHECK(a.slices.sizes() == at::IntArrayRef({6, 8}));
  CHECK_THAT(a.notes.norm(2, 1), AllClose(torch::ones({6})));
  CHECK(a.sides.value == 0.5);
  CHECK(a.negation.value == 0.5);
}

TEST_CASE("answers about slices and notes", "[eval]") {
  PhraseGrid model = untrained();
  const BrainCaseMaker maker(ball(), ball_slices());
  const BrainCorpus corpus = make_brain_corpus(maker, 8, 5);
  const Tensor prior = lesion_prior(make_brain_corpus(maker, 20, 6), kSide);
  const BrainAnswers a = brain_answers(model, corpus, prior);
  const auto phrases = static_cast<int64_t>(a.about.phrases.size());
  REQUIRE(a.cells.sizes() == at::IntArrayRef({8, kSide * kSide, 8}));
  SECTION("a phrase points at the cell that is most like it") {
    const torch::NoGradGuard no_grad;
    const Tensor vectors = model->embed_phrases(make_phrase_batch(note_word_ids({a.about.phrases})).words).vectors;
    const Tensor others = model->embed_phrases(make_phrase_batch(note_word_ids({other_phrases(a.about.phrases)})).words).vectors;
    double right = 0, by_other = 0, by_prior = 0, by_place = 0, by_head = 0;
    for (int64_t p = 0; p < phrases; ++p) {
      const Tensor cells = a.cells[a.about.owner[p].item<int64_t>()];
      const int64_t best = cells.matmul(vectors[p]).argmax().item<int64_t>();
      CHECK(a.pointed[p].item<int64_t>() == best);
      const Tensor lesion = cells_of(a.about.masks[p]), place = cells_of(a.about.places[p]), head = cells_of(a.about.heads[p]);
      CHECK(a.hits[p].item<float>() == lesion[best].to(at::kFloat).item<float>());
      right += lesion[best].item<bool>();
      by_other += lesion[cells.matmul(others[p]).argmax()].item<bool>();
      by_prior += lesion[prior[place_index(a.about.phrases[static_cast<size_t>(p)].place)].argmax()].item<bool>();
      by_place += lesion.logical_and(place).sum().item<double>() / place.sum().item<double>();
      by_head += lesion.logical_and(head).sum().item<double>() / head.sum().item<double>();
    }
    const auto count = static_cast<double>(phrases);
    CHECK_THAT(a.pointing.value, WithinAbs(right / count, 1e-6));
    CHECK_THAT(a.other_phrase.value, WithinAbs(by_other / count, 1e-6));
    CHECK_THAT(a.prior.value, WithinAbs(by_prior / count, 1e-6));
    CHECK_THAT(a.atlas.value, WithinAbs(by_place / count, 1e-6));
    CHECK_THAT(a.chance.value, WithinAbs(by_head / count, 1e-6));
    CHECK(a.atlas.value > a.chance.value);
  }
  SECTION("a note against itself with its sides swapped") {
    const torch::NoGradGuard no_grad;
    double preferred = 0;
    for (int64_t i = 0; i < 8; ++i) {
      const BrainNote& note = corpus.cases[static_cast<size_t>(i)].note;
      const auto score = [&](const BrainNote& text) {
        return model->own_text_scores(make_phrase_batch(note_word_ids({text})), a.cells.narrow(0, i, 1)).item<double>();
      };
      preferred += score(note) > score(with_sides_swapped(note));
    }
    CHECK_THAT(a.sides.value, WithinAbs(preferred / 8, 1e-6));
  }
  SECTION("no place with two lesions, no score") {
    BrainCaseOptions alone = ball_slices();
    alone.max_lesions = 1;
    const BrainAnswers none = brain_answers(model, make_brain_corpus(BrainCaseMaker(ball(), alone), 3, 7), prior);
    CHECK(std::isnan(none.shared.value));
    CHECK_THROWS_AS(brain_answers(model, corpus, prior.narrow(1, 0, 9)), ShapeError);
  }
  SECTION("one phrase has no other, and without phrases there is no question") {
    BrainCaseOptions alone = ball_slices();
    alone.max_lesions = 1;
    BrainCorpus one = make_brain_corpus(BrainCaseMaker(ball(), alone), 1, 7);
    const BrainAnswers answers = brain_answers(model, one, prior);
    REQUIRE(answers.about.phrases.size() == 1);
    CHECK((std::isnan(answers.other_phrase.value) && std::isfinite(answers.pointing.value)));
    one.cases[0].note.clear();
    CHECK_THROWS_AS(brain_answers(model, one, prior), DataError);
  }
  SECTION("a page") {
    const std::string page = brain_report({{.question = "points <right>", .score = a.pointing}}, corpus, a, {.most_slices = 3});
    CHECK(alloy_test::nesting_fault(page) == "");
    const std::string text = alloy_test::text_of(page);
    for (const std::string& words : {std::string("no medical device"), std::string("points &lt;right&gt;"), phrase_text(a.about.phrases[0]),
                                     std::string("patient&#39;s left is on the right")})
      CHECK(text.find(words) != std::string::npos);
    CHECK(alloy_test::times(page, "class=\"asked\"") == 3);
    CHECK(brain_report({}, corpus, a, {.view = SliceView::neurological}).find("left is on the left") != std::string::npos);
  }
}

// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/models/phrase_grid.hpp>

using namespace alloy;

namespace {

PhraseGrid small_model() {
  torch::manual_seed(1);
  PhraseGrid model({.widths = {8, 8}, .vocab_size = 10, .max_length = 6, .dim = 8, .heads = 2, .sharpness = 5});
  model->to(at::kDouble);
  return model;
}

/// Three texts of 2, 1 and 2 phrases.
PhraseBatch three_texts() { return make_phrase_batch({{{1, 2, 3}, {4}}, {{5, 6}}, {{7, 8}, {9, 1, 2, 3}}}); }

Tensor log_sigmoid_of(const Tensor& x) { return -torch::log1p((-x).exp()); }

}  // namespace

TEST_CASE("PhraseGrid", "[models]") {
  PhraseGrid model = small_model();
  model->eval();
  const Tensor pictures = torch::randn({3, 1, 16, 16}, at::kDouble);
  const Tensor cells = model->embed_cells(pictures);
  const PhraseBatch texts = three_texts();
  const EncodedPhrases phrases = model->embed_phrases(texts.words);
  SECTION("shapes and unit rows") {
    CHECK(cells.sizes() == at::IntArrayRef({3, 16, 8}));
    CHECK_THAT(cells.norm(2, 2), AllClose(torch::ones({3, 16}, at::kDouble)));
    CHECK(phrases.vectors.sizes() == at::IntArrayRef({5, 8}));
    CHECK_THAT(phrases.vectors.norm(2, 1), AllClose(torch::ones({5}, at::kDouble)));
    CHECK(phrases.polarity.sizes() == at::IntArrayRef({5}));
    CHECK(phrases.polarity.abs().lt(1).all().item<bool>());
    CHECK_THAT(texts.owner, SameBits(torch::tensor({0, 0, 1, 2, 2}, at::kLong)));
  }
  SECTION("evidence is a scaled soft maximum over cells") {
    const double scale = std::exp(model->named_parameters()["log_scale"].item<double>()), offset = model->named_parameters()["offset"].item<double>();
    const Tensor evidence = model->evidence(phrases.vectors, cells);
    REQUIRE(evidence.sizes() == at::IntArrayRef({5, 3}));
    for (int64_t p = 0; p < 5; ++p)
      for (int64_t b = 0; b < 3; ++b) {
        double sum = 0;
        for (int64_t g = 0; g < 16; ++g) sum += std::exp(5 * (phrases.vectors[p] * cells[b][g]).sum().item<double>());
        CHECK_THAT(evidence[p][b].item<double>(), WithinAbs(scale * (std::log(sum) / 5 - offset), 1e-9));
      }
    CHECK_THAT(model->own_evidence(phrases.vectors, cells.index_select(0, texts.owner)),
               AllClose(evidence.gather(1, texts.owner.unsqueeze(1)).squeeze(1)));
  }
  SECTION("a text is true as far as all its phrases are") {
    const Tensor truth = log_sigmoid_of(phrases.polarity.unsqueeze(1) * model->evidence(phrases.vectors, cells));  // [5, 3]
    const Tensor expected = torch::stack({truth[0] + truth[1], truth[2], truth[3] + truth[4]});
    CHECK_THAT(model->text_scores(texts, cells), AllClose(expected));
    CHECK_THAT(model->own_text_scores(texts, cells), AllClose(expected.diagonal()));
  }
  SECTION("padding changes nothing, nor do other phrases and pictures") {
    TokenBatch longer = texts.words;
    longer.ids = torch::cat({longer.ids, torch::full({5, 2}, 9, at::kLong)}, 1);
    longer.mask = torch::cat({longer.mask, torch::zeros({5, 2}, at::kBool)}, 1);
    const EncodedPhrases padded = model->embed_phrases(longer);
    CHECK_THAT(padded.vectors, AllClose(phrases.vectors));
    CHECK_THAT(padded.polarity, AllClose(phrases.polarity));
    CHECK_THAT(model->embed_cells(pictures.slice(0, 1, 2)), AllClose(cells.slice(0, 1, 2)));
    CHECK_THAT(model->embed_phrases({.ids = texts.words.ids.slice(0, 2, 3), .mask = texts.words.mask.slice(0, 2, 3)}).vectors,
               AllClose(phrases.vectors.slice(0, 2, 3)));
  }
  SECTION("the order of words matters, and where a thing stands") {
    const auto turned = model->embed_phrases(make_phrase_batch({{{3, 2, 1}}}).words);
    CHECK_FALSE(torch::allclose(turned.vectors[0], phrases.vectors[0], 1e-3, 1e-3));
    const Tensor blank = model->embed_cells(torch::zeros({1, 1, 16, 16}, at::kDouble))[0];
    CHECK_FALSE(torch::allclose(blank[5], blank[6], 1e-3, 1e-3));
  }
  SECTION("errors") {
    CHECK_THROWS_AS(model->embed_cells(torch::randn({3, 2, 16, 16}, at::kDouble)), ShapeError);
    CHECK_THROWS_AS(model->evidence(phrases.vectors, cells.slice(2, 0, 4)), ShapeError);
    CHECK_THROWS_AS(model->own_evidence(phrases.vectors, cells), ShapeError);
    CHECK_THROWS_WITH(make_phrase_batch({{{1}}, {}}), ContainsSubstring("text 1"));
    CHECK_THROWS_AS(make_phrase_batch({{{}}}), ShapeError);
    CHECK_THROWS_AS(PhraseGrid({.sharpness = 0}), ConfigError);
    CHECK_THROWS_AS(PhraseGrid({.dim = 30, .heads = 4}), ConfigError);
    CHECK_THROWS_AS(PhraseGrid({.widths = {}}), ConfigError);
  }
}

TEST_CASE("phrase_contrast", "[models]") {
  PhraseGrid model = small_model();
  const Tensor cells = model->embed_cells(torch::randn({3, 1, 16, 16}, at::kDouble));
  const PhraseBatch texts = three_texts(), lies = make_phrase_batch({{{4, 2}}, {{1}, {2, 3}}, {{9}}});
  const Tensor s = model->text_scores(texts, cells), f = model->own_text_scores(lies, cells);
  SECTION("InfoNCE both ways") {
    const Tensor expected = -0.5 * (s.log_softmax(1).diagonal().mean() + s.log_softmax(0).diagonal().mean());
    CHECK_THAT(phrase_contrast(model, texts, cells), AllClose(expected));
  }
  SECTION("a picture must not choose what is false of it") {
    const Tensor rivals = torch::cat({s.t(), f.unsqueeze(1)}, 1);
    const Tensor expected = -0.5 * (s.log_softmax(1).diagonal().mean() + rivals.log_softmax(1).diagonal().mean());
    CHECK_THAT(phrase_contrast(model, texts, cells, {lies}), AllClose(expected));
    const Tensor count = torch::tensor({true, false, true});
    Tensor masked = rivals.clone();
    masked[1][3] = -std::numeric_limits<double>::infinity();
    CHECK_THAT(phrase_contrast(model, texts, cells, {lies}, {count}),
               AllClose(-0.5 * (s.log_softmax(1).diagonal().mean() + masked.log_softmax(1).diagonal().mean())));
    CHECK_THAT(phrase_contrast(model, texts, cells, {lies}, {torch::zeros({3}, at::kBool)}), AllClose(phrase_contrast(model, texts, cells)));
  }
  SECTION("what is true as well is no negative") {
    Tensor also = torch::eye(3, at::kBool);
    also[0][2] = true;
    Tensor kept = s.clone();
    kept[0][2] = -std::numeric_limits<double>::infinity();
    CHECK_THAT(phrase_contrast(model, texts, cells, {}, {}, also),
               AllClose(-0.5 * (kept.log_softmax(1).diagonal().mean() + kept.log_softmax(0).diagonal().mean())));
    CHECK_THAT(phrase_contrast(model, texts, cells, {}, {}, torch::ones({3, 3}, at::kBool)), AllClose(torch::zeros({}, at::kDouble)));
  }
  SECTION("gradients") {
    const Tensor leaf = cells.detach().requires_grad_();
    std::vector<Tensor> inputs = {leaf, model->named_parameters()["log_scale"], model->named_parameters()["offset"]};
    for (const auto& entry : model->named_parameters())
      if (entry.key() == "polarity.weight" || entry.key() == "phrase.bias") inputs.push_back(entry.value());
    CHECK(inputs.size() == 5);
    CHECK(gradient_error([&] { return phrase_contrast(model, texts, leaf, {lies}, {torch::tensor({true, false, true})}); }, inputs) < 1e-6);
  }
  SECTION("errors") {
    CHECK_THROWS_AS(phrase_contrast(model, texts, cells.slice(0, 0, 2)), ShapeError);
    CHECK_THROWS_AS(phrase_contrast(model, texts, cells, {make_phrase_batch({{{1}}})}), ShapeError);
    CHECK_THROWS_AS(phrase_contrast(model, texts, cells, {lies}, {Tensor(), Tensor()}), ShapeError);
    CHECK_THROWS_AS(phrase_contrast(model, texts, cells, {}, {}, torch::ones({2, 2}, at::kBool)), ShapeError);
  }
}

TEST_CASE("cell_contrast", "[models]") {
  PhraseGrid model = small_model();
  const Tensor vectors = model->embed_phrases(three_texts().words).vectors, cells = model->embed_cells(torch::randn({5, 1, 16, 16}, at::kDouble));
  Tensor right = torch::zeros({5, 16}, at::kBool);
  for (int64_t p = 0; p < 5; ++p) right[p][3 * p] = right[p][p] = true;
  double expected = 0;
  for (int64_t p = 0; p < 5; ++p) {
    const Tensor share = (5 * cells[p].matmul(vectors[p])).softmax(0);
    expected -= std::log(share.masked_select(right[p]).sum().item<double>()) / 5;
  }
  CHECK_THAT(cell_contrast(model, vectors, cells, right).item<double>(), WithinAbs(expected, 1e-9));
  CHECK_THAT(cell_contrast(model, vectors, cells, torch::ones({5, 16}, at::kBool)).item<double>(), WithinAbs(0, 1e-12));
  const Tensor a = vectors.detach().requires_grad_(), b = cells.detach().requires_grad_();
  CHECK(gradient_error([&] { return cell_contrast(model, a, b, right); }, {a, b}) < 1e-6);
  right[2] = false;
  CHECK_THROWS_WITH(cell_contrast(model, vectors, cells, right), ContainsSubstring("right cell for every phrase"));
  CHECK_THROWS_AS(cell_contrast(model, vectors, cells.slice(0, 1), right), ShapeError);
}

TEST_CASE("phrases and cells of many pictures", "[models]") {
  PhraseGrid model = small_model();
  model->eval();
  const Tensor pictures = torch::randn({5, 1, 16, 16}, at::kDouble), cells = model->embed_cells(pictures);
  CHECK_THAT(embed_all_cells(model, pictures, 2), AllClose(cells));
  CHECK_FALSE(embed_all_cells(model, pictures).requires_grad());
  const PhraseBatch texts = three_texts();
  const Tensor own = cells;  // five phrases, five pictures
  const Tensor pointed = point_at(model, texts.words, own), vectors = model->embed_phrases(texts.words).vectors;
  for (int64_t p = 0; p < 5; ++p) CHECK(pointed[p].item<int64_t>() == own[p].matmul(vectors[p]).argmax().item<int64_t>());
  std::vector<std::vector<std::vector<int64_t>>> many;
  for (int64_t i = 0; i < 35; ++i) many.push_back({{1 + i % 9}, {1 + i % 4, 2}});
  CHECK_THAT(all_text_scores(model, many, cells), AllClose(model->text_scores(make_phrase_batch(many), cells)));
  CHECK_THROWS_AS(all_text_scores(model, {}, cells), ShapeError);
  CHECK_THROWS_AS(embed_all_cells(model, pictures, 0), ConfigError);
  CHECK_THROWS_AS(point_at(model, texts.words, cells.slice(0, 1)), ShapeError);
}

TEST_CASE("touched_cells", "[models]") {
  Tensor mask = torch::zeros({4, 6}, at::kBool);
  mask[1][2] = mask[3][5] = true;
  CHECK_THAT(touched_cells(mask, 2, 3), SameBits(torch::tensor({false, true, false, false, false, true})));
  CHECK_THAT(touched_cells(torch::stack({mask, mask.logical_not()}), 2, 3)[0], SameBits(touched_cells(mask, 2, 3)));
  CHECK_THROWS_AS(touched_cells(mask, 3, 3), ShapeError);
}

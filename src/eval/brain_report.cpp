// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/brain_answers.hpp>
#include <alloy/eval/html_report.hpp>

#include <cmath>

namespace alloy {

namespace {

/// A row a slice, in the order of the phrases.
std::vector<html::GalleryRow> pointed_slices(const BrainCorpus& corpus, const BrainAnswers& answers, const BrainReportOptions& options) {
  const int64_t side = std::llround(std::sqrt(static_cast<double>(answers.cells.size(1)))), cell = corpus.images.size(2) / side;
  const auto middle = [&](int64_t place) { return static_cast<double>(place * cell) + 0.5 * static_cast<double>(cell - 1); };
  const std::string caption = std::string("the slice; the patient's left is on the ") + (options.view == SliceView::radiological ? "right" : "left");
  std::vector<html::GalleryRow> gallery;
  int64_t last = -1;
  for (int64_t p = 0; p < answers.pointed.size(0); ++p) {
    const int64_t owner = answers.about.owner[p].item<int64_t>(), at = answers.pointed[p].item<int64_t>();
    const Tensor slice = corpus.images[owner][0];
    if (owner != last) {
      if (gallery.size() == options.most_slices) break;
      gallery.push_back(
          {note_text(corpus.cases[static_cast<size_t>(owner)].note), {.picture = pointing_picture(slice, {}, -1, -1), .caption = caption}, {}});
      last = owner;
    }
    gallery.back().results.push_back({.picture = pointing_picture(slice, answers.about.masks[p], middle(at / side), middle(at % side)),
                                      .caption = phrase_text(answers.about.phrases[static_cast<size_t>(p)]),
                                      .mark = answers.hits[p].item<float>() > 0 ? html::Mark::right : html::Mark::wrong});
  }
  return gallery;
}

}  // namespace

std::string brain_report(const std::vector<ScoreRow>& rows, const BrainCorpus& corpus, const BrainAnswers& answers,
                         const BrainReportOptions& options) {
  const std::string body =
      "<h1>Slices of a brain and notes</h1>\n<p>Lesions and notes are simulated on slices of one template, warped: one subject. This is no medical "
      "device, and nothing here says how well a model reads real scans.</p>\n" +
      html::section("results", "What was asked", score_table("Results", rows)) +
      html::section("pointed", "Where it pointed",
                    "<p>The cross is where the model pointed for the phrase, the outline is the lesion.</p>\n" +
                        html::gallery(pointed_slices(corpus, answers, options)));
  return html::page({.title = "Slices of a brain and notes",
                     .style = ".asked { grid-template-columns: 214px 1fr; } .answers { grid-template-columns: repeat(auto-fill, 200px); } "
                              ".tile img { max-width: 200px; }",
                     .body = body});
}

}  // namespace alloy

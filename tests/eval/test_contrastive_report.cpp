// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/html.hpp"

#include <alloy/core/error.hpp>
#include <alloy/eval/contrastive_report.hpp>
#include <alloy/eval/html_report.hpp>
#include <alloy/io/file.hpp>

#include <cmath>
#include <limits>

using namespace alloy;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr auto kHostile = "<script>\"'&\xff";
constexpr auto kHarmless = "&lt;script&gt;&quot;&#39;&amp;\ufffd";

Image picture(uint8_t shade) {
  return {.width = 2, .height = 2, .channels = 3, .pixels = {shade, 0, 0, 0, shade, 0, 0, 0, shade, shade, shade, shade}};
}

/// Two modalities, 60 samples in three dimensions; the second lacks the last two samples.
ContrastiveReport full() {
  torch::manual_seed(4);
  ContrastiveReport report{.title = "image & text", .settings = {{"dim", "256"}, {"loss", "info_nce <symmetric>"}}, .findings = {{kHostile, "41.5 %, at least 38.9 %: met"}}};
  report.scores = {{.pair = "image, text", .direction = "image → text", .recall_1 = {0.5, 0.4, 0.6}, .recall_5 = {0.75, 0.7, 0.8}, .recall_10 = {0.875, kNan, kNan},
                    .median_rank = {1.5, 1, 2}, .mean_reciprocal_rank = {0.625, 0.6, 0.65}},
                   {.pair = "image, text", .direction = "text → image", .recall_1 = {0.25, 0.25, 0.25}, .recall_5 = {}, .recall_10 = {}, .median_rank = {}, .mean_reciprocal_rank = {}}};
  report.series = {{.name = "loss/train", .points = {{0, 4}, {1, 2}, {2, 1}}, .scale = html::AxisScale::logarithmic},
                   {.name = "scale", .points = {{0, 14}, {2, 20}}},
                   {.name = "loss/valid", .points = {{0, 4.5}, {1, 2.5}, {2, kNan}}}};
  report.similarities = {{.row_modality = "image", .column_modality = "text", .values = torch::tensor({{0.9, 0.1, 0.2}, {0.3, 0.8, 0.0}, {0.7, 0.1, 0.4}}), .labels = {"a", "b", kHostile}}};
  report.examples = {{.direction = "text → image", .query = {.text = kHostile}, .results = {{.text = "a boot", .picture = picture(200), .score = 0.912, .right = true}, {.text = "a bag", .picture = picture(9), .score = kNan}}},
                     {.direction = "image → text", .query = {.picture = picture(100)}, .results = {{.text = "boot", .score = 0.5, .right = true}}}};
  const Tensor image = torch::randn({60, 3}) + torch::tensor({4.0, 0.0, 0.0});
  Tensor text = torch::randn({60, 3}) - torch::tensor({4.0, 0.0, 0.0});
  text[58] = 0;
  text[59] = kNan;
  report.embeddings = {{.modality = "image", .rows = image}, {.modality = "text", .rows = text}};
  return report;
}

std::string part(const std::string& page, const std::string& id) {
  const size_t begin = page.find("<section id=\"" + id + "\"");
  REQUIRE(begin != std::string::npos);
  return page.substr(begin, page.find("</section>", begin) - begin);
}

}  // namespace

TEST_CASE("contrastive report", "[eval]") {
  const std::string page = contrastive_report_html(full());
  SECTION("is one well-formed file of its own") {
    CHECK(nesting_fault(page) == "");
    for (const auto* what : {"http://", "https://", "<script", "<link", "@import", "url("}) CHECK(page.find(what) == std::string::npos);
    CHECK_THAT(text_of(page), !ContainsSubstring("nan") && !ContainsSubstring("inf "));
    for (const auto* what : {"findings", "scores", "curves", "similarities", "examples", "space", "settings", "reading"}) {
      part(page, what);
      CHECK_THAT(page, ContainsSubstring("href=\"#" + std::string(what) + "\""));
    }
  }
  SECTION("escapes what comes from outside") {
    CHECK_THAT(page, ContainsSubstring("<h1>image &amp; text</h1>") && ContainsSubstring("info_nce &lt;symmetric&gt;"));
    CHECK_THAT(part(page, "findings"), ContainsSubstring(kHarmless) && ContainsSubstring("at least 38.9 %: met"));
    CHECK_THAT(part(page, "examples"), ContainsSubstring(kHarmless));
    CHECK_THAT(part(page, "similarities"), ContainsSubstring(kHarmless));
  }
  SECTION("prints scores with their intervals, where there are any") {
    const std::string scores = part(page, "scores");
    CHECK_THAT(scores, ContainsSubstring("50.0 <span class=\"interval\">40.0–60.0</span>") && ContainsSubstring("<td class=\"n\">87.5</td>"));
    CHECK_THAT(scores, ContainsSubstring("1.5 <span class=\"interval\">1.0–2.0</span>") && ContainsSubstring("0.625 <span class=\"interval\">0.600–0.650</span>"));
    CHECK_THAT(scores, ContainsSubstring("<td class=\"n\">25.0</td>"));
    CHECK(times(scores, "whisker") == 1);
  }
  SECTION("puts series of one prefix in one chart") {
    const std::string curves = part(page, "curves");
    CHECK(times(curves, "<svg") == 2);
    CHECK(times(curves, "logarithmic axis") == 1);
    CHECK(times(curves, "<table") == 2);
    CHECK_THAT(curves, ContainsSubstring("<th scope=\"row\">1</th><td class=\"n\">2</td><td class=\"n\">2.5</td>"));
  }
  SECTION("says in words what a matrix shows") {
    // partners 0.9, 0.8, 0.4; others 0.1, 0.2, 0.3, 0, 0.7, 0.1; in the last row another is greater
    CHECK_THAT(part(page, "similarities"), ContainsSubstring("Partners 0.70 on average, others 0.23; in 2 of 3 rows the partner is the most similar."));
  }
  SECTION("shows examples with marks") {
    const std::string examples = part(page, "examples");
    CHECK_THAT(examples, ContainsSubstring("✓<span class=\"unseen\">right</span></span> 1. 0.912") && ContainsSubstring("wrong</span></span> 2.</fig"));
    if (has_image_files()) CHECK(times(examples, "<img src=\"data:image/png;base64,") == 3);
    else CHECK_THAT(examples, ContainsSubstring("built without image files"));
  }
  SECTION("measures the space, without the samples that lack a modality") {
    const std::string space = part(page, "space");
    const ContrastiveReport report = full();
    const auto unit = [](const Tensor& rows) { return rows / rows.norm(2, {1}, true); };
    const Tensor image = unit(report.embeddings[0].rows), text = unit(report.embeddings[1].rows.narrow(0, 0, 58));
    const double gap = (image.mean(0) - text.mean(0)).norm().item<double>();
    const double alignment = (image.narrow(0, 0, 58) - text).pow(2).sum(1).mean().item<double>();
    const double uniform = torch::pdist(text).pow(2).mul(-2).exp().mean().log().item<double>();
    CHECK_THAT(space, ContainsSubstring("image, text</th><td class=\"n\">" + html::number(gap, 3) + "</td><td class=\"n\">" + html::number(alignment, 3) + "</td><td class=\"n\">58<"));
    CHECK_THAT(space, ContainsSubstring("text</th><td class=\"n\">" + html::number(uniform, 3) + "</td><td class=\"n\">58<"));
    const size_t end = space.find("\" class=\"link\"");
    const std::string links = space.substr(space.rfind("d=\"", end), end - space.rfind("d=\"", end));
    CHECK(times(links, "M") == 29);  // every second of 60 samples, without number 58
    const size_t dots = space.rfind("<g class=\"dots c2\">");
    CHECK(times(space.substr(dots, space.find("</g>", dots) - dots), "<path") == 58);
  }
}

TEST_CASE("contrastive report of poor figures", "[eval]") {
  SECTION("nothing at all") {
    const std::string page = contrastive_report_html({.title = kHostile});
    CHECK(nesting_fault(page) == "");
    CHECK_THAT(page, ContainsSubstring(kHarmless) && ContainsSubstring("Nothing was measured."));
    CHECK(page.find("<section") == std::string::npos);
  }
  SECTION("not a number anywhere, no samples, nothing found") {
    ContrastiveReport report = full();
    for (auto& row : report.scores) row.recall_1 = row.recall_5 = row.median_rank = {kNan, -INFINITY, INFINITY};
    for (auto& s : report.series) s.points = {{kNan, 1}, {1, kNan}};
    report.similarities[0].values.fill_(kNan);
    report.similarities.push_back({.row_modality = "a", .column_modality = "b", .values = torch::zeros({0, 0})});
    report.examples[0].results.clear();
    for (auto& e : report.embeddings) e.rows.fill_(kNan);
    const std::string page = contrastive_report_html(report);
    CHECK(nesting_fault(page) == "");
    CHECK_THAT(text_of(page), !ContainsSubstring("nan") && !ContainsSubstring("inf "));
    CHECK(page.find("id=\"space\"") == std::string::npos);
    report.embeddings[0].rows = report.embeddings[1].rows = torch::zeros({0, 4});
    CHECK(contrastive_report_html(report).find("id=\"space\"") == std::string::npos);
  }
  SECTION("one sample, one dimension") {
    ContrastiveReport report{.title = "t"};
    report.similarities = {{.row_modality = "a", .column_modality = "b", .values = torch::ones({1, 1})}};
    report.embeddings = {{.modality = "a", .rows = torch::ones({1, 1})}, {.modality = "b", .rows = -torch::ones({1, 1})}};
    const std::string page = contrastive_report_html(report);
    CHECK(nesting_fault(page) == "");
    CHECK_THAT(part(page, "space"), ContainsSubstring("a, b</th><td class=\"n\">2.000</td><td class=\"n\">4.000</td>"));
  }
  SECTION("much of everything stays readable") {
    torch::manual_seed(1);
    ContrastiveReport report{.title = "t"};
    report.similarities = {{.row_modality = "a", .column_modality = "b", .values = torch::randn({200, 200})}};
    for (const auto* name : {"a", "b", "c"}) report.embeddings.push_back({.modality = name, .rows = torch::randn({700, 8})});
    const std::string page = contrastive_report_html(report);
    CHECK(page.size() < 400'000);
    CHECK_THAT(page, ContainsSubstring("Shown are the first 64 samples of 200."));
  }
  SECTION("shapes that do not fit") {
    ContrastiveReport report = full();
    report.similarities[0].labels.pop_back();
    CHECK_THROWS_WITH(contrastive_report_html(report), ContainsSubstring("expected 3 labels, got 2"));
    report.similarities[0].values = torch::zeros({3, 2});
    CHECK_THROWS_AS(contrastive_report_html(report), ShapeError);
    report = full();
    report.embeddings[1].rows = torch::zeros({60, 4});
    CHECK_THROWS_WITH(contrastive_report_html(report), ContainsSubstring("[60, 4] of text"));
  }
}

TEST_CASE("contrastive report is saved whole or not at all", "[eval]") {
  const TempDir folder;
  save_contrastive_report(folder / "report.html", full());
  CHECK(read_text_file(folder / "report.html", 1 << 24) == contrastive_report_html(full()));
  CHECK_THROWS_AS(save_contrastive_report(folder / "none" / "report.html", full()), IoError);
  ContrastiveReport wrong = full();
  wrong.similarities[0].labels.pop_back();
  CHECK_THROWS_AS(save_contrastive_report(folder / "report.html", wrong), ShapeError);
  CHECK(read_text_file(folder / "report.html", 1 << 24) == contrastive_report_html(full()));
}

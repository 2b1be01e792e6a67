// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/contrastive_report.hpp>

#include <alloy/core/version.hpp>
#include <alloy/eval/html_report.hpp>
#include <alloy/io/atomic_write.hpp>

#include "eval/detail/embedding_section.hpp"

#include <ATen/Functions.h>

#include <algorithm>
#include <cmath>
#include <tuple>

namespace alloy {

namespace {

using namespace html;

std::string interval(const Score& s, const std::string& low, const std::string& high) {
  if (!std::isfinite(s.low) || !std::isfinite(s.high) || s.low == s.high) return {};
  return fill(" <span class=\"interval\">{}–{}</span>", {low, high});
}
std::string share(const Score& s) { return percent(s.value) + interval(s, percent(s.low), percent(s.high)); }
std::string decimal(const Score& s, int decimals) { return number(s.value, decimals) + interval(s, number(s.low, decimals), number(s.high, decimals)); }

std::string pairs_section(const std::string& id, const std::string& title, const std::string& column, const std::vector<std::pair<std::string, std::string>>& pairs) {
  if (pairs.empty()) return {};
  Table values{.caption = title, .columns = {{.name = column, .kind = ColumnKind::row_name}, {.name = "value"}}, .rows = {}};
  for (const auto& [name, value] : pairs) values.rows.push_back({{.content = escape(name)}, {.content = escape(value)}});
  return section(id, title, table(values));
}

std::string scores_section(const ContrastiveReport& report) {
  if (report.scores.empty()) return {};
  BarChart chart{.title = "Recall at 1 by direction", .description = "Share of queries whose partner is found first; the table below has the same figures", .bars = {}};
  constexpr auto kNumber = ColumnKind::number;
  Table figures{.caption = "Retrieval scores by pair of modalities and direction",
                .columns = {{.name = "pair", .kind = ColumnKind::row_name}, {.name = "direction"}, {.name = "R@1, %", .kind = kNumber}, {.name = "R@5, %", .kind = kNumber},
                            {.name = "R@10, %", .kind = kNumber}, {.name = "median rank", .kind = kNumber}, {.name = "MRR", .kind = kNumber}},
                .rows = {}};
  std::vector<std::string> pairs;  // a colour each
  for (const RetrievalRow& row : report.scores) {
    if (std::find(pairs.begin(), pairs.end(), row.pair) == pairs.end()) pairs.push_back(row.pair);
    const auto place = static_cast<size_t>(std::find(pairs.begin(), pairs.end(), row.pair) - pairs.begin());
    Score recall = row.recall_1;
    if (recall.low == recall.high) recall.low = std::numeric_limits<double>::quiet_NaN();  // no interval, no whiskers
    chart.bars.push_back({.label = row.direction, .css = series_class(place), .score = recall});
    figures.rows.push_back({{.content = escape(row.pair)}, {.content = escape(row.direction)}, {.content = share(row.recall_1)}, {.content = share(row.recall_5)},
                            {.content = share(row.recall_10)}, {.content = decimal(row.median_rank, 1)}, {.content = decimal(row.mean_reciprocal_rank, 3)}});
  }
  return section("scores", "What is found",
                 "<p>For each query of one modality all candidates of the other are ranked. Bars: how often the partner comes first, with its interval.</p>\n<figure>\n" +
                     bar_chart(chart) + "</figure>\n" + table(figures));
}

/// Series in order, put together by the part of their names before the first `/`.
std::vector<LineChart> charts_of(const std::vector<ReportSeries>& series) {
  std::vector<LineChart> charts;
  for (const ReportSeries& s : series) {
    const size_t slash = s.name.find('/');
    const std::string group = s.name.substr(0, slash), name = slash == std::string::npos ? "" : s.name.substr(slash + 1);
    auto chart = std::find_if(charts.begin(), charts.end(), [&](const LineChart& c) { return c.title == group; });
    if (chart == charts.end()) chart = charts.insert(chart, {.title = group, .lines = {}, .y_scale = s.scale, .width = 470});
    chart->lines.push_back({.name = name.empty() && !chart->lines.empty() ? group : name, .points = s.points});
  }
  return charts;
}

std::string curves_section(const ContrastiveReport& report) {
  if (report.series.empty()) return {};
  std::string figures, tables;
  for (LineChart& chart : charts_of(report.series)) {
    const bool logarithmic = chart.y_scale == AxisScale::logarithmic;
    const std::string note = logarithmic ? " <span class=\"note\">(logarithmic axis)</span>" : "";
    chart.description = "Against the step; the same values are in a table below the charts";
    figures += fill("<figure>\n<h3>{}{}</h3>\n{}</figure>\n", {escape(chart.title), note, line_chart(chart)});
    if (chart.lines.size() == 1 && chart.lines[0].name.empty()) chart.lines[0].name = chart.title;
    tables += "<h3>" + escape(chart.title) + "</h3>\n" + line_table(chart);
  }
  return section("curves", "Learning curves", "<div class=\"pair\">\n" + figures + "</div>\n" + details("The same as tables", tables));
}

HeatMap map_of(const SimilarityMatrix& matrix) {
  check_shape(matrix.values, {-1, -1}, "contrastive_report", "similarities");
  const int64_t n = matrix.values.size(0);
  check_shape(matrix.values, {n, n}, "contrastive_report", "similarities");
  check<ShapeError>(matrix.labels.empty() || matrix.labels.size() == static_cast<size_t>(n), "[contrastive_report] expected {} labels, got {}", {n, matrix.labels.size()});
  const Tensor values = matrix.values.detach().to(at::kCPU, at::kDouble).contiguous();
  const double* data = values.const_data_ptr<double>();
  return {.title = "Similarity of " + matrix.row_modality + " (rows) and " + matrix.column_modality + " (columns)",
          .row_name = matrix.row_modality, .column_name = matrix.column_modality, .rows = static_cast<size_t>(n), .columns = static_cast<size_t>(n),
          .values = std::vector<double>(data, data + n * n), .row_labels = matrix.labels, .column_labels = matrix.labels};
}

/// What the picture shows, in words: partners, others, and how often the partner is the greatest of its row.
std::string summary_of(const HeatMap& map) {
  double partners = 0, others = 0;
  int64_t first = 0;
  for (size_t r = 0; r < map.rows; ++r) {
    const double own = map.values[r * map.columns + r];
    bool greatest = std::isfinite(own);
    for (size_t c = 0; c < map.columns; ++c) {
      const double v = map.values[r * map.columns + c];
      (r == c ? partners : others) += v;
      greatest = greatest && (r == c || !(v >= own));
    }
    first += greatest ? 1 : 0;
  }
  const auto n = static_cast<double>(map.rows);
  return fill("Partners {} on average, others {}; in {} of {} rows the partner is the most similar.",
              {number(partners / n, 2), number(others / (n * (n - 1)), 2), first, map.rows});
}

std::string similarities_section(const ContrastiveReport& report) {
  std::string figures, tables;
  for (const SimilarityMatrix& matrix : report.similarities) {
    HeatMap map = map_of(matrix);
    if (map.rows == 0) continue;
    std::string summary = summary_of(map);
    if (map.rows > kMostHeatCells) summary += fill(" Shown are the first {} samples of {}.", {kMostHeatCells, map.rows});
    map.description = summary;
    figures += fill("<figure>\n<h3>{} and {}</h3>\n{}<figcaption>{}</figcaption>\n</figure>\n",
                    {escape(matrix.row_modality), escape(matrix.column_modality), heat_map(map), escape(summary)});
    tables += "<h3>" + escape(map.title) + "</h3>\n" + heat_table(map);
  }
  if (figures.empty()) return {};
  return section("similarities", "Similarities",
                 "<p>Cosines of some samples against each other. Row and column i are of one sample: a bright diagonal is what training is for.</p>\n<div class=\"pair\">\n" +
                     figures + "</div>\n" + details("The first of them as tables", tables));
}

std::string examples_section(const ContrastiveReport& report) {
  if (report.examples.empty()) return {};
  std::vector<GalleryRow> rows;
  bool pictures = false, encoded = false;
  const auto look_at = [&](const Image& picture) {
    if (picture.pixels.empty() || encoded) return;
    pictures = true;
    encoded = !picture_uri(picture).empty();
  };
  for (const RetrievalExample& example : report.examples) {
    look_at(example.query.picture);
    GalleryRow row{.heading = example.direction, .query = {.text = example.query.text, .picture = example.query.picture, .caption = "query"}, .results = {}};
    for (const RetrievalItem& result : example.results) {
      look_at(result.picture);
      const std::string rank = std::to_string(row.results.size() + 1) + ".";
      const std::string score = std::isfinite(result.score) ? " " + number(result.score, 3) : "";
      row.results.push_back({.text = result.text, .picture = result.picture, .caption = rank + score, .mark = result.right ? Mark::right : Mark::wrong});
    }
    rows.push_back(std::move(row));
  }
  const std::string note = pictures && !encoded ? "<p class=\"note\">Pictures are left out: this alloy was built without image files, or they have no size that fits.</p>\n" : "";
  return section("examples", "Examples", "<p>The query on the left, then what was found, the best first, with its score. ✓ belongs to the query, ✗ does not.</p>\n" + note + gallery(rows));
}

std::string reading_section(const ContrastiveReport& report) {
  std::string terms;
  const auto term = [&](std::string_view name, std::string_view text) { terms += fill("<dt>{}</dt><dd>{}</dd>\n", {name, text}); };
  if (!report.scores.empty()) {
    term("R@k", "Recall at k: share of queries with a partner among the first k found. Chance is k over the number of candidates.");
    term("Median rank", "The place at which half of the queries have found their partner; 1 is best.");
    term("MRR", "Mean reciprocal rank: the mean of 1 over the place of the partner; 1 is best.");
  }
  if (!report.similarities.empty()) term("Similarity", "Cosine of two embeddings, from −1 to 1. What counts is how far partners stand out from the others, not the value itself.");
  if (!report.embeddings.empty()) {
    term("Gap", "Distance between the means of two modalities at unit length, from 0 to 2 (Liang et al. 2022). It need not hurt retrieval; it says that a threshold of one direction does not fit another.");
    term("Alignment", "Mean squared distance of partners, from 0 to 4; less is nearer (Wang and Isola 2020).");
    term("Uniformity", "Logarithm of the mean of exp(−2 d²) over all pairs of one modality, d their distance; the lower, the more evenly the sphere is used (same source).");
  }
  return terms.empty() ? terms : section("reading", "How to read it", "<dl class=\"terms\">\n" + terms + "</dl>\n");
}

std::string header(const ContrastiveReport& report, const std::vector<std::pair<std::string_view, std::string_view>>& contents) {
  std::string links;
  for (const auto& [id, name] : contents) links += fill("<a href=\"#{}\">{}</a>", {id, name});
  return fill("<header>\n<h1>{}</h1>\n<ul class=\"facts\">\n<li>alloy <b>{}</b></li>\n</ul>\n<nav aria-label=\"Contents\">{}</nav>\n</header>\n",
              {escape(report.title), version(), links});
}

}  // namespace

std::string contrastive_report_html(const ContrastiveReport& report) {
  const std::vector<std::tuple<std::string_view, std::string_view, std::string>> parts = {
      {"findings", "Findings", pairs_section("findings", "Findings", "question", report.findings)},
      {"scores", "Scores", scores_section(report)},
      {"curves", "Learning curves", curves_section(report)},
      {"similarities", "Similarities", similarities_section(report)},
      {"examples", "Examples", examples_section(report)},
      {"space", "Space", detail::embedding_section(report.embeddings)},
      {"settings", "Settings", pairs_section("settings", "Settings", "setting", report.settings)},
      {"reading", "How to read it", reading_section(report)},
  };
  std::string body;
  std::vector<std::pair<std::string_view, std::string_view>> contents;
  for (const auto& [id, name, markup] : parts) {
    if (markup.empty()) continue;
    contents.emplace_back(id, name);
    body += markup;
  }
  if (body.empty()) body = "<p class=\"note\">Nothing was measured.</p>\n";
  return page({.title = report.title, .body = header(report, contents) + body});
}

void save_contrastive_report(const std::filesystem::path& path, const ContrastiveReport& report) { write_file(path, contrastive_report_html(report)); }

}  // namespace alloy

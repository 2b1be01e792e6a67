// SPDX-License-Identifier: Apache-2.0
#pragma once

/// One page about the training of a joint embedding: settings, retrieval scores, learning curves, similarities, examples of
/// what was found, and how the modalities lie in the space. A file of its own, to be opened anywhere; whatever part is
/// empty is left out.
///
///     ContrastiveReport report{.title = "image and text", .settings = {{"dim", "256"}}};
///     report.series.push_back({.name = "loss/train", .points = losses});
///     save_contrastive_report("report.html", report);

#include <alloy/eval/html_charts.hpp>
#include <alloy/eval/metrics.hpp>
#include <alloy/io/image_file.hpp>

#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace alloy {

/// Figures of one direction of search. An interval whose ends are NaN or equal is not shown.
struct RetrievalRow {
  std::string pair;       ///< "image, text": rows of one pair stand together
  std::string direction;  ///< "image → text"
  Score recall_1, recall_5, recall_10;  ///< 0..1
  Score median_rank;      ///< 1 = always found first
  Score mean_reciprocal_rank;  ///< 0..1
};

/// A quantity of the training. Names of one prefix before a `/` share a chart, as in TensorBoard; its scale is that of the
/// first of them.
struct ReportSeries {
  std::string name;
  std::vector<html::Point> points;  ///< step, value
  html::AxisScale scale = html::AxisScale::linear;
};

struct SimilarityMatrix {
  std::string row_modality, column_modality;
  Tensor values;                         ///< [n, n] cosines: row i and column i are of one sample
  std::vector<std::string> labels = {};  ///< [n] or empty
};

/// Something found, or asked for: a picture, or a text where there is none (of a picture, the text says what it shows).
struct RetrievalItem {
  std::string text = {};
  Image picture = {};
  double score = std::numeric_limits<double>::quiet_NaN();  ///< of a result
  bool right = false;                                       ///< of a result: it belongs to the query
};
struct RetrievalExample {
  std::string direction;
  RetrievalItem query;
  std::vector<RetrievalItem> results;  ///< the best first
};

struct ModalityEmbeddings {
  std::string modality;
  Tensor rows;  ///< [n, D]: row i of all modalities is of one sample; zeros or NaN where the sample lacks this one
};

struct ContrastiveReport {
  std::string title;
  std::vector<std::pair<std::string, std::string>> settings = {};
  std::vector<std::pair<std::string, std::string>> findings = {};  ///< question and answer, the first thing on the page
  std::vector<RetrievalRow> scores = {};
  std::vector<ReportSeries> series = {};
  std::vector<SimilarityMatrix> similarities = {};
  std::vector<RetrievalExample> examples = {};
  std::vector<ModalityEmbeddings> embeddings = {};
};

/// The page. Matrices are drawn up to 64 samples, the plot of the embeddings shows at most 300 samples (evenly chosen) and
/// lines between partners of at most 50 of them; gap, alignment and uniformity are of at most 5000 samples.
/// @throws ShapeError if a matrix is not square, labels do not fit it, or embeddings differ in samples or width
ALLOY_API std::string contrastive_report_html(const ContrastiveReport& report);

/// Writes it in the manner of `write_file`. @throws as that, and as contrastive_report_html
ALLOY_API void save_contrastive_report(const std::filesystem::path& path, const ContrastiveReport& report);

}  // namespace alloy

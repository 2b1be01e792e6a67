// SPDX-License-Identifier: Apache-2.0
#include "eval/detail/embedding_section.hpp"

#include <alloy/alignment/embedding_geometry.hpp>
#include <alloy/eval/html_report.hpp>

#include <ATen/Functions.h>
#include <ATen/TensorIndexing.h>

#include <optional>

namespace alloy::detail {

namespace {

using namespace html;

constexpr int64_t kMostShown = 300, kMostLinked = 50, kMostMeasured = 5000;

/// Rows of all modalities for the same samples, evenly chosen, and which of them are there.
struct Chosen {
  std::vector<Tensor> rows;     ///< [n, D] double on the CPU
  std::vector<Tensor> present;  ///< [n] bool
};

Chosen choose(const std::vector<ModalityEmbeddings>& embeddings, int64_t most) {
  const int64_t all = embeddings[0].rows.size(0), n = std::min(all, most);
  const Tensor index = at::div(at::arange(n, at::kLong) * (all - 1), std::max<int64_t>(1, n - 1), "floor");
  Chosen out;
  for (const auto& e : embeddings) {
    const Tensor rows = e.rows.detach().to(at::kCPU, at::kDouble).index_select(0, index);
    out.rows.push_back(rows);
    out.present.push_back(rows.isfinite().all(1).logical_and(rows.ne(0).any(1)));
  }
  return out;
}

void check_embeddings(const std::vector<ModalityEmbeddings>& embeddings) {
  for (const auto& e : embeddings) {
    check_shape(e.rows, {-1, -1}, "contrastive_report", "embeddings");
    check_floating(e.rows, "contrastive_report", "embeddings");
    check<ShapeError>(e.rows.sizes() == embeddings[0].rows.sizes(), "[contrastive_report] expected embeddings of the same samples and width, got {} of {} and {} of {}",
                      {embeddings[0].rows, embeddings[0].modality, e.rows, e.modality});
  }
}

/// A row a pair of modalities: gap, alignment, partners; then a row a modality: uniformity, rows.
std::string figures(const std::vector<ModalityEmbeddings>& embeddings, const Chosen& chosen) {
  Table pairs{.caption = "Gap and alignment of pairs of modalities",
              .columns = {{.name = "pair", .kind = ColumnKind::row_name}, {.name = "gap", .kind = ColumnKind::number}, {.name = "alignment", .kind = ColumnKind::number}, {.name = "partners", .kind = ColumnKind::number}},
              .rows = {}};
  Table single{.caption = "Uniformity of modalities",
               .columns = {{.name = "modality", .kind = ColumnKind::row_name}, {.name = "uniformity", .kind = ColumnKind::number}, {.name = "samples", .kind = ColumnKind::number}},
               .rows = {}};
  const auto rows_of = [&](size_t i) { return chosen.rows[i].index({chosen.present[i]}); };
  for (size_t i = 0; i < embeddings.size(); ++i) {
    const Tensor rows = rows_of(i);
    single.rows.push_back({{.content = escape(embeddings[i].modality)}, {.content = rows.size(0) < 2 ? kNone : number(uniformity(rows), 3)}, {.content = grouped(rows.size(0))}});
    for (size_t j = i + 1; j < embeddings.size(); ++j) {
      const Tensor other = rows_of(j), both = chosen.present[i].logical_and(chosen.present[j]);
      const int64_t partners = both.sum().item<int64_t>();
      pairs.rows.push_back({{.content = escape(embeddings[i].modality + ", " + embeddings[j].modality)},
                            {.content = rows.size(0) == 0 || other.size(0) == 0 ? kNone : number(modality_gap(rows, other), 3)},
                            {.content = partners == 0 ? kNone : number(alignment(chosen.rows[i].index({both}), chosen.rows[j].index({both})), 3)},
                            {.content = grouped(partners)}});
    }
  }
  return "<div class=\"pair\">\n" + (pairs.rows.empty() ? "" : table(pairs)) + table(single) + "</div>\n";
}

/// Points of the two first components; the lines join partners of evenly chosen samples.
ScatterPlot plot_of(const std::vector<ModalityEmbeddings>& embeddings, const Chosen& shown) {
  std::vector<Tensor> present_rows;
  for (size_t m = 0; m < embeddings.size(); ++m) {
    const Tensor rows = shown.rows[m].index({shown.present[m]});
    present_rows.push_back(rows / rows.norm(2, {1}, /*keepdim=*/true));
  }
  const PrincipalComponents pca = principal_components(at::cat(present_rows));
  const auto share = [&](int64_t i) { return percent(pca.variance_share[i].item<double>()) + " % of the variance"; };
  ScatterPlot plot{.title = "Embeddings on their first two principal components",
                   .description = "A point a sample and modality; thin lines join the modalities of one sample. The tables beside have the distances",
                   .x_name = "first component, " + share(0), .y_name = "second component, " + share(1), .classes = {}};
  const int64_t samples = shown.present[0].size(0), stride = std::max<int64_t>(1, (samples + kMostLinked - 1) / kMostLinked);
  const auto points = pca.points.accessor<double, 2>();
  std::vector<std::optional<Point>> last(static_cast<size_t>(samples));  // of the modalities before
  int64_t next = 0;
  for (size_t m = 0; m < embeddings.size(); ++m) {
    plot.classes.push_back({.name = embeddings[m].modality, .points = {}});
    const auto present = shown.present[m].accessor<bool, 1>();
    for (int64_t s = 0; s < samples; ++s) {
      if (!present[s]) continue;
      const Point p{points[next][0], points[next][1]};
      ++next;
      plot.classes.back().points.push_back(p);
      if (s % stride != 0) continue;
      auto& partner = last[static_cast<size_t>(s)];
      if (partner) plot.links.emplace_back(*partner, p);
      partner = p;
    }
  }
  return plot;
}

}  // namespace

std::string embedding_section(const std::vector<ModalityEmbeddings>& embeddings) {
  check_embeddings(embeddings);
  if (embeddings.empty()) return {};
  const Chosen shown = choose(embeddings, kMostShown), measured = choose(embeddings, kMostMeasured);
  bool any = false;
  for (const Tensor& present : shown.present) any = any || present.any().item<bool>();
  if (!any) return {};
  return section("space", "How the modalities lie in the space",
                 "<p>Embeddings at unit length, on the two directions in which they differ most; thin lines join the modalities of one sample. A gap between the clouds is usual after contrastive training "
                 "(Liang et al. 2022): partners are nearer to each other than to others, yet each modality keeps to a cone of its own.</p>\n<figure>\n" +
                     scatter_plot(plot_of(embeddings, shown)) + "</figure>\n" + figures(embeddings, measured));
}

}  // namespace alloy::detail

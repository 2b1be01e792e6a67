// SPDX-License-Identifier: Apache-2.0
#include "html_sections.hpp"

#include "html_curves.hpp"
#include "html_parts.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace alloy::demo::html {

namespace {

constexpr auto kNotMeasured = "<p class=\"note\">Not measured in this run.</p>\n";
constexpr auto kMainTask = "redundant";

/// A cell of a heat map; the shade is of 0..1.
std::string heat_cell(double shade, std::string_view css, std::string_view attributes, std::string_view text) {
  const double h = std::isfinite(shade) ? std::clamp(shade, 0.0, 1.0) : 0;
  return fill("<td class=\"{}\"{} style=\"--h:{}\">{}</td>", {css, attributes, number(h, 3), text});
}

std::vector<std::vector<std::string>> subsets(const std::vector<std::string>& names) {
  constexpr size_t kMostForAll = 4;  // beyond, 2^M columns do not fit: single ones, all but one, all
  std::vector<std::vector<std::string>> out;
  if (names.size() >= 16) return {names};
  const auto count = static_cast<unsigned>(names.size());
  for (unsigned size = 1; size <= count; ++size) {
    if (count > kMostForAll && size > 1 && size + 1 < count) continue;
    std::vector<std::vector<std::string>> of_size;
    for (unsigned mask = 1; mask < 1u << count; ++mask) {
      if (std::popcount(mask) != static_cast<int>(size)) continue;
      std::vector<std::string> subset;
      for (unsigned i = 0; i < count; ++i) {
        if (mask >> i & 1u) subset.push_back(names[i]);
      }
      of_size.push_back(std::move(subset));
    }
    // in the order of names: first those with the first name
    std::sort(of_size.begin(), of_size.end(), [&](const auto& a, const auto& b) {
      const auto place = [&](const std::string& n) { return std::find(names.begin(), names.end(), n); };
      return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [&](const auto& x, const auto& y) { return place(x) < place(y); });
    });
    out.insert(out.end(), of_size.begin(), of_size.end());
  }
  return out;
}

std::string method_header(const Run& run) {
  return fill("<th scope=\"row\"><span class=\"dot {}\"></span>{}</th>", {stage_class(run.stage), escape(run.method)});
}

std::string class_name(const std::vector<std::string>& labels, size_t index) {
  return index < labels.size() ? escape(labels[index]) : fill("class {}", {index});
}

/// The table of subsets; rows share stage and method.
class MissingTable {
 public:
  explicit MissingTable(const Page& page) : page_(page), all_(page.all(kMainTask)), subsets_(subsets(page.modalities())), chance_(page.chance(kMainTask)) {
    std::stable_sort(all_.begin(), all_.end(), [](const Summary& a, const Summary& b) { return stage_rank(a.first->stage) < stage_rank(b.first->stage); });
  }

  /// Rows of models of all modalities that were tested on less; empty if there are none.
  std::string tested_on_less() const {
    std::string rows;
    for (const Summary& s : all_) {
      const Run& run = *s.first;
      if (run.stage == "single" || !page_.is_all(run.trained_on)) continue;
      const auto same = [&](const Summary& o) { return o.first->method == run.method && o.first->stage == run.stage && page_.is_all(o.first->trained_on); };
      if (&*std::find_if(all_.begin(), all_.end(), same) != &s) continue;  // one row a method
      if (std::none_of(all_.begin(), all_.end(), [&](const Summary& o) { return same(o) && !page_.is_all(o.first->tested_on); })) continue;
      rows += "<tr>" + method_header(run);
      for (const auto& subset : subsets_) {
        for (const bool dropout : {false, true}) {
          const auto shown = [&](const Summary& o) { return same(o) && o.first->modality_dropout == dropout && same_names(o.first->tested_on, subset); };
          const auto found = std::find_if(all_.begin(), all_.end(), shown);
          rows += found == all_.end() ? fill("<td class=\"plain\">{}</td>", {kNone}) : cell(found->accuracy.value, "");
        }
      }
      rows += "</tr>\n";
    }
    return rows;
  }

  /// Rows of models that were trained on just what they see: single modalities in one row, then pairs.
  std::string trained_on_less() const {
    std::string rows;
    std::vector<std::string> done;
    for (const Summary& s : all_) {
      const Run& run = *s.first;
      const bool single = run.stage == "single";
      const auto counts = [&](const Summary& o) {
        const Run& r = *o.first;
        return !r.modality_dropout && same_names(r.trained_on, r.tested_on) && !page_.is_all(r.trained_on) &&
               (single ? r.stage == "single" : r.stage == run.stage && r.method == run.method);
      };
      const std::string key = single ? "single" : run.stage + "/" + run.method;
      if (!counts(s) || std::find(done.begin(), done.end(), key) != done.end()) continue;
      done.push_back(key);
      rows += "<tr>" + (single ? "<th scope=\"row\"><span class=\"dot single\"></span>one modality alone</th>" : method_header(run));
      for (const auto& subset : subsets_) {
        const auto found = std::find_if(all_.begin(), all_.end(), [&](const Summary& o) { return counts(o) && same_names(o.first->trained_on, subset); });
        rows += found == all_.end() ? fill("<td class=\"plain\" colspan=\"2\">{}</td>", {kNone}) : cell(found->accuracy.value, " colspan=\"2\"");
      }
      rows += "</tr>\n";
    }
    return rows;
  }

  std::string head() const {
    std::string first = "<tr><th scope=\"col\" rowspan=\"2\"><span class=\"unseen\">method</span></th>", second = "<tr>";
    for (const auto& subset : subsets_) {
      first += fill("<th scope=\"colgroup\" colspan=\"2\" class=\"of\">{}</th>", {joined(subset, " +<br>")});
      second += "<th scope=\"col\">without</th><th scope=\"col\">with</th>";
    }
    return "<thead>" + first + "</tr>\n" + second + "</tr></thead>\n";
  }
  size_t columns() const { return 1 + 2 * subsets_.size(); }

 private:
  std::string cell(double accuracy, std::string_view attributes) const {
    const double floor = std::isfinite(chance_) ? chance_ : 0;
    return heat_cell((accuracy - floor) / std::max(1e-9, 1 - floor), "", attributes, percent(accuracy));
  }

  const Page& page_;
  std::vector<Summary> all_;
  std::vector<std::vector<std::string>> subsets_;
  double chance_;
};

/// Mean over the seeds of what `values` holds for each modality; NaN where there is nothing.
std::vector<double> mean_by_modality(const Page& page, const Run& like, std::vector<std::pair<std::string, double>> Run::*values) {
  std::vector<double> means;
  for (const auto& modality : page.modalities()) {
    double sum = 0;
    int64_t count = 0;
    for (const Run& run : page.results().runs) {
      if (run.task != like.task || run.method != like.method || run.stage != like.stage || run.modality_dropout != like.modality_dropout ||
          run.trained_on != like.trained_on || run.tested_on != like.tested_on)
        continue;
      for (const auto& [name, value] : run.*values) {
        if (name == modality && std::isfinite(value)) sum += value, ++count;
      }
    }
    means.push_back(count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(count));
  }
  return means;
}

CellChart cells_of(const Page& page, const std::string& task, std::vector<std::pair<std::string, double>> Run::*values) {
  CellChart chart{.title = {}, .description = {}, .columns = page.modalities()};
  for (const Summary& s : page.compared(task)) {
    if (s.first->stage == "single") continue;
    CellChart::Row row{.label = s.first->method, .group = s.first->stage, .css = std::string(stage_class(s.first->stage)), .values = mean_by_modality(page, *s.first, values)};
    if (std::any_of(row.values.begin(), row.values.end(), [](double v) { return std::isfinite(v); })) chart.rows.push_back(std::move(row));
  }
  return chart;
}

}  // namespace

std::string missing_section(const Page& page) {
  constexpr auto kTitle = "When modalities are missing";
  std::string out = "<p>Accuracy in per cent on the task <em>redundant</em> when only some modalities are shown at test time. Left in each column: "
                    "trained without modality dropout; right: trained with it, so that the model has met missing modalities before.</p>\n";
  const MissingTable table(page);
  const std::string less = table.tested_on_less(), own = table.trained_on_less();
  if (less.empty() && own.empty()) return section("missing", kTitle, out + kNotMeasured);
  const auto group = [&](std::string_view title) { return fill("<tr><th scope=\"rowgroup\" colspan=\"{}\" class=\"group\">{}</th></tr>\n", {table.columns(), title}); };
  out += "<div class=\"scroll\"><table class=\"heat missing\">\n"
         "<caption class=\"unseen\">Accuracy in per cent by method and by modalities shown, without and with modality dropout in training</caption>\n"
         "<colgroup><col class=\"name\"></colgroup>\n" + table.head();
  if (!less.empty()) out += "<tbody>\n" + group("Trained on all modalities, shown only these") + less + "</tbody>\n";
  if (!own.empty()) out += "<tbody>\n" + group("For reference: trained on just these") + own + "</tbody>\n";
  return section("missing", kTitle, out + "</table></div>\n<p class=\"note\">The shade goes from chance (none) to 100 %.</p>\n");
}

std::string confusion_section(const Page& page) {
  constexpr size_t kMostClasses = 100;
  constexpr auto kTitle = "What is confused with what";
  const auto best = page.best_fusion(kMainTask);
  if (!best) return section("confusion", kTitle, kNotMeasured);
  const Run& run = *best->first;
  const auto truth = page.results().truth.find(run.task + "/" + std::to_string(run.seed));
  if (truth == page.results().truth.end() || truth->second.empty() || truth->second.size() != run.predicted.size())
    return section("confusion", kTitle, "<p class=\"note\">The predictions of the best fusion are not among the results.</p>\n");

  const auto& labels = page.labels(kMainTask);
  size_t classes = labels.size();
  const auto known = [](int64_t c) { return c >= 0 && c < static_cast<int64_t>(kMostClasses); };
  for (size_t i = 0; i < run.predicted.size(); ++i) {
    for (const int64_t c : {run.predicted[i], truth->second[i]}) {
      if (known(c)) classes = std::max(classes, static_cast<size_t>(c) + 1);
    }
  }
  classes = std::min(classes, kMostClasses);
  std::vector<std::vector<int64_t>> counts(classes, std::vector<int64_t>(classes));
  for (size_t i = 0; i < run.predicted.size(); ++i) {
    if (known(run.predicted[i]) && known(truth->second[i])) ++counts[static_cast<size_t>(truth->second[i])][static_cast<size_t>(run.predicted[i])];
  }

  std::string head, rows;
  int64_t most = 0;
  size_t most_true = 0, most_said = 0;
  for (size_t t = 0; t < classes; ++t) {
    head += fill("<th scope=\"col\">{}</th>", {class_name(labels, t)});
    int64_t total = 0;
    for (const int64_t n : counts[t]) total += n;
    rows += fill("<tr><th scope=\"row\">{}</th>", {class_name(labels, t)});
    for (size_t s = 0; s < classes; ++s) {
      const int64_t n = counts[t][s];
      if (t != s && n > most) most = n, most_true = t, most_said = s;
      const double part = total == 0 ? 0 : static_cast<double>(n) / static_cast<double>(total);
      rows += heat_cell(std::sqrt(part), t == s ? "diagonal" : n == 0 ? "zero" : "", "", grouped(n));  // the root, to see what is rare
    }
    rows += fill("<td class=\"plain\">{}</td></tr>\n", {total == 0 ? kNone : percent(static_cast<double>(counts[t][t]) / static_cast<double>(total))});
  }
  const std::string about =
      fill("<p>Test samples of <em>redundant</em> by true class (rows) and by what the best fusion, {}, said (columns); seed {}, {} samples.{}</p>\n",
           {"<b>" + escape(run.method) + "</b>", run.seed, grouped(static_cast<int64_t>(run.predicted.size())),
            most == 0 ? "" : fill(" Most frequent mistake: {} taken for {}, {} times.", {class_name(labels, most_true), class_name(labels, most_said), grouped(most)})});
  const std::string counted =
      fill("<div class=\"scroll\"><table class=\"heat confusion\">\n<caption class=\"unseen\">Confusion matrix of {}: counts of test samples</caption>\n"
           "<colgroup><col class=\"name\"></colgroup>\n<thead><tr><th scope=\"col\">true \\ said</th>{}<th scope=\"col\">found, %</th></tr></thead>\n"
           "<tbody>\n{}</tbody></table></div>\n<p class=\"note\">The shade is the square root of the share of a row, so that rare mistakes show too.</p>\n",
           {escape(run.method), head, rows});
  return section("confusion", kTitle, about + counted);
}

std::string curves_section(const Page& page) {
  std::string out = "<p>First seed. Above: the score on validation data, the best epoch circled, with the other methods in grey. "
                    "Below: the loss on training data (dashed) and on validation data.</p>\n";
  bool any = false;
  for (const std::string task : {"redundant", "synergy"}) {
    CurvePanel frame{.max_loss = 0, .max_epoch = 1};
    std::vector<const Run*> runs;
    std::vector<std::string> untrained;
    for (const Summary& s : page.compared(task)) {
      if (s.first->curve.empty()) {
        untrained.push_back(s.first->method);
        continue;
      }
      runs.push_back(s.first);
      frame.context.push_back(&s.first->curve);
      for (const auto& p : s.first->curve) {
        frame.max_epoch = std::max(frame.max_epoch, p.epoch);
        for (const double loss : {p.train_loss, p.valid_loss}) {
          if (std::isfinite(loss)) frame.max_loss = std::max(frame.max_loss, loss);
        }
      }
    }
    if (runs.empty()) continue;
    any = true;
    if (frame.max_loss <= 0) frame.max_loss = 1;
    out += fill("<h3>{}</h3>\n<div class=\"panels\">\n", {escape(task)});
    for (const Run* run : runs) {
      CurvePanel panel = frame;
      panel.title = run->method;
      panel.curve = &run->curve;
      out += curve_panel(panel);
    }
    out += "</div>\n";
    if (!untrained.empty()) out += fill("<p class=\"note\">Without a training of their own: {}.</p>\n", {joined(untrained, ", ")});
  }
  return section("curves", "Learning curves", out + (any ? "" : kNotMeasured));
}

std::string contributions_section(const Page& page) {
  std::string out = "<p>Two different things. A <b>leave-one-out contribution</b> is measured from outside: how much the log-probability of the "
                    "answer given falls when that modality is taken away, in nats, mean over the test samples and the seeds; 0 means that nothing is "
                    "missed. <b>Weights</b> are what some strategies compute inside, as shares of 100 %; they need not say what matters.</p>\n";
  bool any = false;
  for (const auto& task : page.tasks()) {
    CellChart left_out = cells_of(page, task, &Run::contributions), weights = cells_of(page, task, &Run::weights);
    if (left_out.rows.empty() && weights.rows.empty()) continue;
    any = true;
    out += fill("<h3>{}</h3>\n", {escape(task)});
    const auto figure = [&](CellChart& chart, std::string title, std::string_view unit) {
      if (chart.rows.empty()) return;
      chart.title = title + ", task " + task;
      chart.description = "A row a method, a column a modality; the number stands beside each bar";
      out += fill("<figure>\n<figcaption><b>{}</b>, {}</figcaption>\n{}</figure>\n", {title, unit, cell_chart(chart)});
    };
    left_out.text = [](double v) { return number(v, 2); };
    weights.text = [](double v) { return percent(v); };
    figure(left_out, "Leave-one-out contributions", "nats");
    figure(weights, "Mean weights", "%");
  }
  return section("contributions", "What each modality contributes", out + (any ? "" : kNotMeasured));
}

std::string samples_section(const Page& page) {
  constexpr auto kTitle = "A few test samples";
  const auto& samples = page.results().samples;
  if (samples.empty()) return section("samples", kTitle, "<p class=\"note\">No samples were kept.</p>\n");
  std::string out = "<p>What a model sees: the photo with its noise, the spoken name as a log-mel spectrogram (time from left to right, low frequencies at the "
                    "bottom, louder is lighter), the tag as typed. Below each, what every modality alone and the fusion answered, and the probability it gave.</p>\n<div class=\"cards\">\n";
  const auto view = [](std::string_view css, const std::string& uri, const std::string& what) {
    return uri.empty() ? std::string("<span class=\"absent\">no picture</span>") : fill("<img class=\"{}\" src=\"{}\" alt=\"{}\">", {css, uri, escape(what)});
  };
  for (const auto& sample : samples) {
    std::string rows;
    for (const auto& [who, answer] : sample.answers) {
      const bool right = answer.first == sample.truth;
      rows += fill("<tr><th scope=\"row\">{}</th><td class=\"mark {}\">{}<span class=\"unseen\">{}</span></td><td>{}</td><td class=\"n\">{}</td></tr>\n",
                   {escape(who), right ? "right" : "wrong", right ? "✓" : "✗", right ? "right" : "wrong", escape(answer.first), percent(answer.second) + " %"});
    }
    const Image photo{.width = sample.image_size, .height = sample.image_size, .channels = 1, .pixels = sample.image};
    const Image sound = spectrogram_picture(sample.frames, sample.bins, sample.spectrogram);
    out += fill("<article class=\"card\">\n<h3><span><span class=\"truth\">truth </span>{}</span><span class=\"id\">{}</span></h3>\n<div class=\"views\">{}{}</div>\n",
                {escape(sample.truth), escape(sample.id), view("photo", picture_uri(photo), "Noisy grey photo, true class " + sample.truth),
                 view("sound", picture_uri(sound), "Spectrogram of the spoken name, voice " + sample.spoken_by)});
    out += fill("<dl><dt>typed</dt><dd class=\"typed\">{}</dd><dt>voice</dt><dd>{}</dd></dl>\n",
                {sample.typed.empty() ? kNone : escape(sample.typed), sample.spoken_by.empty() ? kNone : escape(sample.spoken_by)});
    if (!rows.empty())
      out += "<table aria-label=\"Answers: who gave it, right or wrong, the answer, its probability\">\n<tbody>\n" + rows + "</tbody></table>\n";
    out += "</article>\n";
  }
  return section("samples", kTitle, out + "</div>\n");
}

}  // namespace alloy::demo::html

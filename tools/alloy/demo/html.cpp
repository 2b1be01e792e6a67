// SPDX-License-Identifier: Apache-2.0
#include "html_parts.hpp"
#include "html_sections.hpp"

#include <alloy/core/json.hpp>

#include <algorithm>
#include <cmath>

namespace alloy::demo {

namespace html {

namespace {

std::string_view about(std::string_view task) {
  if (task == "redundant") return "Which product is it? Photo, spoken name and tag each say all of it, noisily.";
  if (task == "unique") return "Which product is it? Some classes can be told apart only in the photo, others only by name.";
  if (task == "synergy") return "Do photo and name belong together? No modality alone says anything about it.";
  return "";
}

std::string score(const Score& s) {
  if (!std::isfinite(s.low) || !std::isfinite(s.high)) return percent(s.value);
  return fill("{} <span class=\"interval\">{}–{}</span>", {percent(s.value), percent(s.low), percent(s.high)});
}

std::string method(const Run& run) { return "<b>" + escape(run.method) + "</b>" + (run.stage == "single" ? "" : " (" + escape(run.stage) + ")"); }

std::string headline(const Page& page) {
  std::string out;
  for (const auto& task : page.tasks()) {
    const auto fusion = page.best_fusion(task), single = page.best_single(task);
    out += fill("<section>\n<h3>{}</h3>\n<p>{}</p>\n", {escape(task), about(task)});
    if (!fusion && !single) {
      out += "<p class=\"detail\">This task was not run.</p>\n</section>\n";
      continue;
    }
    const Summary& first = fusion ? *fusion : *single;
    out += fill("<p class=\"figure\">{}<small> %</small></p>\n<p>best {}: {}</p>\n", {percent(first.accuracy.value), fusion ? "fusion" : "single modality", method(*first.first)});
    if (fusion && single)
      out += fill("<p class=\"detail\">best single modality: <b>{}</b>, {} %<br><b>{} points</b> by fusion</p>\n",
                  {escape(single->first->method), percent(single->accuracy.value), signed_number(100 * (fusion->accuracy.value - single->accuracy.value), 1)});
    out += "</section>\n";
  }
  return "<div class=\"headline\">\n" + out + "</div>\n";
}

std::string header(const Page& page) {
  const Results& results = page.results();
  std::string seeds;
  for (const int64_t seed : page.seeds()) seeds += (seeds.empty() ? "" : ", ") + std::to_string(seed);
  std::vector<std::string> sizes;
  for (const auto& [key, truth] : results.truth) {
    const std::string size = grouped(static_cast<int64_t>(truth.size()));
    if (std::find(sizes.begin(), sizes.end(), size) == sizes.end()) sizes.push_back(size);
  }
  const auto fact = [](std::string_view name, std::string_view value) { return fill("<li>{} <b>{}</b></li>\n", {name, value}); };
  const std::string facts = fact("alloy", results.version.empty() ? kNone : escape(results.version)) + fact("made", results.date.empty() ? kNone : escape(results.date)) +
                            fact(page.seeds().size() == 1 ? "seed" : "seeds", seeds.empty() ? kNone : seeds) +
                            fact("runs", grouped(static_cast<int64_t>(results.runs.size()))) + fact("test samples a task", joined(sizes, ", "));
  return fill("<header>\n<h1>Fusing photo, speech and text</h1>\n"
              "<p>Early, hybrid and late fusion compared with single modalities ({}) on three tasks of a synthetic catalogue. The photos are real "
              "(Fashion-MNIST, made noisy), the speech is synthesised, the tags are generated, and the three are paired by class at random: nothing "
              "here was observed together. What the figures show is how the strategies differ, not how well they do on a real catalogue.</p>\n"
              "<ul class=\"facts\">\n{}</ul>\n",
              {joined(page.modalities(), ", "), facts}) +
         "<nav aria-label=\"Contents\"><a href=\"#expected\">Expected</a><a href=\"#tasks\">Tasks</a><a href=\"#missing\">Missing modalities</a>"
         "<a href=\"#confusion\">Confusions</a><a href=\"#curves\">Learning curves</a>"
         "<a href=\"#contributions\">Contributions</a><a href=\"#samples\">Samples</a><a href=\"#reading\">How to read it</a></nav>\n" +
         headline(page) + "</header>\n";
}

std::string expectations(const Page& page) {
  const auto& all = page.results().expectations;
  if (all.empty()) return section("expected", "What was expected", "<p class=\"note\">No expectations were checked.</p>\n");
  Table promises{.caption = "Expectations, measured and wanted",
                 .columns = {{.name = "expectation"}, {.name = "measured", .kind = ColumnKind::number}, {.name = "wanted", .kind = ColumnKind::number}, {.name = "kept"}},
                 .rows = {}};
  for (const auto& e : all) {
    const std::string unit = e.unit.empty() ? "" : " " + escape(e.unit);
    const std::string reason = e.met || e.reason.empty() ? "" : fill("<span class=\"reason\">{}</span>", {escape(e.reason)});
    promises.rows.push_back({{.content = escape(e.text) + reason},
                             {.content = number(e.measured, 1) + unit},
                             {.content = escape(e.relation) + " " + number(e.wanted, 1) + unit},
                             {.content = e.met ? "✓ met" : "✗ missed", .css = e.met ? "mark met" : "mark missed"}});
  }
  const auto met = std::count_if(all.begin(), all.end(), [](const Expectation& e) { return e.met; });
  return section("expected", "What was expected",
                 fill("<p>What this comparison promises, written in its code and not after the fact: {} of {} are met.</p>\n", {met, all.size()}) + table(promises));
}

std::string task_table(const std::string& task, const std::vector<Summary>& compared) {
  constexpr auto kNumber = ColumnKind::number;
  Table methods{.caption = "All methods on the task " + task,
                .columns = {{.name = "method", .kind = ColumnKind::row_name}, {.name = "stage"}, {.name = "accuracy, %", .kind = kNumber}, {.name = "macro-F1, %", .kind = kNumber},
                            {.name = "ECE, %", .kind = kNumber}, {.name = "parameters", .kind = kNumber}, {.name = "training, s", .kind = kNumber},
                            {.name = "inference,<br>ms a sample", .kind = kNumber}},
                .rows = {}};
  double best = -1;
  for (const Summary& s : compared) best = std::max(best, accuracy_or_least(s));
  for (const Summary& s : compared) {
    const Run& run = *s.first;
    methods.rows.push_back({{.content = escape(run.method)},
                            {.content = fill("<span class=\"dot {}\"></span>{}", {stage_class(run.stage), escape(run.stage)}), .css = "stage"},
                            {.content = score(s.accuracy), .css = s.accuracy.value == best ? "best" : ""}});
    for (const auto& text : {score(s.macro_f1), percent(s.ece.value), grouped(run.parameters), number(s.train_seconds, 1), number(s.inference_ms, 3)})
      methods.rows.back().push_back({.content = text});
  }
  return table(methods);
}

std::string tasks(const Page& page) {
  std::string out = "<p>Single modalities against models of all modalities, trained without modality dropout. "
                    "Bars are means over the seeds, whiskers 95 % intervals. The highest accuracy is in bold.</p>\n";
  for (const auto& task : page.tasks()) {
    out += fill("<h3>{}</h3>\n<p>{}</p>\n", {escape(task), about(task)});
    const auto compared = page.compared(task);
    if (compared.empty()) {
      out += "<p class=\"note\">This task was not run.</p>\n";
      continue;
    }
    BarChart chart{.title = "Accuracy on the task " + task,
                   .description = "Accuracy in per cent by method, grouped by stage; the table below has the same figures",
                   .bars = {}};
    for (const Summary& s : compared)
      chart.bars.push_back({.label = s.first->method, .group = s.first->stage, .css = std::string(stage_class(s.first->stage)), .score = s.accuracy});
    const double chance = page.chance(task);
    const auto single = page.best_single(task);
    // one label above the plot, the other below the axis; where both lines would be one, chance alone
    if (single && !(std::abs(single->accuracy.value - chance) < 0.02)) chart.guides.push_back({.label = "best single", .value = single->accuracy.value});
    chart.guides.push_back({.label = "chance", .value = chance, .place = Guide::Place::below});
    out += "<figure>\n" + bar_chart(chart) + "</figure>\n" + task_table(task, compared);
  }
  return section("tasks", "The tasks", out);
}

std::string reading(const Page& page) {
  const auto term = [](std::string_view name, std::string_view text) { return fill("<dt>{}</dt><dd>{}</dd>\n", {name, text}); };
  return section("reading", "How to read it", "<dl class=\"terms\">\n" +
         term("Early, hybrid, late", "Early: inputs or features are combined once, before one decision. Hybrid: representations act on each other "
                                     "before the decision. Late: each modality decides, and the decisions are combined.") +
         term("Accuracy", "Share of test samples whose most probable class is the true one.") +
         term("Macro-F1", "Harmonic mean of precision and recall of each class, then the mean over classes: rare classes count as much as frequent ones.") +
         term("ECE", "Expected calibration error (Guo et al. 2017): how far the stated probability is from the share of right answers, mean over "
                     "15 bins of the top probability. 0 is best.") +
         term("Interval", "95 % percentile bootstrap over the test samples of each seed; with several seeds, value and ends are means over the seeds. "
                          "It does not hold what changes from one training to the next.") +
         term("Best", "The highest accuracy on the test set. The best of many is a little optimistic; differences within the intervals mean little.") +
         term("Chance", "One over the number of classes: the classes are equally frequent.") +
         term("Subset", "Only these modalities are shown at test time, all others are marked absent; nothing is trained again.") +
         term("Modality dropout", "In training, whole modalities are hidden from random samples, never all of them, so that the model learns to do without.") +
         term("Leave-one-out contribution", "How much the log-probability of the answer given falls when one modality is marked absent. "
                                           "Where two modalities say the same, neither is missed much, however useful both are.") +
         term("Training, inference", "Seconds of one training and milliseconds a sample in batches, mean over the seeds; each model runs on one thread, as many at once as there are cores. They depend on the machine.") +
         "</dl>\n<h3>Recompute it</h3>\n<p>Everything here is made from <code>results.json</code>, which has the predictions of every run and the true classes:</p>\n<pre>" +
         escape("import json\n"
                "results = json.load(open(\"results.json\"))\n"
                "for run in results[\"runs\"]:\n"
                "    truth = results[\"truth\"][f'{run[\"task\"]}/{run[\"seed\"]}']\n"
                "    right = sum(p == t for p, t in zip(run[\"predicted\"], truth))\n"
                "    print(run[\"task\"], run[\"method\"], run[\"tested_on\"], right / len(truth))\n") +
         "</pre>\n" + details("Options of this run", "<pre>" + escape(to_json(page.results().options)) + "</pre>\n"));
}

}  // namespace

}  // namespace html

std::string to_html(const Results& results) {
  using namespace html;
  const Page contents(results);
  return page({.title = "alloy: fusing photo, speech and text",
               .style = std::string(style_sheet()),
               .body = header(contents) + expectations(contents) + tasks(contents) + missing_section(contents) + confusion_section(contents) + curves_section(contents) +
                       contributions_section(contents) + samples_section(contents) + reading(contents)});
}

}  // namespace alloy::demo

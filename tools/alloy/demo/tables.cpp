// SPDX-License-Identifier: Apache-2.0
#include "demo/run.hpp"

#include "console.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace alloy::demo {

namespace {

bool is_main(const Run& r) { return !r.modality_dropout && r.tested_on == r.trained_on && (r.stage == "single" || r.trained_on == kModalities); }

std::string percent(double share) { return fmt::format("{:.1f}", 100 * share); }

std::string subset_name(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : "+") + name;
  return text;
}

std::string main_table(const Results& results, const std::string& task) {
  tool::Table table({task, "stage", "accuracy %", "95 % interval", "macro-F1", "ECE", "parameters", "train s", "ms/sample"});
  std::string stage;
  for (const Summary& s : summarise(results, task)) {
    const Run& r = *s.first;
    if (!is_main(r)) continue;
    if (!stage.empty() && stage != r.stage) table.rule();
    stage = r.stage;
    table.add({r.method, r.stage, percent(s.accuracy.value), fmt::format("{} .. {}", percent(s.accuracy.low), percent(s.accuracy.high)),
               fmt::format("{:.3f}", s.macro_f1.value), fmt::format("{:.3f}", s.ece.value), tool::count_text(r.parameters), fmt::format("{:.1f}", s.train_seconds),
               fmt::format("{:.3f}", s.inference_ms)});
  }
  return table.text();
}

std::string subset_table(const Results& results) {
  std::vector<std::vector<std::string>> subsets;
  std::vector<std::string> header = {"accuracy % on"}, rows;
  const auto all = summarise(results, "redundant");
  for (const Summary& s : all)
    if (s.first->stage != "single" && s.first->trained_on == kModalities && std::ranges::find(subsets, s.first->tested_on) == subsets.end()) subsets.push_back(s.first->tested_on);
  std::ranges::stable_sort(subsets, {}, [](const auto& names) { return names.size(); });
  for (const auto& subset : subsets) header.push_back(subset_name(subset));
  tool::Table table(header);
  const auto row = [&](const std::string& label, const std::string& method, bool dropout, bool pairs) {
    std::vector<std::string> cells = {label};
    bool any = false;
    for (const auto& subset : subsets) {
      std::string cell = "-";
      for (const Summary& s : all) {
        const Run& r = *s.first;
        if (r.method == method && r.modality_dropout == dropout && r.tested_on == subset && (pairs ? r.trained_on == subset && subset.size() == 2 : r.trained_on == kModalities))
          cell = percent(s.accuracy.value), any = true;
      }
      cells.push_back(cell);
    }
    if (any) table.add(cells);
  };
  for (const Summary& s : all) {
    const Run& r = *s.first;
    if (!is_main(r) || r.stage == "single") continue;
    table.rule();
    row(r.method, r.method, false, false);
    row("  with modality dropout", r.method, true, false);
    row("  trained on the pair", r.method, false, true);
  }
  return table.text();
}

/// A method and its accuracy, in per cent.
struct Best {
  std::string name;
  double value = -1;
};

/// Points of accuracy that a model of all modalities, one of them missing, lies below the same strategy trained on the two
/// that are left.
struct Loss {
  double mean = 0, worst = -1e9;
  std::string where;  ///< of the worst
  int64_t count = 0;
};

Loss loss_of_a_modality(const Results& results, bool modality_dropout) {
  Loss loss;
  const auto all = summarise(results, "redundant");
  for (const Summary& pair : all) {
    const Run& p = *pair.first;
    if (p.trained_on.size() != 2 || p.tested_on != p.trained_on) continue;
    for (const Summary& s : all) {
      const Run& r = *s.first;
      if (r.method != p.method || r.tested_on != p.tested_on || r.trained_on != kModalities || r.modality_dropout != modality_dropout) continue;
      const double points = 100 * (pair.accuracy.value - s.accuracy.value);
      loss.mean += points;
      ++loss.count;
      if (points > loss.worst) loss.worst = points, loss.where = r.method + " on " + subset_name(r.tested_on);
    }
  }
  if (loss.count > 0) loss.mean /= static_cast<double>(loss.count);
  return loss;
}

}  // namespace

std::vector<Expectation> check_expectations(const Results& results) {
  std::vector<Expectation> list;
  const auto expect = [&](std::string text, double measured, const char* relation, double wanted, const char* unit, const std::string& reason) {
    const std::string_view r = relation;
    const bool met = r == "at most" ? measured <= wanted : r == "at least" ? measured >= wanted : measured > wanted;
    list.push_back({.text = std::move(text), .measured = measured, .relation = relation, .wanted = wanted, .unit = unit, .met = met, .reason = met ? "" : "likely " + reason});
  };
  const auto best_of = [&](const std::string& task, auto&& keep, bool lowest = false) {
    Best best;
    for (const Summary& s : summarise(results, task))
      if (is_main(*s.first) && keep(*s.first) && (best.value < 0 || (lowest ? 100 * s.accuracy.value < best.value : 100 * s.accuracy.value > best.value)))
        best = {s.first->method, 100 * s.accuracy.value};
    return best;
  };
  const auto single = [](const Run& r) { return r.stage == "single"; };
  const auto fusion = [](const Run& r) { return r.stage != "single"; };
  const auto late = [](const Run& r) { return r.stage == "late"; };
  const auto hybrid = [](const Run& r) { return r.stage == "hybrid"; };

  const Best alone = best_of("redundant", single), worst_alone = best_of("redundant", single, true), fused = best_of("redundant", fusion), weakest = best_of("redundant", fusion, true);
  const std::string other_size = "another size of training set than the noise was set for", few_steps = "because relations need more training samples and steps than this size gives";
  expect(fmt::format("redundant: the weakest single modality ({})", worst_alone.name), worst_alone.value, "at least", 55, "%", other_size);
  expect(fmt::format("redundant: the strongest single modality ({})", alone.name), alone.value, "at most", 80, "%", other_size);
  expect(fmt::format("redundant: the best fusion ({}) above the best single modality ({})", fused.name, alone.name), fused.value - alone.value, "at least", 10, "points",
         "because the modalities add less than the margin at this size of training set");
  expect(fmt::format("redundant: the weakest fusion ({}) above the best single modality ({})", weakest.name, alone.name), weakest.value - alone.value, "more than", 0, "points",
         "because it learns too slowly for the steps that all methods get");

  const Loss with = loss_of_a_modality(results, true), without = loss_of_a_modality(results, false);
  if (with.count > 0) {
    const std::string reason = "because dropout shares the training steps among seven subsets";
    expect("a modality lost, trained with modality dropout: mean loss against a model trained on the two left", with.mean, "at most", 4, "points", reason);
    expect(fmt::format("the same, worst case ({})", with.where), with.worst, "at most", 4, "points", reason);
    expect("the same, trained without modality dropout: mean loss", without.mean, "more than", with.mean, "points", "because a model trained on too little does not lean on any one modality yet");
  }
  const Best rule = best_of("synergy", late), interaction = best_of("synergy", hybrid);
  expect(fmt::format("synergy: the best decision rule ({})", rule.name), rule.value, "at most", 55, "%", "the chance scatter of a small test set");
  expect(fmt::format("synergy: the best interaction ({})", interaction.name), interaction.value, "at least", 78, "%", few_steps);
  expect("synergy: the best interaction above the best decision rule", interaction.value - rule.value, "at least", 20, "points", few_steps);
  return list;
}

std::string tables_text(const Results& results) {
  std::string text;
  for (const char* task : {"redundant", "unique", "synergy"}) text += main_table(results, task) + "\n";
  text += "redundant, modalities missing at test time\n" + subset_table(results) + "\n";
  tool::Table table({"expected", "measured", "wanted", ""});
  for (const Expectation& e : results.expectations)
    table.add({e.text, fmt::format("{:.1f} {}", e.measured, e.unit), fmt::format("{} {:.1f}", e.relation, e.wanted), e.met ? "met" : "MISSED: " + e.reason});
  return text + table.text();
}

}  // namespace alloy::demo

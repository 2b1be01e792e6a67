// SPDX-License-Identifier: Apache-2.0
#include "demo/results.hpp"

namespace alloy::demo {

namespace {

Config score_config(const Score& s) {
  Config c = Config::object();
  c.set("value", s.value);
  c.set("low", s.low);
  c.set("high", s.high);
  return c;
}

template <class T>
Config list_config(const std::vector<T>& items) {
  return Config(Config::Array(items.begin(), items.end()));
}

Config pairs_config(const std::vector<std::pair<std::string, double>>& pairs) {
  Config c = Config::object();
  for (const auto& [name, value] : pairs) c.set(name, value);
  return c;
}

Config run_config(const Run& r) {
  Config c = Config::object();
  c.set("task", r.task);
  c.set("method", r.method);
  c.set("stage", r.stage);
  c.set("seed", r.seed);
  c.set("modality_dropout", r.modality_dropout);
  c.set("trained_on", list_config(r.trained_on));
  c.set("tested_on", list_config(r.tested_on));
  c.set("accuracy", score_config(r.accuracy));
  c.set("macro_f1", score_config(r.macro_f1));
  c.set("ece", score_config(r.ece));
  c.set("parameters", r.parameters);
  c.set("train_seconds", r.train_seconds);
  c.set("inference_ms", r.inference_ms);
  c.set("leave_one_out", pairs_config(r.contributions));
  if (!r.weights.empty()) c.set("weights", pairs_config(r.weights));
  Config::Array curve;
  for (const CurvePoint& p : r.curve) {
    Config point = Config::object();
    point.set("epoch", p.epoch);
    point.set("train_loss", p.train_loss);
    point.set("valid_loss", p.valid_loss);
    point.set("valid_score", p.valid_score);
    curve.push_back(std::move(point));
  }
  c.set("curve", Config(std::move(curve)));
  c.set("predicted", list_config(r.predicted));
  return c;
}

bool same_kind(const Run& a, const Run& b) {
  return a.task == b.task && a.method == b.method && a.modality_dropout == b.modality_dropout && a.trained_on == b.trained_on && a.tested_on == b.tested_on;
}

void add(Score& sum, const Score& s) { sum.value += s.value, sum.low += s.low, sum.high += s.high; }
void divide(Score& sum, double n) { sum.value /= n, sum.low /= n, sum.high /= n; }

}  // namespace

std::vector<Summary> summarise(const Results& results, const std::string& task) {
  std::vector<Summary> all;
  for (const Run& run : results.runs) {
    if (run.task != task) continue;
    Summary* s = nullptr;
    for (Summary& known : all)
      if (same_kind(*known.first, run)) s = &known;
    if (s == nullptr) s = &all.emplace_back(Summary{.first = &run});
    add(s->accuracy, run.accuracy);
    add(s->macro_f1, run.macro_f1);
    add(s->ece, run.ece);
    s->train_seconds += run.train_seconds;
    s->inference_ms += run.inference_ms;
    ++s->seeds;
  }
  for (Summary& s : all) {
    const auto n = static_cast<double>(s.seeds);
    divide(s.accuracy, n);
    divide(s.macro_f1, n);
    divide(s.ece, n);
    s.train_seconds /= n;
    s.inference_ms /= n;
  }
  return all;
}

Config to_config(const Results& results) {
  Config c = Config::object();
  c.set("format_version", 1);
  c.set("version", results.version);
  c.set("date", results.date);
  c.set("options", results.options);
  c.set("modalities", list_config(results.modalities));
  Config labels = Config::object(), truth = Config::object();
  for (const auto& [task, names] : results.labels) labels.set(task, list_config(names));
  for (const auto& [key, classes] : results.truth) truth.set(key, list_config(classes));
  c.set("labels", labels);
  Config::Array expectations, runs;
  for (const Expectation& e : results.expectations) {
    Config entry = Config::object();
    entry.set("text", e.text);
    entry.set("measured", e.measured);
    entry.set("relation", e.relation);
    entry.set("wanted", e.wanted);
    entry.set("unit", e.unit);
    entry.set("met", e.met);
    entry.set("reason", e.reason);
    expectations.push_back(std::move(entry));
  }
  for (const Run& run : results.runs) runs.push_back(run_config(run));
  c.set("expectations", Config(std::move(expectations)));
  c.set("truth", truth);
  c.set("runs", Config(std::move(runs)));
  return c;
}

}  // namespace alloy::demo

// SPDX-License-Identifier: Apache-2.0
#include "html_page.hpp"

#include "html_parts.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

namespace alloy::demo::html {

namespace {

template <class T>
void add_new(std::vector<T>& all, const T& value) {
  if (std::find(all.begin(), all.end(), value) == all.end()) all.push_back(value);
}

std::optional<Summary> best_of(const std::vector<Summary>& compared, bool single) {
  std::optional<Summary> best;
  for (const Summary& s : compared) {
    if ((s.first->stage == "single") == single && (!best || accuracy_or_least(s) > accuracy_or_least(*best))) best = s;
  }
  return best;
}

}  // namespace

bool same_names(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return a.size() == b.size() && std::is_permutation(a.begin(), a.end(), b.begin());
}

double accuracy_or_least(const Summary& s) { return std::isfinite(s.accuracy.value) ? s.accuracy.value : -1; }

Page::Page(const Results& results) : results_(results), modalities_(results.modalities), tasks_({"redundant", "unique", "synergy"}) {
  for (const Run& run : results.runs) {
    add_new(tasks_, run.task);
    add_new(seeds_, run.seed);
    if (!results.modalities.empty()) continue;
    for (const auto& name : run.trained_on) add_new(modalities_, name);
  }
  for (const auto& task : tasks_) summaries_[task] = summarise(results, task);
  for (auto& [task, all] : summaries_) std::erase_if(all, [](const Summary& s) { return s.first == nullptr; });
}

std::vector<Summary> Page::all(const std::string& task) const {
  const auto found = summaries_.find(task);
  return found == summaries_.end() ? std::vector<Summary>() : found->second;
}

std::vector<Summary> Page::compared(const std::string& task) const {
  std::vector<Summary> out = all(task);
  std::erase_if(out, [&](const Summary& s) {
    const Run& run = *s.first;
    return run.modality_dropout || !same_names(run.trained_on, run.tested_on) || !(is_all(run.trained_on) || (run.stage == "single" && run.trained_on.size() == 1));
  });
  std::stable_sort(out.begin(), out.end(), [](const Summary& a, const Summary& b) {
    const auto key = [](const Summary& s) { return std::tuple(stage_rank(s.first->stage), s.first->stage, -accuracy_or_least(s)); };
    return key(a) < key(b);
  });
  return out;
}

std::optional<Summary> Page::best_single(const std::string& task) const { return best_of(compared(task), true); }
std::optional<Summary> Page::best_fusion(const std::string& task) const { return best_of(compared(task), false); }

const std::vector<std::string>& Page::labels(const std::string& task) const {
  static const std::vector<std::string> kUnknown;
  const auto found = results_.labels.find(task);
  return found == results_.labels.end() ? kUnknown : found->second;
}

double Page::chance(const std::string& task) const {
  const auto classes = static_cast<double>(labels(task).size());
  return classes > 0 ? 1 / classes : std::numeric_limits<double>::quiet_NaN();
}

bool Page::is_all(const std::vector<std::string>& names) const { return !names.empty() && same_names(names, modalities_); }

}  // namespace alloy::demo::html

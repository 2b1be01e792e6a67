// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What all sections of the report know of the results: tasks, modalities and methods in the order of the page.

#include "results.hpp"

#include <optional>

namespace alloy::demo::html {

/// Results put in the order of the page. Keeps a reference to the results, and pointers into them.
class Page {
 public:
  explicit Page(const Results& results);

  const Results& results() const { return results_; }
  const std::vector<std::string>& modalities() const { return modalities_; }
  /// redundant, unique, synergy, then any others in order of appearance.
  const std::vector<std::string>& tasks() const { return tasks_; }
  const std::vector<int64_t>& seeds() const { return seeds_; }
  /// All summaries of a task; those without a run are left out.
  std::vector<Summary> all(const std::string& task) const;
  /// The methods compared: trained without modality dropout, tested on all they were trained on, which is all modalities
  /// or, for stage "single", one. By stage, then by accuracy, the best first.
  std::vector<Summary> compared(const std::string& task) const;
  std::optional<Summary> best_single(const std::string& task) const;
  std::optional<Summary> best_fusion(const std::string& task) const;
  /// Class names; empty where they are not known.
  const std::vector<std::string>& labels(const std::string& task) const;
  /// Accuracy of guessing among equally frequent classes; NaN where the classes are not known.
  double chance(const std::string& task) const;
  bool is_all(const std::vector<std::string>& names) const;

 private:
  const Results& results_;
  std::vector<std::string> modalities_, tasks_;
  std::vector<int64_t> seeds_;
  std::map<std::string, std::vector<Summary>> summaries_;
};

/// Equal as sets.
bool same_names(const std::vector<std::string>& a, const std::vector<std::string>& b);
/// The accuracy of a summary, -1 where it is not finite: for sorting.
double accuracy_or_least(const Summary& summary);

}  // namespace alloy::demo::html

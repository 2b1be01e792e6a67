// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Label spaces that differ between modalities (how a voice sounds, what a text feels like), brought to one that both share: given as
/// a table, or learnt from samples that have both labels.

#include <alloy/core/options.hpp>
#include <alloy/core/tensor.hpp>

#include <utility>

namespace alloy {

/// From the labels of one modality to shared ones. A value.
struct LabelMap {
  std::vector<std::string> labels;  ///< of the modality, in the order of its class indices
  std::vector<std::string> shared;  ///< in the order of the shared indices
  Tensor weights;                   ///< [K, S] double: P(shared | label), rows sum to 1; of a given map 0 and 1
  /// [K] int64, the likeliest shared label of each (of equals the first).
  ALLOY_API Tensor index() const;
  /// @param classes  int64 [N], -1 = unknown, which stays -1 @return int64 [N] @throws ShapeError; DataError for another class
  ALLOY_API Tensor apply(const Tensor& classes) const;
  /// Probabilities of the modality's labels to those of the shared ones; differentiable. @param probs  [N, K] floating @return [N, S]
  ALLOY_API Tensor apply_probs(const Tensor& probs) const;
  /// "calm to positive, ..." with the share where it is not 1.
  ALLOY_API std::string to_text() const;
};

/// A map that is given: (label, shared label) for each label once. The shared labels are in order of appearance, or as listed.
/// @throws ConfigError for a label that is repeated, and one that is not in the list
ALLOY_API LabelMap map_labels(const std::vector<std::pair<std::string, std::string>>& table, const std::vector<std::string>& shared = {});

struct LearnLabelMapOptions {
  double smoothing = 1;
  int64_t least_samples = 5;
  static void describe(auto& self, auto&& field) {
    field("smoothing", self.smoothing, "samples added to a label's counts, spread as the shared labels are over all samples, >= 0");
    field("least_samples", self.least_samples, "that a label must have, > 0");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// A map learnt from samples that have a label of the modality and a shared one: P(shared | label), which is the map of least
/// log loss. The shared space is one of the modalities' own, or a third.
/// @param classes, targets  int64 [N] below labels.size() and shared.size(); a pair with -1 is left out
/// @throws ShapeError; ConfigError for no or repeated labels; DataError for classes out of range and, by name, a label of too few samples
ALLOY_API LabelMap learn_label_map(const std::vector<std::string>& labels, const std::vector<std::string>& shared, const Tensor& classes,
                                   const Tensor& targets, const LearnLabelMapOptions& options = {});

struct SharedLabels {
  LabelMap first, second;  ///< to the same shared labels, hard; a shared label is named by what it joins: "calm+soft/positive"
  double agreement = 0;    ///< share of the samples whose two labels come to the same shared one
  double information = 0;  ///< of the mutual information of both labels, what is left after mapping, 0..1
};

/// A shared space that neither modality has, learnt from pairs of labels: each side's labels are merged, two at a time, where least
/// mutual information is lost (Slonim & Tishby 1999, "Agglomerative Information Bottleneck"), until `count` are left, and the
/// merged ones are matched so that most samples agree.
/// @param first, second  int64 [N]; a pair with -1 is left out @param count  of shared labels, 2..8 and at most either side's number
/// @throws as learn_label_map; ConfigError for a count out of range; DataError for labels that say nothing of each other
ALLOY_API SharedLabels learn_shared_labels(const std::vector<std::string>& first_labels, const std::vector<std::string>& second_labels,
                                           const Tensor& first, const Tensor& second, int64_t count);

}  // namespace alloy

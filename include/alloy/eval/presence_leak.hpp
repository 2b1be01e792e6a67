// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Does it give the answer away which modalities a sample has? If the scans of the ill were kept and those of the healthy
/// were not, a model learns to look for the scan, not at it, and fails where records are kept otherwise. Look before training.

#include <alloy/core/tensor.hpp>

#include <cstdint>

namespace alloy {

struct PresenceLeakOptions {
  int64_t permutations = 200;
  double significance = 0.01;
  uint64_t seed = 0;
};

struct PresenceLeak {
  double mutual_information = 0;  ///< bits between the set of modalities present and the class, plug-in estimate
  double class_entropy = 0;       ///< bits: what a perfect leak would reach
  double p_value = 1;             ///< share of permutations of the classes that reach as much
  double guess_accuracy = 0;      ///< 0..1, of the most frequent class of each set
  double majority_accuracy = 0;   ///< 0..1, of the most frequent class of all
  bool found = false;             ///< p_value below the significance, and guessing gains at least a point of accuracy
};

/// Permutation test of the mutual information (200 permutations resolve p to 0.005).
/// @param present  [N, M] bool @param target  [N] int64 class indices
/// @throws ShapeError if they do not fit; DataError for a negative class; ConfigError unless permutations >= 1
ALLOY_API PresenceLeak presence_leak(const Tensor& present, const Tensor& target, const PresenceLeakOptions& options = {});

}  // namespace alloy

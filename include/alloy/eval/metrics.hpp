// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Scores of predictions, with bootstrap intervals.

#include <alloy/core/task.hpp>
#include <alloy/core/tensor.hpp>

#include <functional>

namespace alloy {

/// A score and the interval that a bootstrap over the samples gives it.
struct Score {
  double value = 0, low = 0, high = 0;
};

struct BootstrapOptions {
  int64_t resamples = 1000;
  double confidence = 0.95;
  uint64_t seed = 0;
};

/// Percentile bootstrap (Efron 1979): `statistic` of the rows named by an index [N] int64, on all rows and on resamples.
ALLOY_API Score bootstrap(int64_t samples, const std::function<double(const Tensor& index)>& statistic, const BootstrapOptions& options = {});

/// The same for several statistics at once, each in the same resamples. @param statistics  always gives the same number of values
ALLOY_API std::vector<Score> bootstrap_all(int64_t samples, const std::function<std::vector<double>(const Tensor& index)>& statistics,
                                           const BootstrapOptions& options = {});

/// Share of right answers, 0..1. @param predicted, target  [N] int64
ALLOY_API double accuracy(const Tensor& predicted, const Tensor& target);
/// Mean over the classes of the harmonic mean of precision and recall, 0..1; classes that neither occur nor are predicted
/// do not count.
ALLOY_API double macro_f1(const Tensor& predicted, const Tensor& target, int64_t classes);
/// [classes, classes] int64 counts: rows are true classes, columns predicted ones.
ALLOY_API Tensor confusion_matrix(const Tensor& predicted, const Tensor& target, int64_t classes);
/// Expected calibration error over bins of equal width of the top probability (Guo et al. 2017, eq. 3), 0..1.
/// @param probs  [N, K] @param target  [N] int64
ALLOY_API double expected_calibration_error(const Tensor& probs, const Tensor& target, int64_t bins = 15);
/// Mean squared distance between probabilities and the one-hot target (Brier 1950), 0..2.
ALLOY_API double brier_score(const Tensor& probs, const Tensor& target);

/// A score by its name, in the order in which reports print it.
using Scores = std::vector<std::pair<std::string, Score>>;
/// The usual scores of a task. Classification: accuracy, macro_f1, ece; multilabel: micro_f1, exact_match; regression: mae,
/// rmse, r2.
/// @param logits  [N, K] as a FusionModel gives them @param target  [N] or [N, K]
/// @throws ShapeError if they do not fit; DataError without samples
ALLOY_API Scores score_predictions(const Tensor& logits, const Tensor& target, Task task, const BootstrapOptions& options = {});

}  // namespace alloy

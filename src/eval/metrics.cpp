// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/metrics.hpp>

#include <alloy/core/random.hpp>

#include <ATen/Functions.h>

#include <cmath>

namespace alloy {

namespace {

void check_classes(const Tensor& predicted, const Tensor& target, std::string_view where) {
  check_shape(target, {-1}, where, "target");
  check_shape(predicted, {target.size(0)}, where, "predictions");
  check<ShapeError>(predicted.scalar_type() == at::kLong && target.scalar_type() == at::kLong,
                    "[{}] expected int64 classes, got {} and {}", {where, predicted, target});
  check<DataError>(target.size(0) > 0, "[{}] expected at least one sample, got none", {where});
}

/// Mean F1 over the columns of true positives, predicted and actual counts; columns without either do not count.
double mean_f1(const Tensor& hits, const Tensor& predicted, const Tensor& actual) {
  const Tensor seen = (predicted + actual) > 0;
  const Tensor f1 = 2.0 * hits / (predicted + actual).clamp_min(1.0);
  return f1.masked_select(seen).mean().item<double>();
}

/// Of sorted values, linear between the two nearest.
double quantile(const std::vector<double>& values, double q) {
  const double place = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

}  // namespace

std::vector<Score> bootstrap_all(int64_t samples, const std::function<std::vector<double>(const Tensor&)>& statistics, const BootstrapOptions& options) {
  check<DataError>(samples > 0, "[bootstrap] expected at least one sample, got none");
  check<ConfigError>(options.resamples > 0 && options.confidence > 0 && options.confidence < 1,
                     "[bootstrap] expected resamples > 0 and confidence in 0..1, got {} and {}", {options.resamples, options.confidence});
  std::vector<Score> scores;
  for (const double value : statistics(at::arange(samples, at::kLong))) scores.push_back({.value = value});
  std::vector<std::vector<double>> resampled(scores.size());
  Random random(mix_seed({options.seed, static_cast<uint64_t>(samples)}));
  Tensor index = at::empty({samples}, at::kLong);
  for (int64_t r = 0; r < options.resamples; ++r) {
    int64_t* data = index.mutable_data_ptr<int64_t>();
    for (int64_t i = 0; i < samples; ++i) data[i] = random.below(samples);
    const std::vector<double> values = statistics(index);
    for (size_t s = 0; s < scores.size(); ++s) resampled[s].push_back(values[s]);
  }
  for (size_t s = 0; s < scores.size(); ++s) {
    std::ranges::sort(resampled[s]);
    scores[s].low = quantile(resampled[s], (1 - options.confidence) / 2);
    scores[s].high = quantile(resampled[s], (1 + options.confidence) / 2);
  }
  return scores;
}

Score bootstrap(int64_t samples, const std::function<double(const Tensor&)>& statistic, const BootstrapOptions& options) {
  return bootstrap_all(samples, [&](const Tensor& index) { return std::vector<double>{statistic(index)}; }, options).front();
}

double accuracy(const Tensor& predicted, const Tensor& target) {
  check_classes(predicted, target, "accuracy");
  return predicted.eq(target).to(at::kDouble).mean().item<double>();
}

Tensor confusion_matrix(const Tensor& predicted, const Tensor& target, int64_t classes) {
  check_classes(predicted, target, "confusion_matrix");
  for (const Tensor& t : {predicted, target})
    check<DataError>(t.min().item<int64_t>() >= 0 && t.max().item<int64_t>() < classes,
                     "[confusion_matrix] expected classes 0..{}, got others", {classes - 1});
  return at::bincount(target * classes + predicted, {}, classes * classes).view({classes, classes});
}

double macro_f1(const Tensor& predicted, const Tensor& target, int64_t classes) {
  const Tensor counts = confusion_matrix(predicted, target, classes).to(at::kDouble);
  return mean_f1(counts.diagonal(), counts.sum(0), counts.sum(1));
}

double expected_calibration_error(const Tensor& probs, const Tensor& target, int64_t bins) {
  check_shape(probs, {-1, -1}, "expected_calibration_error", "probabilities");
  check<ConfigError>(bins > 0, "[expected_calibration_error] expected bins > 0, got {}", {bins});
  const auto [confidence, predicted] = probs.to(at::kDouble).max(1);
  check_classes(predicted, target, "expected_calibration_error");
  // Bin b holds confidences in (b / bins, (b + 1) / bins].
  const Tensor bin = (confidence * bins).ceil().to(at::kLong).sub(1).clamp(0, bins - 1);
  const Tensor gap = confidence - predicted.eq(target).to(at::kDouble);
  return at::zeros({bins}, at::kDouble).index_add(0, bin, gap).abs().sum().item<double>() / static_cast<double>(target.size(0));
}

double brier_score(const Tensor& probs, const Tensor& target) {
  check_shape(probs, {target.size(0), -1}, "brier_score", "probabilities");
  const Tensor wanted = at::one_hot(target, probs.size(1)).to(at::kDouble);
  return (probs.to(at::kDouble) - wanted).pow(2).sum(1).mean().item<double>();
}

Scores score_predictions(const Tensor& logits, const Tensor& target, Task task, const BootstrapOptions& options) {
  check_shape(logits, {-1, -1}, "score_predictions", "logits");
  const int64_t samples = logits.size(0), outputs = logits.size(1);
  Scores scores;
  const auto add = [&](const char* name, const std::function<double(const Tensor&)>& statistic) {
    scores.emplace_back(name, bootstrap(samples, statistic, options));
  };
  if (task == Task::classification) {
    const Tensor probs = logits.to(at::kDouble).softmax(1), predicted = logits.argmax(1);
    check_classes(predicted, target, "score_predictions");
    add("accuracy", [&](const Tensor& i) { return accuracy(predicted.index_select(0, i), target.index_select(0, i)); });
    add("macro_f1", [&](const Tensor& i) { return macro_f1(predicted.index_select(0, i), target.index_select(0, i), outputs); });
    add("ece", [&](const Tensor& i) { return expected_calibration_error(probs.index_select(0, i), target.index_select(0, i)); });
    return scores;
  }
  check_shape(target, {samples, outputs}, "score_predictions", "target");
  const Tensor wanted = target.to(at::kDouble);
  if (task == Task::multilabel) {
    const Tensor said = (logits > 0).to(at::kDouble), actual = (wanted > 0.5).to(at::kDouble);
    add("micro_f1", [&](const Tensor& i) {
      const Tensor s = said.index_select(0, i), a = actual.index_select(0, i);
      const double total = (s.sum() + a.sum()).item<double>();
      return total > 0 ? 2.0 * (s * a).sum().item<double>() / total : 1.0;
    });
    add("exact_match", [&](const Tensor& i) {
      return said.index_select(0, i).eq(actual.index_select(0, i)).all(1).to(at::kDouble).mean().item<double>();
    });
    return scores;
  }
  const Tensor error = logits.to(at::kDouble) - wanted;
  add("mae", [&](const Tensor& i) { return error.index_select(0, i).abs().mean().item<double>(); });
  add("rmse", [&](const Tensor& i) { return error.index_select(0, i).pow(2).mean().sqrt().item<double>(); });
  add("r2", [&](const Tensor& i) {
    const Tensor w = wanted.index_select(0, i);
    const double spread = (w - w.mean(0, /*keepdim=*/true)).pow(2).sum().item<double>();
    return 1.0 - error.index_select(0, i).pow(2).sum().item<double>() / std::max(spread, 1e-300);
  });
  return scores;
}

}  // namespace alloy

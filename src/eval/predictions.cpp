// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/predictions.hpp>

#include "eval/detail/device_of.hpp"

#include <ATen/Functions.h>
#include <torch/types.h>

#include <algorithm>
#include <chrono>
#include <limits>

namespace alloy {

namespace {

Tensor present_of(const ModalityInput& input) {
  return input.present.defined() ? input.present : at::ones({input.values.size(0)}, at::kBool);
}

/// Rows of a modality that a batch left out, so that all parts can be concatenated.
void pad_absent(ModalityMap<std::vector<ModalityLogits>>& parts, const ModelOutput& out, int64_t batch) {
  for (const auto& [name, logits] : out.modality_logits) parts[name].push_back({logits.logits.cpu(), logits.present});
  for (auto& [name, list] : parts)
    if (!out.modality_logits.contains(name)) list.push_back({at::zeros({batch, out.logits.size(1)}), at::zeros({batch}, at::kBool)});
}

/// How much the answer of `full` loses in `reduced`. [B]
Tensor loss_of_answer(const Tensor& full, const Tensor& reduced, Task task) {
  if (task == Task::classification) {
    const Tensor answer = full.argmax(1, /*keepdim=*/true);
    return (full.log_softmax(1).gather(1, answer) - reduced.log_softmax(1).gather(1, answer)).squeeze(1);
  }
  if (task == Task::regression) return (full - reduced).abs().sum(1);
  const Tensor sign = at::where(full > 0, at::ones({}, full.options()), -at::ones({}, full.options()));
  return (at::log_sigmoid(full * sign) - at::log_sigmoid(reduced * sign)).sum(1);
}

}  // namespace

Batch keep_modalities(const Batch& batch, const std::vector<std::string>& names, Tensor& rows_left) {
  Batch kept;
  Tensor any;
  for (const auto& [name, input] : batch) {
    if (std::ranges::find(names, name) == names.end()) continue;
    kept.insert(name, input);
    const Tensor present = present_of(input);
    any = any.defined() ? any.logical_or(present) : present;
  }
  rows_left = any.defined() ? any.nonzero().squeeze(1) : at::zeros({0}, at::kLong);
  return kept;
}

Predictions predict_all(FusionModel model, Loader& loader, const PredictOptions& options) {
  for (const std::string& name : options.only)
    check<ConfigError>(std::ranges::find(model->modalities(), name) != model->modalities().end(),
                       "[predict_all] expected modalities among {}, got '{}'", {model->modalities(), name});
  Predictions all;
  std::vector<Tensor> logits, targets, weights;
  ModalityMap<std::vector<ModalityLogits>> parts;
  const auto began = std::chrono::steady_clock::now();
  loader.start(0);
  LabelledBatch batch;
  int64_t done = 0;
  while (loader.next(batch)) {
    options.cancel.check("predict_all");
    if (!options.only.empty()) {
      Tensor left;
      Batch kept = keep_modalities(batch.inputs, options.only, left);
      if (left.size(0) == 0) continue;
      batch.inputs = rows(kept, left);
      if (batch.target.defined()) batch.target = batch.target.index_select(0, left);
      std::vector<std::string> ids;
      for (int64_t i = 0; i < left.size(0); ++i) ids.push_back(batch.ids[static_cast<size_t>(left[i].item<int64_t>())]);
      batch.ids = std::move(ids);
    }
    ModelOutput out;
    try {
      out = model->predict(to(batch.inputs, detail::device_of(*model)));
    } catch (const Error& error) {
      std::throw_with_nested(ModelError(format_message("[predict_all] in the batch that begins with sample '{}': {}", {batch.ids.front(), error.what()})));
    }
    logits.push_back(out.logits.cpu());
    if (batch.target.defined()) targets.push_back(batch.target);
    if (out.weights.defined()) weights.push_back(out.weights.cpu());
    if (!out.modality_logits.empty()) {
      for (const auto& item : out.modality_logits)  // a modality seen for the first time was absent in what came before
        if (!parts.contains(item.first) && done > 0)
          parts[item.first].push_back({at::zeros({done, out.logits.size(1)}), at::zeros({done}, at::kBool)});
      pad_absent(parts, out, out.logits.size(0));
    }
    done += out.logits.size(0);
    all.ids.insert(all.ids.end(), batch.ids.begin(), batch.ids.end());
    if (options.progress)
      options.progress({.stage = "predict", .done = done, .total = loader.num_samples(),
                        .seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count()});
  }
  check<DataError>(!logits.empty(), "[predict_all] expected samples with at least one of the modalities, got none");
  all.logits = at::cat(logits);
  if (!targets.empty()) all.target = at::cat(targets);
  if (!weights.empty()) all.weights = at::cat(weights);
  for (auto& [name, list] : parts) {
    std::vector<Tensor> values, present;
    for (auto& part : list) {
      values.push_back(part.logits);
      present.push_back(part.present.defined() ? part.present : at::ones({part.logits.size(0)}, at::kBool));
    }
    all.modality_logits.insert(name, {at::cat(values), at::cat(present)});
  }
  all.skipped = loader.bad_samples();
  return all;
}

Tensor leave_one_out(FusionModel model, const Batch& batch) {
  const int64_t size = batch_size(batch);
  const auto& names = model->modalities();
  const Tensor full = model->predict(batch).logits.cpu();
  Tensor result = at::full({size, static_cast<int64_t>(names.size())}, std::numeric_limits<double>::quiet_NaN(), at::kDouble);
  for (size_t m = 0; m < names.size(); ++m) {
    const ModalityInput* input = batch.find(names[m]);
    if (input == nullptr) continue;
    std::vector<std::string> others = names;
    others.erase(others.begin() + static_cast<int64_t>(m));
    Tensor left;
    const Batch kept = keep_modalities(batch, others, left);
    const Tensor affected = left.masked_select(present_of(*input).index_select(0, left));
    if (affected.size(0) == 0) continue;
    const Tensor reduced = model->predict(rows(kept, affected)).logits.cpu();
    const Tensor fall = loss_of_answer(full.index_select(0, affected), reduced, model->options().task).to(at::kDouble);
    result.select(1, static_cast<int64_t>(m)).index_copy_(0, affected, fall);
  }
  return result;
}

}  // namespace alloy

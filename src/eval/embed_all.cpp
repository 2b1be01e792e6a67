// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/embed_all.hpp>

#include "eval/detail/device_of.hpp"

#include <ATen/Functions.h>

#include <algorithm>
#include <chrono>

namespace alloy {

namespace {

struct Parts {
  std::vector<Tensor> values, samples;
};

/// Adds the rows of a batch that have the modality; `done` samples came before.
void embed_batch(JointEmbeddingImpl& model, const std::string& name, const ModalityInput& input, int64_t done, Parts& parts) {
  const Tensor rows = input.present.defined() ? input.present.nonzero().squeeze(1) : at::arange(input.values.size(0), at::kLong);  // [n]
  if (rows.size(0) == 0) return;
  const ModalityInput present = input.present.defined() ? input.rows(rows) : input;
  parts.values.push_back(model.embed(name, present.to(detail::device_of(model))).cpu());  // [n, dim]
  parts.samples.push_back(rows + done);
}

void add_target(const LabelledBatch& batch, int64_t done, std::vector<Tensor>& targets) {
  check<DataError>(batch.target.defined() == !targets.empty() || done == 0, "[embed_all] expected a target in every sample or in none, got {} from sample '{}' on",
                   {batch.target.defined() ? "some" : "none", batch.ids.front()});
  if (!batch.target.defined()) return;
  const Tensor& first = targets.empty() ? batch.target : targets.front();
  check<ShapeError>(batch.target.sizes().slice(1) == first.sizes().slice(1) && batch.target.scalar_type() == first.scalar_type(),
                    "[embed_all] expected targets as those of the first batch, {}, got {} from sample '{}' on", {first, batch.target, batch.ids.front()});
  targets.push_back(batch.target);
}

}  // namespace

EmbeddedSet embed_all(JointEmbedding model, Loader& loader, const EmbedOptions& options) {
  const auto known = model->modalities();
  for (const std::string& name : options.only)
    check<ConfigError>(std::ranges::find(known, name) != known.end(), "[embed_all] expected modalities among {}, got '{}'", {known, name});
  EmbeddedSet all;
  ModalityMap<Parts> parts;
  for (const std::string& name : known)
    if (options.only.empty() || std::ranges::find(options.only, name) != options.only.end()) parts.insert(name, {});
  std::vector<Tensor> targets;
  const auto began = std::chrono::steady_clock::now();
  loader.start(0);
  LabelledBatch batch;
  while (loader.next(batch)) {
    options.cancel.check("embed_all");
    const auto done = static_cast<int64_t>(all.ids.size());
    for (const auto& item : batch.inputs)
      check<ConfigError>(!options.only.empty() || parts.contains(item.first), "[embed_all] expected only the modalities {}, got '{}'; name those to embed in 'only'", {known, item.first});
    try {
      for (auto& [name, part] : parts)
        if (const ModalityInput* input = batch.inputs.find(name)) embed_batch(*model, name, *input, done, part);
    } catch (const Error& error) {
      std::throw_with_nested(ModelError(format_message("[embed_all] in the batch that begins with sample '{}': {}", {batch.ids.front(), error.what()})));
    }
    add_target(batch, done, targets);
    all.ids.insert(all.ids.end(), batch.ids.begin(), batch.ids.end());
    if (options.progress)
      options.progress({.stage = "embed", .done = static_cast<int64_t>(all.ids.size()), .total = loader.num_samples(),
                        .seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count()});
  }
  bool any = false;
  for (auto& [name, part] : parts) {
    any = any || !part.values.empty();
    if (part.values.empty()) all.modalities.insert(name, {at::zeros({0, model->options().dim}), at::zeros({0}, at::kLong)});
    else all.modalities.insert(name, {at::cat(part.values), at::cat(part.samples)});
  }
  check<DataError>(any, "[embed_all] expected samples with at least one of the modalities {}, got none", {parts.names()});
  if (!targets.empty()) all.target = at::cat(targets);
  all.skipped = loader.bad_samples();
  return all;
}

}  // namespace alloy

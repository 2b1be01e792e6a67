// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/dataset.hpp>

#include <ATen/Functions.h>

namespace alloy {

namespace {

/// Values of one modality over all samples; entries are null where it is absent.
ModalityInput stack_modality(const std::string& name, std::span<const Sample> samples) {
  const auto count = static_cast<int64_t>(samples.size());
  const Tensor* first = nullptr;
  int64_t longest = 0;
  bool ragged = false, missing = false;
  for (const Sample& sample : samples) {
    const Tensor* value = sample.values.find(name);
    missing = missing || value == nullptr;
    if (value == nullptr) continue;
    if (first == nullptr) first = value;
    const bool scalar = value->dim() == 0;
    const bool fits = value->scalar_type() == first->scalar_type() && value->dim() == first->dim() &&
                      (scalar || value->sizes().slice(1) == first->sizes().slice(1));
    check<ShapeError>(fits, "[collate] expected '{}' of sample '{}' to fit {} (the first axis may differ), got {}", {name, sample.id, *first, *value});
    if (scalar) continue;
    // Token ids may be as many as they like; numbers along one axis are a vector, and padding it would make it another.
    check<ShapeError>(value->dim() > 1 || !value->is_floating_point() || value->size(0) == first->size(0),
                      "[collate] expected '{}' of sample '{}' to be as wide as {}, got {}; a sequence of numbers is [T, 1]", {name, sample.id, *first, *value});
    ragged = ragged || value->size(0) != first->size(0);
    longest = std::max(longest, value->size(0));
  }
  auto shape = first->sizes().vec();
  if (!shape.empty()) shape[0] = longest;
  shape.insert(shape.begin(), count);
  ModalityInput input;
  input.values = at::zeros(shape, first->options());
  if (ragged) input.mask = at::zeros({count, longest}, at::kBool);
  if (missing) input.present = at::zeros({count}, at::kBool);
  for (int64_t b = 0; b < count; ++b) {
    const Tensor* value = samples[static_cast<size_t>(b)].values.find(name);
    if (value == nullptr) continue;
    Tensor row = input.values.select(0, b);
    if (value->dim() > 0) row = row.slice(0, 0, value->size(0));
    row.copy_(*value);
    if (ragged) input.mask.select(0, b).slice(0, 0, value->size(0)).fill_(true);
    if (missing) input.present.select(0, b).fill_(true);
  }
  return input;
}

}  // namespace

Sample MemoryDataset::get(int64_t index, Random&) const {
  check<DataError>(index >= 0 && index < size(), "[MemoryDataset] expected an index below {}, got {}", {size(), index});
  return samples_[static_cast<size_t>(index)];
}

LabelledBatch collate(std::span<const Sample> samples) {
  check<DataError>(!samples.empty(), "[collate] expected at least one sample, got none");
  LabelledBatch batch;
  std::vector<Tensor> targets;
  for (const Sample& sample : samples) {
    batch.ids.push_back(sample.id);
    for (const auto& item : sample.values)
      if (!batch.inputs.contains(item.first)) batch.inputs.insert(item.first, {});
    const Tensor& target = sample.target;
    check<ShapeError>(target.defined() == samples[0].target.defined() &&
                          (!target.defined() || (target.sizes() == samples[0].target.sizes() && target.scalar_type() == samples[0].target.scalar_type())),
                      "[collate] expected the target of sample '{}' to fit {}, got {}", {sample.id, samples[0].target, target});
    if (target.defined()) targets.push_back(target);
  }
  check<DataError>(!batch.inputs.empty(), "[collate] expected at least one modality, got none in sample '{}'", {samples[0].id});
  for (auto& [name, input] : batch.inputs) input = stack_modality(name, samples);
  if (!targets.empty()) batch.target = at::stack(targets);
  return batch;
}

}  // namespace alloy

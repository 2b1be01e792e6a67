// SPDX-License-Identifier: Apache-2.0
#include <alloy/core/fusion.hpp>

#include <ATen/Functions.h>

#include <set>

namespace alloy {

namespace {

/// Presence [B, M] on the CPU, checked: names known, batch sizes equal, somebody there in every sample.
template <class T>
Tensor presence_of(std::string_view where, const ModalityMap<T>& map, const std::vector<std::string>& modalities, int64_t batch) {
  for (const auto& item : map)
    check<ConfigError>(std::ranges::find(modalities, item.first) != modalities.end(),
                       "[{}] expected only the modalities {}, got '{}' too", {where, modalities, item.first});
  const auto count = static_cast<int64_t>(modalities.size());
  Tensor present = at::zeros({batch, count}, at::kBool);
  for (int64_t m = 0; m < count; ++m) {
    const T* item = map.find(modalities[static_cast<size_t>(m)]);
    if (item == nullptr) continue;
    if (!item->present.defined()) {
      present.select(1, m).fill_(true);
      continue;
    }
    check<ShapeError>(item->present.scalar_type() == at::kBool && item->present.is_cpu() && item->present.dim() == 1 && item->present.size(0) == batch,
                      "[{}] expected present of shape [{}], bool, on the CPU for '{}', got {}",
                      {where, batch, modalities[static_cast<size_t>(m)], item->present});
    present.select(1, m).copy_(item->present);
  }
  const Tensor none = present.any(1).logical_not().nonzero();
  if (none.size(0) > 0)
    fail<DataError>("[{}] expected at least one modality in every sample, got none of {} in sample {} of the batch",
                    {where, modalities, none.flatten()[0].template item<int64_t>()});
  return present;
}

/// The first tensor of the map: it sets batch size, device and dtype.
template <class T>
const Tensor& leading(std::string_view where, const ModalityMap<T>& map, Tensor T::*field, const std::vector<std::string>& modalities) {
  for (const auto& [name, item] : map)
    if ((item.*field).defined()) return item.*field;
  fail<DataError>("[{}] expected at least one of the modalities {}, got none", {where, modalities});
}

template <class T>
PooledInputs collect(std::string_view where, const ModalityMap<T>& map, Tensor T::*field, const std::vector<std::string>& modalities,
                     const std::vector<int64_t>& dims, std::string_view what) {
  const Tensor& lead = leading(where, map, field, modalities);
  check<ShapeError>(lead.dim() == 2, "[{}] expected {} [B, D], got {}", {where, what, lead});
  const int64_t batch = lead.size(0);
  PooledInputs result;
  const Tensor present = presence_of(where, map, modalities, batch);
  result.present = present.to(lead.device());
  for (size_t m = 0; m < modalities.size(); ++m) {
    const T* item = map.find(modalities[m]);
    if (item == nullptr) {
      result.values.push_back(at::zeros({batch, dims[m]}, lead.options()));
      continue;
    }
    const Tensor& value = item->*field;
    check<ShapeError>(value.defined() && value.dim() == 2 && value.size(0) == batch && value.size(1) == dims[m],
                      "[{}] expected {} [{}, {}] for modality '{}', got {}", {where, what, batch, dims[m], modalities[m], value});
    const bool everywhere = present.select(1, static_cast<int64_t>(m)).all().template item<bool>();
    result.values.push_back(everywhere ? value
                                       : at::where(result.present.select(1, static_cast<int64_t>(m)).unsqueeze(1), value, at::zeros({}, value.options())));
  }
  return result;
}

}  // namespace

void DecisionFusion::fit(const ModalityMap<ModalityLogits>&, const Tensor&) {}

PooledInputs collect_pooled(std::string_view where, const ModalityMap<Features>& features,
                            const std::vector<std::string>& modalities, const std::vector<int64_t>& dims) {
  return collect(where, features, &Features::pooled, modalities, dims, "pooled features");
}

PooledInputs collect_logits(std::string_view where, const ModalityMap<ModalityLogits>& logits,
                            const std::vector<std::string>& modalities) {
  const Tensor& lead = leading(where, logits, &ModalityLogits::logits, modalities);
  const int64_t outputs = lead.dim() == 2 ? lead.size(1) : 0;
  return collect(where, logits, &ModalityLogits::logits, modalities, std::vector<int64_t>(modalities.size(), outputs), "logits");
}

TokenInputs collect_tokens(std::string_view where, const ModalityMap<Features>& features,
                           const std::vector<std::string>& modalities, const std::vector<int64_t>& dims) {
  TokenInputs result;
  const Tensor& lead = leading(where, features, &Features::pooled, modalities);
  const int64_t batch = lead.size(0);
  const Tensor present = presence_of(where, features, modalities, batch);
  result.present = present.to(lead.device());
  for (size_t m = 0; m < modalities.size(); ++m) {
    const Features* item = features.find(modalities[m]);
    if (item == nullptr) {
      result.values.push_back(at::zeros({batch, 1, dims[m]}, lead.options()));
      result.masks.push_back(at::zeros({batch, 1}, lead.options().dtype(at::kBool)));
      continue;
    }
    const auto [values, given] = tokens_of(*item);
    check<ShapeError>(values.dim() == 3 && values.size(0) == batch && values.size(2) == dims[m],
                      "[{}] expected tokens [{}, T, {}] for modality '{}', got {}", {where, batch, dims[m], modalities[m], values});
    check_mask(given, batch, values.size(1), where);
    const Tensor here = result.present.select(1, static_cast<int64_t>(m)).unsqueeze(1);  // [B, 1]
    const Tensor mask = given.defined() ? given.logical_and(here) : here.expand({batch, values.size(1)});
    result.values.push_back(at::where(mask.unsqueeze(2), values, at::zeros({}, values.options())));
    result.masks.push_back(mask);
  }
  return result;
}

Tokens tokens_of(const Features& features) {
  if (features.tokens.defined()) return {features.tokens, features.mask};
  check<ShapeError>(features.pooled.defined(), "[tokens_of] expected features with pooled or tokens, got neither");
  return {features.pooled.unsqueeze(1), {}};
}

std::vector<int64_t> check_modalities(std::string_view where, const std::vector<std::string>& modalities,
                                      const std::vector<int64_t>& input_dims, int64_t dim, int64_t at_least) {
  check<ConfigError>(static_cast<int64_t>(modalities.size()) >= at_least, "[{}] expected at least {} modalities, got: {}", {where, at_least, modalities});
  std::set<std::string> seen;
  for (const std::string& name : modalities) {
    check<ConfigError>(!name.empty() && name.find('.') == std::string::npos,
                       "[{}] expected modality names that are not empty and have no dot, got: '{}'", {where, name});
    check<ConfigError>(seen.insert(name).second, "[{}] expected each modality once, got '{}' twice", {where, name});
  }
  check<ConfigError>(dim > 0, "[{}] expected dim > 0, got {}", {where, dim});
  check<ConfigError>(input_dims.empty() || input_dims.size() == modalities.size(),
                     "[{}] expected input_dims empty or one for each of {} modalities, got {}", {where, modalities.size(), input_dims});
  for (const int64_t width : input_dims)
    check<ConfigError>(width > 0, "[{}] expected input_dims > 0, got {}", {where, input_dims});
  return input_dims.empty() ? std::vector<int64_t>(modalities.size(), dim) : input_dims;
}

}  // namespace alloy

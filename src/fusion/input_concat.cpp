// SPDX-License-Identifier: Apache-2.0
#include <alloy/fusion/input_concat.hpp>

#include <ATen/Functions.h>

#include <numeric>

namespace alloy {

void InputConcatOptions::validate() const {
  check_modalities("InputConcat", modalities, channels, 1);
  check<ConfigError>(channels.size() == modalities.size(), "[InputConcat] expected channels for each of {} modalities, got {}", {modalities.size(), channels});
}

InputConcatImpl::InputConcatImpl(InputConcatOptions options) : options_(std::move(options)) { options_.validate(); }

int64_t InputConcatImpl::out_channels() const {
  return std::accumulate(options_.channels.begin(), options_.channels.end(), static_cast<int64_t>(options_.channels.size()));
}

ModalityInput InputConcatImpl::forward(const Batch& batch) {
  // The streams are handled as tokens, whose masks and presence have the same meaning.
  ModalityMap<Features> streams;
  int64_t steps = -1;
  ModalityInput result;
  for (const auto& [name, input] : batch) {
    check_shape(input.values, {-1, -1, -1}, "InputConcat", "values");
    if (steps < 0) steps = input.values.size(1);
    check<ShapeError>(input.values.size(1) == steps, "[InputConcat] expected {} steps in every modality, got {} in '{}'; resample to one clock first",
                      {steps, input.values, name});
    streams.insert(name, {.pooled = input.values.select(1, 0), .tokens = input.values, .mask = input.mask, .present = input.present, .times = input.times});
    if (!result.times.defined()) result.times = input.times;
  }
  const auto inputs = collect_tokens("InputConcat", streams, options_.modalities, options_.channels);
  std::vector<Tensor> parts;
  for (size_t m = 0; m < inputs.values.size(); ++m) {
    const Tensor& x = inputs.values[m];
    parts.push_back(x.size(1) == steps ? x : x.expand({x.size(0), steps, x.size(2)}));  // absent everywhere: one zero step
  }
  for (const Tensor& mask : inputs.masks) {
    const Tensor flag = mask.expand({mask.size(0), steps});
    parts.push_back(flag.unsqueeze(2).to(parts[0].scalar_type()));
    result.mask = result.mask.defined() ? result.mask.logical_or(flag) : flag;
  }
  result.values = at::cat(parts, 2);  // [B, T, sum C_m + M]
  return result;
}

}  // namespace alloy

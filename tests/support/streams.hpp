// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What is pushed into a StreamAligner, and all windows that come out of it.

#include <alloy/alignment/stream_aligner.hpp>

#include <limits>
#include <string>
#include <vector>

namespace alloy_test {

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInf = std::numeric_limits<double>::infinity();
using Floats = std::vector<float>;
using Stamps = std::vector<double>;

/// The numbers as stamps and values alike.
inline void push(alloy::StreamAligner& aligner, const std::string& name, const std::vector<double>& times) {
  aligner.push(name, times, std::vector<float>(times.begin(), times.end()));
}

struct Kept {
  int64_t first_step;
  alloy::StreamRelease release;
  alloy::Batch inputs;
};

inline std::vector<Kept> pop_all(alloy::StreamAligner& aligner) {
  std::vector<Kept> all;
  for (alloy::StreamWindow window = aligner.make_window(); aligner.pop(window);) {
    Kept kept{.first_step = window.first_step, .release = window.release, .inputs = {}};
    for (const auto& [name, input] : window.inputs)
      kept.inputs.insert(
          name,
          {.values = input.values.clone(), .mask = input.mask.clone(), .present = input.present.clone(), .times = input.times.clone(), .extra = {}});
    all.push_back(std::move(kept));
  }
  return all;
}

inline std::vector<float> list(const alloy::Tensor& values) {
  const alloy::Tensor flat = values.to(at::kFloat).contiguous();
  return {flat.const_data_ptr<float>(), flat.const_data_ptr<float>() + flat.numel()};
}

inline alloy::StreamAlignerOptions one(alloy::StreamModality modality) {
  return {.modalities = {modality}, .step_seconds = 1, .window_steps = 4, .hop_steps = 4, .max_delay_seconds = 100};
}

}  // namespace alloy_test

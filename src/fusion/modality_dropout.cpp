// SPDX-License-Identifier: Apache-2.0
#include <alloy/fusion/modality_dropout.hpp>

#include <ATen/Functions.h>

#include <algorithm>

namespace alloy {

namespace {

void check_rate(double rate) {
  check<ConfigError>(rate >= 0.0 && rate <= 1.0, "[ModalityDropout] expected rates in 0..1, got {}", {rate});
}

}  // namespace

void ModalityDropoutOptions::validate() const {
  check_rate(rate);
  for (const double r : rates) check_rate(r);
  check<ConfigError>(rates.size() == modalities.size(), "[ModalityDropout] expected a rate for each of {} modalities, got {}", {modalities.size(), rates.size()});
}

ModalityDropout::ModalityDropout(ModalityDropoutOptions options) : options_(std::move(options)) { options_.validate(); }

Batch ModalityDropout::operator()(const Batch& batch, Random& random) const {
  const int64_t size = batch_size(batch);
  Batch result = batch;
  std::vector<bool*> present;
  std::vector<double> rates;
  for (auto& [name, input] : result) {
    input.present = input.present.defined() ? input.present.clone() : at::ones({size}, at::kBool);
    present.push_back(input.present.mutable_data_ptr<bool>());
    const auto own = std::ranges::find(options_.modalities, name);
    rates.push_back(own == options_.modalities.end() ? options_.rate : options_.rates[static_cast<size_t>(own - options_.modalities.begin())]);
  }
  std::vector<size_t> had;
  for (int64_t b = 0; b < size; ++b) {
    had.clear();
    bool any = false;
    for (size_t m = 0; m < present.size(); ++m) {
      if (!present[m][b]) continue;
      had.push_back(m);
      present[m][b] = !random.chance(rates[m]);
      any = any || present[m][b];
    }
    if (!any && !had.empty()) present[had[static_cast<size_t>(random.below(static_cast<int64_t>(had.size())))]][b] = true;
  }
  return result;
}

}  // namespace alloy

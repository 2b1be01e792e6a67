// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Drops whole modalities from training samples, so that the model learns to do without (Neverova et al. 2016,
/// "ModDrop"). A sample never loses its last modality.

#include <alloy/core/batch.hpp>
#include <alloy/core/options.hpp>
#include <alloy/core/random.hpp>

namespace alloy {

struct ModalityDropoutOptions {
  double rate = 0.3;
  std::vector<std::string> modalities = {};
  std::vector<double> rates = {};
  static void describe(auto& self, auto&& field) {
    field("rate", self.rate, "0..1, chance that a sample loses a modality");
    field("modalities", self.modalities, "names that have rates of their own");
    field("rates", self.rates, "0..1, one for each of `modalities`");
  }
  ALLOY_API void validate() const;
};

/// No state but its options; thread safe as long as each thread has its own Random.
class ALLOY_API ModalityDropout {
 public:
  explicit ModalityDropout(ModalityDropoutOptions options);
  /// The batch with fewer `present` rows; values are shared, not copied. Where all modalities of a sample would go, one
  /// of those that it had stays, drawn evenly.
  Batch operator()(const Batch& batch, Random& random) const;
  const ModalityDropoutOptions& options() const { return options_; }

 private:
  ModalityDropoutOptions options_;
};

}  // namespace alloy

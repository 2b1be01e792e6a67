// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Streams on a common clock become one: values [B, T, C_m] are concatenated on the channel axis and one encoder reads
/// the result. The earliest fusion there is; resample the streams to one clock first.

#include <alloy/core/fusion.hpp>

namespace alloy {

struct InputConcatOptions {
  std::vector<std::string> modalities = {};
  std::vector<int64_t> channels = {};
  static void describe(auto& self, auto&& field) {
    field("modalities", self.modalities, "names, at least one, no repeats; their order is the order of channels");
    field("channels", self.channels, "channels C of each modality, > 0");
  }
  ALLOY_API void validate() const;
};

class ALLOY_API InputConcatImpl final : public InputFusion {
 public:
  using Options = InputConcatOptions;
  static constexpr auto kName = "input_concat";
  explicit InputConcatImpl(InputConcatOptions options);
  /// @param batch  values [B, T, C_m] with the same T; a modality absent everywhere may be left out
  /// @return values [B, T, sum C_m + M]: the channels, zero where absent or under mask, and one channel a modality that
  ///         is 1 where it is present, so that the encoder can tell silence from absence; mask = any modality has the step
  ModalityInput forward(const Batch& batch) override;
  const std::vector<std::string>& modalities() const override { return options_.modalities; }
  /// Channels of the result: sum of channels + number of modalities.
  int64_t out_channels() const;
  const InputConcatOptions& options() const { return options_; }

 private:
  InputConcatOptions options_;
};
using InputConcat = Holder<InputConcatImpl>;

}  // namespace alloy

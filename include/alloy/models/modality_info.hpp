// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <alloy/core/config.hpp>

namespace alloy {

/// What a modality is outside the model: how a file or a text becomes the encoder's input.
struct ModalityInfo {
  std::string name;
  std::string kind;   ///< image, audio, text or features: see make_modality_reader
  Config preprocess;  ///< options of the reader of that kind
};

/// Format of the folders that this version writes and reads.
inline constexpr int64_t kModelFormatVersion = 1;

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Base of everything that turns one modality into features. Derive from it to bring your own (docs/adding_an_encoder.md):
/// an options struct, a class with `forward` and `dim`, and `using MyEncoder = Holder<MyEncoderImpl>`.

#include <alloy/core/batch.hpp>
#include <alloy/core/features.hpp>
#include <alloy/core/holder.hpp>

namespace alloy {

class ALLOY_API Encoder : public torch::nn::Module, public Recorded {
 public:
  /// @param input  all rows present: models hand over only the rows that have the modality, at least one
  /// @return pooled [B, dim()]; tokens [B, T, token_dim()] if the encoder has tokens
  virtual Features forward(const ModalityInput& input) = 0;
  virtual int64_t dim() const = 0;
  /// Width of the tokens; 0 = no tokens.
  virtual int64_t token_dim() const { return 0; }
};

/// Runs an encoder on the rows that are present and puts zeros in the others, so that no encoder ever sees an absent
/// row. With no row present the encoder is not called; with one row in training, batch norms use their running values.
/// @param name  the modality, for messages
/// @return features of all B rows; `mask` is false in absent rows
/// @throws ModelError naming the modality if the encoder throws or its features break the contract
ALLOY_API Features encode_present(Encoder& encoder, const ModalityInput& input, std::string_view name);

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What an encoder returns and every fusion and aligner takes.

#include <alloy/core/modality_map.hpp>
#include <alloy/core/tensor.hpp>

namespace alloy {

struct Features {
  Tensor pooled;   ///< [B, D], one vector a sample
  Tensor tokens;   ///< [B, T, E]; undefined where the encoder has none; E may differ from D
  Tensor mask;     ///< [B, T] bool, true = real token; undefined = all real
  Tensor present;  ///< [B] bool on the CPU; undefined = all present
  Tensor times;    ///< [B, T] seconds; undefined = not known
};

/// The tokens and their mask; where there are no tokens, `pooled` as one token.
struct Tokens {
  Tensor values;  ///< [B, T, E]
  Tensor mask;    ///< [B, T] bool, or undefined = all real
};
ALLOY_API Tokens tokens_of(const Features& features);

/// What a feature-level fusion returns.
struct FusionOutput {
  Tensor fused;    ///< [B, D]
  Tensor weights;  ///< [B, M], rows sum to 1, absent modalities have 0; undefined where the strategy has no such quantity
  Tensor penalty;  ///< scalar to add to the loss, or undefined
};

/// What one modality says on its own, as a decision rule reads it.
struct ModalityLogits {
  Tensor logits;   ///< [B, K]
  Tensor present;  ///< [B] bool on the CPU; undefined = all present
};

/// What a decision rule returns.
struct Decision {
  Tensor log_probs;    ///< [B, K]: log-probabilities; for multilabel, log-odds of each label; for regression, values
  Tensor weights;      ///< [B, M], rows sum to 1, or undefined
  Tensor uncertainty;  ///< [B], or undefined
};

/// What a FusionModel returns.
struct ModelOutput {
  Tensor logits;                               ///< [B, K]
  Tensor fused;                                ///< [B, D]; undefined for decision rules
  Tensor weights;                              ///< [B, M] or undefined, see FusionOutput
  ModalityMap<ModalityLogits> modality_logits;  ///< decision rules only
  Tensor uncertainty;                          ///< [B] or undefined
  Tensor penalty;                              ///< scalar or undefined
};

}  // namespace alloy

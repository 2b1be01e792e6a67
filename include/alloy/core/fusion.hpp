// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The three interfaces behind every fusion strategy: on inputs, on features, on decisions. Derive from one to bring your
/// own (docs/adding_a_fusion.md). Any modality may be absent from any sample: `collect_pooled` and `collect_tokens` hand
/// out clean tensors and the presence of each, whatever the absent rows held.

#include <alloy/core/batch.hpp>
#include <alloy/core/features.hpp>
#include <alloy/core/holder.hpp>
#include <alloy/core/task.hpp>

namespace alloy {

/// Where in the network modalities meet. Input and feature are what practitioners call early, interaction is hybrid,
/// decision is late.
enum class FusionStage { input, feature, interaction, composition, decision };
constexpr auto enum_names(FusionStage) {
  return std::to_array<std::pair<FusionStage, std::string_view>>({{FusionStage::input, "input"},
                                                                  {FusionStage::feature, "feature"},
                                                                  {FusionStage::interaction, "interaction"},
                                                                  {FusionStage::composition, "composition"},
                                                                  {FusionStage::decision, "decision"}});
}

/// Early, on inputs: several modalities become one, which one encoder reads.
class ALLOY_API InputFusion : public torch::nn::Module, public Recorded {
 public:
  static constexpr FusionStage kStage = FusionStage::input;
  virtual ModalityInput forward(const Batch& batch) = 0;
  /// Names of the modalities, in the order of the options.
  virtual const std::vector<std::string>& modalities() const = 0;
};

/// Early on features, and hybrid.
class ALLOY_API Fusion : public torch::nn::Module, public Recorded {
 public:
  static constexpr FusionStage kStage = FusionStage::interaction;
  /// @param features  of the modalities named in the options; one that is absent everywhere may be left out
  virtual FusionOutput forward(const ModalityMap<Features>& features) = 0;
  virtual const std::vector<std::string>& modalities() const = 0;
  /// Width of the fused vector.
  virtual int64_t dim() const = 0;
  /// Width that the i-th modality must have: of its pooled vector, or of its tokens where `reads_tokens()`.
  virtual int64_t input_dim(size_t i) const = 0;
  virtual bool reads_tokens() const { return false; }
};

/// Late: each modality decides, decisions are combined.
class ALLOY_API DecisionFusion : public torch::nn::Module, public Recorded {
 public:
  static constexpr FusionStage kStage = FusionStage::decision;
  virtual Decision forward(const ModalityMap<ModalityLogits>& logits) = 0;
  virtual const std::vector<std::string>& modalities() const = 0;
  /// Called once, by the model that owns the rule: makes room for what the rule keeps for each output.
  /// @throws ConfigError if the rule cannot serve the task, such as a vote on regression
  virtual void prepare(Task task, int64_t outputs) = 0;
  /// Fits what the rule learns (weights, temperatures, priors) on validation data; a rule without such does nothing.
  /// @param target  [B] for classification, [B, K] otherwise
  virtual void fit(const ModalityMap<ModalityLogits>& logits, const Tensor& target);
};

/// Pooled features in the order of the options. `values[i]` is [B, D_i], rows of absent samples are zero.
struct PooledInputs {
  std::vector<Tensor> values;
  Tensor present;  ///< [B, M] bool on the device of the values
};
/// @param where  the caller, for messages
/// @param dims   width of each modality
/// @throws ShapeError if widths or batch sizes disagree; ConfigError for a modality that is not among `modalities`;
///         DataError naming the first sample that has no modality at all
ALLOY_API PooledInputs collect_pooled(std::string_view where, const ModalityMap<Features>& features,
                                      const std::vector<std::string>& modalities, const std::vector<int64_t>& dims);

/// Tokens in the order of the options. `values[i]` is [B, T_i, E_i], zero under `masks[i]` = false.
struct TokenInputs {
  std::vector<Tensor> values;
  std::vector<Tensor> masks;  ///< [B, T_i] bool, false for every token of an absent sample
  Tensor present;             ///< [B, M] bool on the device of the values
};
ALLOY_API TokenInputs collect_tokens(std::string_view where, const ModalityMap<Features>& features,
                                     const std::vector<std::string>& modalities, const std::vector<int64_t>& dims);

/// Logits in the order of the options, rows of absent samples zero; `present` as above.
ALLOY_API PooledInputs collect_logits(std::string_view where, const ModalityMap<ModalityLogits>& logits,
                                      const std::vector<std::string>& modalities);

/// Checks that names are at least `at_least`, different, not empty and without dots (they become part of weight names), and gives the width of each: `dim` where
/// `input_dims` is empty. Shared by the `validate()` of all fusions.
/// @throws ConfigError
ALLOY_API std::vector<int64_t> check_modalities(std::string_view where, const std::vector<std::string>& modalities,
                                                const std::vector<int64_t>& input_dims, int64_t dim,
                                                int64_t at_least = 1);

}  // namespace alloy

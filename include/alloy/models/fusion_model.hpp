// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Encoders, one fusion strategy of any kind, and the heads on top. Changing the strategy changes one line:
///
///     FusionModel model(GatedFusion({.modalities = {"image", "text"}, .dim = 128}), {.outputs = 10});
///     model->add("image", ConvImageEncoder({.channels = 1, .dim = 128}));
///     model->add("text", TextEncoder({.dim = 128}));
///     ModelOutput out = model->forward(batch);   // out.logits [B, 10]; any sample may lack any modality

#include <alloy/core/encoder.hpp>
#include <alloy/core/fusion.hpp>
#include <alloy/layers/linear.hpp>

#include <variant>

namespace alloy {

/// A strategy of any of the three interfaces, made from its holder.
class ALLOY_API AnyFusion {
 public:
  template <class T>
    requires(std::convertible_to<T, Handle<Fusion>> || std::convertible_to<T, Handle<DecisionFusion>> ||
             std::convertible_to<T, Handle<InputFusion>>)
  AnyFusion(const T& fusion) {  // NOLINT(google-explicit-constructor)
    if constexpr (std::convertible_to<T, Handle<Fusion>>) value_ = Handle<Fusion>(fusion);
    else if constexpr (std::convertible_to<T, Handle<DecisionFusion>>) value_ = Handle<DecisionFusion>(fusion);
    else value_ = Handle<InputFusion>(fusion);
  }
  const Handle<InputFusion>* input() const { return std::get_if<Handle<InputFusion>>(&value_); }
  const Handle<Fusion>* feature() const { return std::get_if<Handle<Fusion>>(&value_); }
  const Handle<DecisionFusion>* decision() const { return std::get_if<Handle<DecisionFusion>>(&value_); }
  const std::vector<std::string>& modalities() const;
  const ModuleRecord& record() const;

 private:
  std::variant<Handle<Fusion>, Handle<DecisionFusion>, Handle<InputFusion>> value_;
};

enum class Projection {
  never,        ///< widths that differ are an error
  when_needed,  ///< a learned linear map goes between an encoder and the fusion where widths differ
};
constexpr auto enum_names(Projection) {
  return std::to_array<std::pair<Projection, std::string_view>>({{Projection::never, "never"}, {Projection::when_needed, "when_needed"}});
}

struct FusionModelOptions {
  Task task = Task::classification;
  int64_t outputs = 2;
  Projection project = Projection::never;
  static void describe(auto& self, auto&& field) {
    field("task", self.task, "what the outputs mean");
    field("outputs", self.outputs, "number of classes, labels or values K, > 0");
    field("project", self.project, "what happens when an encoder's width is not what the fusion wants");
  }
  ALLOY_API void validate() const;
};

/// Owns its heads, shares encoders and fusion with whoever made them. In evaluation mode several threads may call
/// forward and predict on one model; training is for one thread.
class ALLOY_API FusionModelImpl final : public torch::nn::Module {
 public:
  FusionModelImpl(AnyFusion fusion, FusionModelOptions options);

  /// Adds the encoder of a modality; for an InputFusion the one encoder that reads the combined input, under any name.
  /// @throws ConfigError if the fusion does not name the modality, has it already, or wants another width
  void add(const std::string& name, Handle<Encoder> encoder);
  /// @param batch  one entry a modality; one that is absent everywhere may be left out
  /// @return logits [B, outputs]
  /// @throws ConfigError for a modality that the model does not know; DataError for a sample without any;
  ///         ModelError naming an encoder that threw or broke its contract
  ModelOutput forward(const Batch& batch);
  /// forward in evaluation mode without gradients, checked for NaN and infinity.
  /// @throws ModelError naming the encoder whose features are not finite
  ModelOutput predict(const Batch& batch);

  /// Features of each modality, projected where that is set; absent rows are zero.
  ModalityMap<Features> encode(const Batch& batch);
  /// The fusion and the head on features that are there already, such as precomputed or ablated ones.
  ModelOutput fuse(const ModalityMap<Features>& features);

  /// Replaces the decision rule and keeps encoders and heads: rules can be compared on one trained model.
  /// @throws ConfigError unless both are decision rules over the same modalities
  void replace_rule(Handle<DecisionFusion> rule);

  const AnyFusion& fusion() const { return fusion_; }
  const std::vector<std::string>& modalities() const { return fusion_.modalities(); }
  /// Encoders in the order in which they were added.
  const ModalityMap<Handle<Encoder>>& encoders() const { return encoders_; }
  Handle<Encoder> encoder(std::string_view name) const { return encoders_.at(name); }
  const FusionModelOptions& options() const { return options_; }
  int64_t num_parameters() const;

 private:
  void check_complete() const;
  void check_known(const Batch& batch) const;
  int64_t wanted_width(const std::string& name, const Encoder& encoder) const;

  AnyFusion fusion_;
  FusionModelOptions options_;
  ModalityMap<Handle<Encoder>> encoders_;
  ModalityMap<Linear> projections_;
  ModalityMap<Linear> heads_;  // one a modality for decision rules, else one named "head"
};

class FusionModel : public torch::nn::ModuleHolder<FusionModelImpl> {
 public:
  FusionModel(AnyFusion fusion, FusionModelOptions options)
      : ModuleHolder(std::make_shared<FusionModelImpl>(std::move(fusion), options)) {}
  FusionModel(std::nullptr_t) : ModuleHolder(nullptr) {}  // NOLINT(google-explicit-constructor)
};

/// A deep copy, heads and fitted rules included.
ALLOY_API FusionModel clone(const FusionModel& model);

}  // namespace alloy

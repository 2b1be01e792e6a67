// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Encoders of any number of modalities into one space, where what belongs together is near: for search across modalities
/// and for classes named by prompts. Trained by contrast; any sample may lack any modality.
///
///     JointEmbedding joint({.dim = 256});
///     joint->add("image", ConvImageEncoder({.channels = 3, .dim = 128}));
///     joint->add("text", TextEncoder({.dim = 128}));
///     Tensor scores = joint->similarity("text", "image", batch);   // [B, B]

#include <alloy/core/encoder.hpp>
#include <alloy/layers/linear.hpp>
#include <alloy/losses/pairwise.hpp>

namespace alloy {

struct JointEmbeddingOptions {
  int64_t dim = 256;
  PairwiseLossOptions loss = {};
  static void describe(auto& self, auto&& field) {
    field("dim", self.dim, "width of the space, > 0");
    field("loss", self.loss, "what training minimises; its modalities are those that are added");
  }
  ALLOY_API void validate() const;
};

/// Shares encoders with whoever made them; owns a linear map without bias from each encoder's width to the space, and the
/// loss with its scale. In evaluation mode several threads may call `embed` and `similarity` on one model.
class ALLOY_API JointEmbeddingImpl final : public torch::nn::Module {
 public:
  explicit JointEmbeddingImpl(JointEmbeddingOptions options);

  /// @throws ConfigError for a name that is taken or that a loss cannot have (see PairwiseLossOptions)
  void add(const std::string& name, Handle<Encoder> encoder);
  /// A second view of a modality, such as another picture of the same thing: a modality of its own in batches and in the
  /// loss, read by the encoder of `of`.
  /// @throws ConfigError as `add`, or if `of` is no modality that has an encoder
  void add_view(const std::string& name, const std::string& of);
  /// Embeddings of all modalities of a batch: unit rows [B, dim], zero where a sample lacks the modality.
  /// @throws ConfigError for a modality that the model does not know; ModelError naming an encoder that threw or broke its
  ///         contract. A sample may lack all modalities but one: that is nothing to learn from, and no error.
  ModalityMap<Embedded> forward(const Batch& batch);
  /// The loss of embeddings, as `forward` gives them: see PairwiseLoss. The first call fixes the modalities.
  /// @throws ConfigError with fewer than two modalities
  PairwiseLossOutput loss(const ModalityMap<Embedded>& embeddings, const PairInfo& pairs = {});
  /// Unit rows [B, dim] of one modality, in evaluation mode without gradients, checked for NaN and infinity.
  /// @throws DataError naming a sample that lacks the modality; ModelError naming the encoder whose features are not finite
  Tensor embed(const std::string& name, const ModalityInput& input);
  /// Cosine similarities [B, B] of all samples of a batch, rows by `from`, columns by `to`. @throws as `embed`
  Tensor similarity(const std::string& from, const std::string& to, const Batch& batch);

  bool has(std::string_view name) const { return owners_.contains(name); }
  /// All names, views too, in the order of `add` and `add_view`.
  std::vector<std::string> modalities() const { return owners_.names(); }
  Handle<Encoder> encoder(std::string_view name) const { return encoders_.at(owners_.at(name)); }
  /// The modality whose encoder reads `name`: itself, unless it is a view.
  const std::string& view_of(std::string_view name) const { return owners_.at(name); }
  /// The map from an encoder's width to the space.
  Linear projection(std::string_view name) const { return projections_.at(owners_.at(name)); }
  /// The loss module with its scales; made by the first call after the last `add`.
  PairwiseLoss objective();
  const JointEmbeddingOptions& options() const { return options_; }
  int64_t num_parameters() const;

 private:
  JointEmbeddingOptions options_;
  void check_new(const std::string& name) const;
  ModalityMap<std::string> owners_;  // of each modality: who has its encoder
  ModalityMap<Handle<Encoder>> encoders_;
  ModalityMap<Linear> projections_;
  PairwiseLoss objective_ = nullptr;
};

class JointEmbedding : public torch::nn::ModuleHolder<JointEmbeddingImpl> {
 public:
  JointEmbedding(JointEmbeddingOptions options) : ModuleHolder(std::make_shared<JointEmbeddingImpl>(std::move(options))) {}  // NOLINT(google-explicit-constructor)
  JointEmbedding(std::nullptr_t) : ModuleHolder(nullptr) {}                                                                 // NOLINT(google-explicit-constructor)
};

}  // namespace alloy

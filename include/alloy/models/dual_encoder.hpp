// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Two towers for pictures and texts, in CLIP's words (Radford et al. 2021). A JointEmbedding of the modalities `image` and
/// `text`, and usable wherever one is: `ContrastiveTrainer trainer(dual.joint(), {...})`.

#include <alloy/models/joint_embedding.hpp>

namespace alloy {

struct DualEncoderOptions {
  int64_t dim = 512;
  bool siglip = false;
  double scale = 0.0;
  static void describe(auto& self, auto&& field) {
    field("dim", self.dim, "width of the space, > 0");
    field("siglip", self.siglip, "the sigmoid loss instead of InfoNCE (Zhai et al. 2023)");
    field("scale", self.scale, "inverse temperature at the start; 0 = 1 / 0.07, or 10 with siglip");
  }
};

/// Shares the encoders; copies share one model. As thread safe as JointEmbedding.
class ALLOY_API DualEncoder {
 public:
  /// @throws ConfigError
  DualEncoder(const DualEncoderOptions& options, Handle<Encoder> image, Handle<Encoder> text);
  /// Unit rows [B, dim], in evaluation mode without gradients. @throws as JointEmbedding::embed
  Tensor encode_image(const ModalityInput& images) { return joint_->embed("image", images); }
  Tensor encode_text(const ModalityInput& texts) { return joint_->embed("text", texts); }
  /// logits_per_image [images, texts]: cosine times logit_scale, plus the bias of the sigmoid loss.
  Tensor logits(const ModalityInput& images, const ModalityInput& texts);
  /// The learned inverse temperature, exp of the parameter.
  double logit_scale();
  JointEmbedding joint() const { return joint_; }

 private:
  JointEmbedding joint_;
};

}  // namespace alloy

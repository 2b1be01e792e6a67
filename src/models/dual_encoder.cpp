// SPDX-License-Identifier: Apache-2.0
#include <alloy/models/dual_encoder.hpp>

#include <torch/types.h>
#include <torch/utils.h>

namespace alloy {

namespace {

JointEmbeddingOptions joint_options(const DualEncoderOptions& o) {
  JointEmbeddingOptions joint{.dim = o.dim};
  if (o.siglip) {
    joint.loss.objective = PairObjective::sigmoid;
    joint.loss.scale = {.start = 10.0, .bias = -10.0, .with_bias = true};
  }
  if (o.scale != 0) joint.loss.scale.start = o.scale;
  return joint;
}

}  // namespace

DualEncoder::DualEncoder(const DualEncoderOptions& options, Handle<Encoder> image, Handle<Encoder> text) : joint_(joint_options(options)) {
  joint_->add("image", std::move(image));
  joint_->add("text", std::move(text));
  joint_->objective();
}

Tensor DualEncoder::logits(const ModalityInput& images, const ModalityInput& texts) {
  const Tensor cosines = at::mm(encode_image(images), encode_text(texts).t());
  const torch::NoGradGuard no_grad;
  const LogitScale scale = joint_->objective()->scale("image", "text");
  const Tensor logits = cosines * scale->forward();
  return scale->bias().defined() ? logits + scale->bias() : logits;
}

double DualEncoder::logit_scale() { return joint_->objective()->scale("image", "text")->forward().item<double>(); }

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#include <alloy/models/joint_embedding.hpp>

#include "models/detail/evaluation_mode.hpp"

#include <torch/types.h>
#include <torch/utils.h>

namespace alloy {

void JointEmbeddingOptions::validate() const {
  check<ConfigError>(dim > 0, "[JointEmbedding] expected dim > 0, got {}", {dim});
  check<ConfigError>(loss.modalities.empty(), "[JointEmbedding] expected loss.modalities to be left empty, got {}; add() names them", {loss.modalities});
}

JointEmbeddingImpl::JointEmbeddingImpl(JointEmbeddingOptions options) : options_(std::move(options)) { options_.validate(); }

void JointEmbeddingImpl::check_new(const std::string& name) const {
  check<ConfigError>(!owners_.contains(name), "[JointEmbedding] expected one encoder for '{}', got a second", {name});
  check<ConfigError>(!objective_, "[JointEmbedding] expected all encoders before the first loss, got '{}' after it", {name});
}

void JointEmbeddingImpl::add(const std::string& name, Handle<Encoder> encoder) {
  check<ConfigError>(static_cast<bool>(encoder), "[JointEmbedding] expected an encoder for '{}', got none", {name});
  check_new(name);
  const Linear projection({.in_dim = encoder->dim(), .out_dim = options_.dim, .bias = false});
  register_module("encoder_" + name, encoder.ptr());
  register_module("projection_" + name, projection);
  projections_.insert(name, projection);
  encoders_.insert(name, std::move(encoder));
  owners_.insert(name, name);
}

void JointEmbeddingImpl::add_view(const std::string& name, const std::string& of) {
  check_new(name);
  check<ConfigError>(encoders_.contains(of), "[JointEmbedding] expected '{}' to be a view of one of {}, got '{}'", {name, encoders_.names(), of});
  owners_.insert(name, of);
}

PairwiseLoss JointEmbeddingImpl::objective() {
  if (!objective_) {
    PairwiseLossOptions loss = options_.loss;
    loss.modalities = modalities();
    objective_ = PairwiseLoss(std::move(loss));
    register_module("objective", objective_);
  }
  return objective_;
}

PairwiseLossOutput JointEmbeddingImpl::loss(const ModalityMap<Embedded>& embeddings, const PairInfo& pairs) { return objective()->forward(embeddings, pairs); }

ModalityMap<Embedded> JointEmbeddingImpl::forward(const Batch& batch) {
  for (const auto& item : batch) check<ConfigError>(owners_.contains(item.first), "[JointEmbedding] expected only the modalities {}, got '{}'", {modalities(), item.first});
  ModalityMap<Embedded> embeddings;
  for (const auto& [name, owner] : owners_) {
    const ModalityInput* input = batch.find(name);
    if (input == nullptr) continue;
    const Features features = encode_present(*encoders_.at(owner), *input, name);
    const Tensor x = projections_.at(owner)(features.pooled);                       // [B, dim], zero rows stay zero: no bias
    embeddings.insert(name, {x / x.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12), features.present});
  }
  return embeddings;
}

Tensor JointEmbeddingImpl::embed(const std::string& name, const ModalityInput& input) {
  check<ConfigError>(owners_.contains(name), "[JointEmbedding] expected one of the modalities {}, got '{}'", {modalities(), name});
  if (input.present.defined()) {
    const Tensor absent = input.present.logical_not().nonzero();
    check<DataError>(absent.size(0) == 0, "[JointEmbedding] expected '{}' in every sample, got none in sample {}", {name, absent.size(0) == 0 ? 0 : absent[0].item<int64_t>()});
  }
  const detail::EvaluationMode evaluation(*this);
  const c10::InferenceMode inference;
  const Tensor x = forward({{name, input}}).at(name).values;
  check<ModelError>(detail::all_finite(x), "[encoder '{}'] expected finite features, got NaN or infinity", {name});
  return x;
}

Tensor JointEmbeddingImpl::similarity(const std::string& from, const std::string& to, const Batch& batch) {
  return at::mm(embed(from, batch.at(from)), embed(to, batch.at(to)).t());
}

int64_t JointEmbeddingImpl::num_parameters() const { return detail::num_parameters(*this); }

}  // namespace alloy

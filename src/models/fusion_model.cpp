// SPDX-License-Identifier: Apache-2.0
#include <alloy/models/fusion_model.hpp>

#include "models/detail/evaluation_mode.hpp"

#include <torch/types.h>
#include <torch/utils.h>

namespace alloy {

namespace {

/// The module behind a strategy, whatever its kind.
std::shared_ptr<torch::nn::Module> module_of(const AnyFusion& fusion) {
  if (const auto* f = fusion.feature()) return f->ptr();
  if (const auto* f = fusion.decision()) return f->ptr();
  return fusion.input()->ptr();
}

}  // namespace

const std::vector<std::string>& AnyFusion::modalities() const {
  return std::visit([](const auto& f) -> const std::vector<std::string>& { return f->modalities(); }, value_);
}

const ModuleRecord& AnyFusion::record() const {
  return std::visit([](const auto& f) -> const ModuleRecord& { return f->record(); }, value_);
}

void FusionModelOptions::validate() const {
  check<ConfigError>(outputs > 0, "[FusionModel] expected outputs > 0, got {}", {outputs});
}

FusionModelImpl::FusionModelImpl(AnyFusion fusion, FusionModelOptions options) : fusion_(std::move(fusion)), options_(options) {
  options_.validate();
  register_module("fusion", module_of(fusion_));
  if (const auto* rule = fusion_.decision()) (*rule)->prepare(options_.task, options_.outputs);
  if (const auto* feature = fusion_.feature()) {
    heads_.insert("head", Linear({.in_dim = (*feature)->dim(), .out_dim = options_.outputs}));
    register_module("head", heads_.at("head"));
  }
}

int64_t FusionModelImpl::wanted_width(const std::string& name, const Encoder& encoder) const {
  const auto* feature = fusion_.feature();
  if (feature == nullptr) return encoder.dim();
  const auto place = std::ranges::find(modalities(), name) - modalities().begin();
  return (*feature)->input_dim(static_cast<size_t>(place));
}

void FusionModelImpl::add(const std::string& name, Handle<Encoder> encoder) {
  check<ConfigError>(static_cast<bool>(encoder), "[FusionModel] expected an encoder for '{}', got none", {name});
  check<ConfigError>(!encoders_.contains(name), "[FusionModel] expected one encoder for '{}', got a second", {name});
  if (fusion_.input() != nullptr) {
    check<ConfigError>(encoders_.empty(), "[FusionModel] expected one encoder for the combined input, got '{}' besides {}", {name, encoders_.names()});
  } else {
    check<ConfigError>(std::ranges::find(modalities(), name) != modalities().end(),
                       "[FusionModel] expected one of the fusion's modalities {}, got '{}'", {modalities(), name});
  }
  const auto* feature = fusion_.feature();
  const bool tokens = feature != nullptr && (*feature)->reads_tokens() && encoder->token_dim() > 0;
  const int64_t has = tokens ? encoder->token_dim() : encoder->dim();
  const int64_t wants = wanted_width(name, *encoder);
  if (has != wants) {
    check<ConfigError>(options_.project == Projection::when_needed,
                       "[FusionModel] expected {} of width {} from encoder '{}', got {}; set its dim, the fusion's input_dims, or "
                       ".project = Projection::when_needed", {tokens ? "tokens" : "features", wants, name, has});
    projections_.insert(name, Linear({.in_dim = has, .out_dim = wants}));
    register_module("projection_" + name, projections_.at(name));
  }
  if (feature == nullptr) {
    const std::string head = fusion_.decision() != nullptr ? name : "head";
    heads_.insert(head, Linear({.in_dim = encoder->dim(), .out_dim = options_.outputs}));
    register_module(head == "head" ? head : "head_" + head, heads_.at(head));
  }
  register_module("encoder_" + name, encoder.ptr());
  encoders_.insert(name, std::move(encoder));
}

void FusionModelImpl::check_complete() const {
  if (fusion_.input() != nullptr) {
    check<ConfigError>(!encoders_.empty(), "[FusionModel] expected an encoder for the combined input, got none; call add()");
    return;
  }
  for (const std::string& name : modalities())
    check<ConfigError>(encoders_.contains(name), "[FusionModel] expected an encoder for each of {}, got none for '{}'; call add()", {modalities(), name});
}

void FusionModelImpl::check_known(const Batch& batch) const {
  for (const auto& item : batch)
    check<ConfigError>(std::ranges::find(modalities(), item.first) != modalities().end(),
                       "[FusionModel] expected only the modalities {}, got '{}'", {modalities(), item.first});
}

ModalityMap<Features> FusionModelImpl::encode(const Batch& batch) {
  check_complete();
  check_known(batch);
  batch_size(batch);
  ModalityMap<Features> features;
  for (const auto& [name, encoder] : encoders_) {
    const ModalityInput* input = batch.find(name);
    if (input == nullptr) continue;
    Features f = encode_present(*encoder, *input, name);
    if (Linear* projection = projections_.find(name)) {
      if (f.tokens.defined() && fusion_.feature() != nullptr && (*fusion_.feature())->reads_tokens()) {
        f.tokens = (*projection)(f.tokens);
      } else {
        f.pooled = (*projection)(f.pooled);
        f.tokens = f.mask = Tensor();  // tokens keep the encoder's width, which nobody asked for
      }
    }
    features.insert(name, std::move(f));
  }
  return features;
}

ModelOutput FusionModelImpl::fuse(const ModalityMap<Features>& features) {
  check_complete();
  ModelOutput out;
  if (const auto* feature = fusion_.feature()) {
    FusionOutput fused = (*feature)->forward(features);
    out.logits = heads_.at("head")(fused.fused);  // [B, K]
    out.fused = fused.fused;
    out.weights = fused.weights;
    out.penalty = fused.penalty;
    return out;
  }
  const auto* rule = fusion_.decision();
  check<ConfigError>(rule != nullptr, "[FusionModel] expected a fusion of features or decisions for fuse(), got a fusion of inputs");
  for (const auto& [name, f] : features) out.modality_logits.insert(name, {heads_.at(name)(f.pooled), f.present});
  const Decision decision = (*rule)->forward(out.modality_logits);
  out.logits = decision.log_probs;
  out.weights = decision.weights;
  out.uncertainty = decision.uncertainty;
  return out;
}

ModelOutput FusionModelImpl::forward(const Batch& batch) {
  if (const auto* input = fusion_.input()) {
    check_complete();
    check_known(batch);
    batch_size(batch);
    const auto& [name, encoder] = *encoders_.begin();
    ModelOutput out;
    out.fused = encode_present(*encoder, (*input)->forward(batch), name).pooled;
    out.logits = heads_.at("head")(out.fused);
    return out;
  }
  return fuse(encode(batch));
}

ModelOutput FusionModelImpl::predict(const Batch& batch) {
  const detail::EvaluationMode evaluation(*this);
  const c10::InferenceMode inference;
  if (fusion_.input() != nullptr) {
    ModelOutput out = forward(batch);
    check<ModelError>(detail::all_finite(out.logits), "[encoder '{}'] expected finite features, got NaN or infinity", {encoders_.begin()->first});
    return out;
  }
  const auto features = encode(batch);
  ModelOutput out = fuse(features);
  if (detail::all_finite(out.logits)) return out;
  for (const auto& [name, f] : features)
    check<ModelError>(detail::all_finite(f.pooled) && detail::all_finite(f.tokens), "[encoder '{}'] expected finite features, got NaN or infinity", {name});
  fail<ModelError>("[FusionModel] expected finite logits, got NaN or infinity from the fusion, though all features are finite");
}

void FusionModelImpl::replace_rule(Handle<DecisionFusion> rule) {
  check<ConfigError>(fusion_.decision() != nullptr && rule->modalities() == modalities(),
                     "[FusionModel] expected to replace a decision rule by one over the same modalities {}, got one over {}",
                     {modalities(), rule->modalities()});
  rule->prepare(options_.task, options_.outputs);
  fusion_ = rule;
  replace_module("fusion", rule.ptr());
}

int64_t FusionModelImpl::num_parameters() const { return detail::num_parameters(*this); }

FusionModel clone(const FusionModel& model) {
  const AnyFusion& fusion = model->fusion();
  FusionModel copy = fusion.feature() ? FusionModel(clone(*fusion.feature()), model->options())
                     : fusion.decision() ? FusionModel(clone(*fusion.decision()), model->options())
                                         : FusionModel(clone(*fusion.input()), model->options());
  for (const auto& [name, encoder] : model->encoders()) copy->add(name, clone(encoder));
  detail::copy_state(*model, *copy);
  return copy;
}

}  // namespace alloy

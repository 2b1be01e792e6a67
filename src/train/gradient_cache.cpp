// SPDX-License-Identifier: Apache-2.0
#include <alloy/train/gradient_cache.hpp>

#include "core/detail/dropout_state.hpp"
#include "train/detail/parts.hpp"

#include <torch/nn/modules/batchnorm.h>
#include <torch/types.h>
#include <torch/utils.h>

namespace alloy {

namespace {

/// Embeddings of all parts, cut off from the encoders. A modality that a part lacks is absent from all of its rows.
ModalityMap<Embedded> join(const std::vector<ModalityMap<Embedded>>& parts, const std::vector<int64_t>& counts) {
  ModalityMap<Embedded> all;
  for (const auto& part : parts)
    for (const auto& [name, e] : part)
      if (!all.contains(name)) all.insert(name, {e.values, {}});  // for its width and dtype
  for (auto& [name, joined] : all) {
    std::vector<Tensor> values, present;
    for (size_t i = 0; i < parts.size(); ++i) {
      const Embedded* e = parts[i].find(name);
      values.push_back(e != nullptr ? e->values : at::zeros({counts[i], joined.values.size(1)}, joined.values.options()));
      present.push_back(e == nullptr ? at::zeros({counts[i]}, at::kBool) : e->present.defined() ? e->present : at::ones({counts[i]}, at::kBool));
    }
    joined = {at::cat(values).detach().requires_grad_(), at::cat(present)};
  }
  return all;
}

/// What the chain rule needs of a part: its graph and the gradient of its embeddings.
Tensor carried_by(const ModalityMap<Embedded>& part, const ModalityMap<Embedded>& leaves, int64_t begin) {
  Tensor carried;
  for (const auto& [name, e] : part) {
    const Tensor& grad = leaves.at(name).values.grad();
    if (!grad.defined() || !e.values.requires_grad()) continue;
    const Tensor term = (e.values * grad.narrow(0, begin, e.values.size(0))).sum();
    carried = carried.defined() ? carried + term : term;
  }
  return carried;
}

}  // namespace

void GradientCacheOptions::validate() const { check<ConfigError>(chunk_size > 0, "[cached_backward] expected chunk_size > 0, got {}", {chunk_size}); }

void refuse_batch_statistics(const JointEmbedding& model, std::string_view where) {
  for (const std::string& name : model->modalities())
    for (const auto& child : model->encoder(name)->modules()) {
      const bool uses_batch = child->as<torch::nn::BatchNorm1dImpl>() || child->as<torch::nn::BatchNorm2dImpl>() || child->as<torch::nn::BatchNorm3dImpl>();
      check<ConfigError>(!uses_batch || !child->is_training(),
                         "[{}] expected encoders without batch norm, got one in that of '{}': statistics of a part of a batch are not those of the batch; "
                         "use an encoder with layer or group norm, or freeze its statistics with eval()", {where, name});
    }
}

PairwiseLossOutput cached_backward(std::span<const Batch> parts, const std::function<ModalityMap<Embedded>(const Batch&)>& encode,
                                   const std::function<PairwiseLossOutput(const ModalityMap<Embedded>&)>& objective) {
  detail::DropoutState dropout;
  std::vector<Tensor> states;  // of the generator, before each part
  std::vector<int64_t> counts;
  std::vector<ModalityMap<Embedded>> encoded;
  {
    const torch::NoGradGuard no_grad;
    for (const Batch& part : parts) {
      states.push_back(dropout.get());
      counts.push_back(batch_size(part));
      encoded.push_back(encode(part));
    }
  }
  const Tensor after = dropout.get();
  const ModalityMap<Embedded> leaves = join(encoded, counts);
  PairwiseLossOutput out = objective(leaves);
  if (!out.total.defined()) return out;
  out.total.backward();  // the scales get their gradient here, the leaves what the second pass carries on

  int64_t begin = 0;
  for (size_t i = 0; i < parts.size(); begin += counts[i++]) {
    dropout.set(states[i]);
    const Tensor carried = carried_by(encode(parts[i]), leaves, begin);
    if (carried.defined()) carried.backward();
  }
  dropout.set(after);
  out.total = out.total.detach();
  for (auto& item : out.parts) item.second = item.second.detach();
  return out;
}

PairwiseLossOutput cached_backward(JointEmbedding model, const Batch& batch, const PairInfo& pairs, const GradientCacheOptions& options) {
  options.validate();
  refuse_batch_statistics(model, "cached_backward");
  const std::vector<Batch> parts = detail::parts_of(batch, options.chunk_size);
  return cached_backward(parts, [&](const Batch& part) { return model->forward(part); }, [&](const ModalityMap<Embedded>& all) { return model->loss(all, pairs); });
}

}  // namespace alloy

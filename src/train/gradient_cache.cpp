// SPDX-License-Identifier: Apache-2.0
#include <alloy/train/gradient_cache.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/types.h>
#include <torch/utils.h>

namespace alloy {

namespace {

void refuse_batch_statistics(const JointEmbedding& model) {
  for (const std::string& name : model->modalities())
    for (const auto& child : model->encoder(name)->modules()) {
      const bool uses_batch = child->as<torch::nn::BatchNorm1dImpl>() || child->as<torch::nn::BatchNorm2dImpl>() || child->as<torch::nn::BatchNorm3dImpl>();
      check<ConfigError>(!uses_batch || !child->is_training(),
                         "[cached_backward] expected encoders without batch norm, got one in that of '{}': statistics of a chunk are not those of the batch; "
                         "use an encoder with layer or group norm, or freeze its statistics with eval()", {name});
    }
}

/// LibTorch's generator of the CPU, from which dropout draws.
class DropoutState {
 public:
  DropoutState() : generator_(at::detail::getDefaultCPUGenerator()) {}
  Tensor get() {
    const std::scoped_lock lock(generator_.mutex());
    return generator_.get_state();
  }
  void set(const Tensor& state) {
    const std::scoped_lock lock(generator_.mutex());
    generator_.set_state(state);
  }

 private:
  at::Generator generator_;
};

struct Chunk {
  int64_t begin = 0;
  Batch batch;
  Tensor dropout;  // state of the generator before it is encoded
};

}  // namespace

void GradientCacheOptions::validate() const { check<ConfigError>(chunk_size > 0, "[cached_backward] expected chunk_size > 0, got {}", {chunk_size}); }

PairwiseLossOutput cached_backward(JointEmbedding model, const Batch& batch, const PairInfo& pairs, const GradientCacheOptions& options) {
  options.validate();
  refuse_batch_statistics(model);
  const int64_t count = batch_size(batch);
  DropoutState dropout;
  std::vector<Chunk> chunks;
  ModalityMap<Embedded> leaves;  // embeddings of the whole batch, cut off from the encoders
  {
    const torch::NoGradGuard no_grad;
    ModalityMap<std::vector<Tensor>> values, present;
    for (int64_t begin = 0; begin < count; begin += options.chunk_size) {
      const Tensor index = torch::arange(begin, std::min(begin + options.chunk_size, count));
      Chunk& chunk = chunks.emplace_back(Chunk{begin, rows(batch, index), dropout.get()});
      for (const auto& [name, e] : model->forward(chunk.batch)) {
        if (!values.contains(name)) values.insert(name, {}), present.insert(name, {});
        values.at(name).push_back(e.values);
        present.at(name).push_back(e.present);
      }
    }
    for (const auto& [name, parts] : values) leaves.insert(name, {at::cat(parts), at::cat(present.at(name))});
  }
  const Tensor after = dropout.get();
  for (auto& item : leaves) item.second.values.requires_grad_();
  PairwiseLossOutput out = model->loss(leaves, pairs);
  if (!out.total.defined()) return out;
  out.total.backward();  // the scales get their gradient here, the leaves what the second pass carries on

  for (const Chunk& chunk : chunks) {
    dropout.set(chunk.dropout);
    Tensor carried;
    for (const auto& [name, e] : model->forward(chunk.batch)) {
      const Tensor& grad = leaves.at(name).values.grad();
      if (!grad.defined() || !e.values.requires_grad()) continue;
      const Tensor term = (e.values * grad.narrow(0, chunk.begin, e.values.size(0))).sum();
      carried = carried.defined() ? carried + term : term;
    }
    if (carried.defined()) carried.backward();
  }
  dropout.set(after);
  out.total = out.total.detach();
  for (auto& item : out.parts) item.second = item.second.detach();
  return out;
}

}  // namespace alloy

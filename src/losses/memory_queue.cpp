// SPDX-License-Identifier: Apache-2.0
#include <alloy/losses/memory_queue.hpp>

#include <torch/types.h>
#include <torch/utils.h>

namespace alloy {

void MemoryQueueOptions::validate() const { check<ConfigError>(size > 0 && dim > 0, "[MemoryQueue] expected size and dim > 0, got {} and {}", {size, dim}); }

MemoryQueueImpl::MemoryQueueImpl(MemoryQueueOptions options)
    : options_(options),
      values_(register_buffer("values", torch::zeros({options.size, options.dim}))),
      ids_(register_buffer("ids", torch::full({options.size}, -1, torch::kLong))),
      place_(register_buffer("place", torch::zeros({2}, torch::kLong))) {}

int64_t MemoryQueueImpl::count() const { return place_[1].item<int64_t>(); }

Tensor MemoryQueueImpl::with(const Tensor& embeddings) const {
  check_shape(embeddings, {-1, options_.dim}, "MemoryQueue", "embeddings");
  return at::cat({embeddings, values_.narrow(0, 0, count()).to(embeddings.options())});
}

Tensor MemoryQueueImpl::with_ids(const Tensor& ids) const { return at::cat({ids, ids_.narrow(0, 0, count())}); }

void MemoryQueueImpl::push(const Tensor& embeddings, const Tensor& ids) {
  check_shape(embeddings, {-1, options_.dim}, "MemoryQueue", "embeddings");
  if (ids.defined()) check_shape(ids, {embeddings.size(0)}, "MemoryQueue", "ids");
  const torch::NoGradGuard no_grad;
  const int64_t kept = std::min(embeddings.size(0), options_.size), next = place_[0].item<int64_t>();
  const Tensor places = torch::arange(next, next + kept) % options_.size, newest = embeddings.detach().narrow(0, embeddings.size(0) - kept, kept);
  values_.index_copy_(0, places, newest.to(values_.scalar_type()));
  ids_.index_copy_(0, places, ids.defined() ? ids.narrow(0, ids.size(0) - kept, kept) : torch::full({kept}, -1, torch::kLong));
  place_[0].fill_((next + kept) % options_.size);
  place_[1].fill_(std::min(count() + kept, options_.size));
}

}  // namespace alloy

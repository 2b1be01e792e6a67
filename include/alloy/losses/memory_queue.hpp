// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A queue of past embeddings as further negatives (He et al. 2020, "MoCo"): `info_nce_against(a, queue.with(b), scale)`.

#include <alloy/core/holder.hpp>
#include <alloy/core/tensor.hpp>

namespace alloy {

struct MemoryQueueOptions {
  int64_t size = 4096;
  int64_t dim = 256;
  static void describe(auto& self, auto&& field) {
    field("size", self.size, "embeddings kept, > 0");
    field("dim", self.dim, "their width, > 0");
  }
  ALLOY_API void validate() const;
};

/// A ring, saved with the model. Not thread safe.
class ALLOY_API MemoryQueueImpl final : public torch::nn::Module {
 public:
  using Options = MemoryQueueOptions;
  static constexpr auto kName = "memory_queue";
  explicit MemoryQueueImpl(MemoryQueueOptions options);
  /// The embeddings [B, D] given, then those kept [count, D], without gradient.
  Tensor with(const Tensor& embeddings) const;
  /// Ids [B + count] that fit `with`.
  Tensor with_ids(const Tensor& ids) const;
  /// Keeps embeddings [B, D] detached, over the oldest; of more than `size` the last.
  /// @param ids  int64 [B]; undefined = -1, which is nobody's
  void push(const Tensor& embeddings, const Tensor& ids = {});
  int64_t count() const;
  const MemoryQueueOptions& options() const { return options_; }

 private:
  MemoryQueueOptions options_;
  Tensor values_, ids_, place_;  // [size, dim], [size], [2]: next place, count
};
using MemoryQueue = Holder<MemoryQueueImpl>;

}  // namespace alloy

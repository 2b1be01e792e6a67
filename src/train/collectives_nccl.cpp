// SPDX-License-Identifier: Apache-2.0
// Compiled with -DALLOY_WITH_NCCL=ON only, and untested: no machine with GPUs has run it yet.
#ifndef USE_C10D_NCCL
#define USE_C10D_NCCL
#endif
#include "train/detail/nccl_collectives.hpp"

#include <ATen/Functions.h>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include <chrono>
#include <cstdlib>

namespace alloy::detail {

namespace {

class NcclCollectives final : public Collectives {
 public:
  NcclCollectives(std::unique_ptr<Collectives> on_cpu, c10::intrusive_ptr<c10d::Backend> on_gpu) : on_cpu_(std::move(on_cpu)), on_gpu_(std::move(on_gpu)) {}

  void broadcast(const Tensor& tensor, int64_t root) override {
    if (!tensor.is_cuda()) return on_cpu_->broadcast(tensor, root);
    std::vector<Tensor> tensors{tensor};
    c10d::BroadcastOptions options;
    options.rootRank = root;
    on_gpu_->broadcast(tensors, options)->wait();
  }
  void all_reduce_sum(const Tensor& tensor) override {
    if (!tensor.is_cuda()) return on_cpu_->all_reduce_sum(tensor);
    std::vector<Tensor> tensors{tensor};
    on_gpu_->allreduce(tensors)->wait();
  }
  std::vector<Tensor> all_gather(const Tensor& tensor) override {
    if (!tensor.is_cuda()) return on_cpu_->all_gather(tensor);
    std::vector<std::vector<Tensor>> all(1);
    for (int i = 0; i < on_gpu_->getSize(); ++i) all[0].push_back(at::empty_like(tensor));
    std::vector<Tensor> tensors{tensor};
    on_gpu_->allgather(all, tensors)->wait();
    return std::move(all[0]);
  }

 private:
  std::unique_ptr<Collectives> on_cpu_;
  c10::intrusive_ptr<c10d::Backend> on_gpu_;
};

}  // namespace

std::unique_ptr<Collectives> with_nccl(std::unique_ptr<Collectives> on_cpu, const c10::intrusive_ptr<c10d::Store>& store, const ProcessGroupOptions& o) {
  // Else wait() only orders the streams, and a dead peer ends the process from another thread instead of throwing here.
  setenv("TORCH_NCCL_BLOCKING_WAIT", "1", /*replace=*/0);
  const auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = std::chrono::milliseconds(static_cast<int64_t>(o.timeout_seconds * 1000));
  return std::make_unique<NcclCollectives>(std::move(on_cpu), c10::make_intrusive<c10d::ProcessGroupNCCL>(store, static_cast<int>(o.rank), static_cast<int>(o.world_size), options));
}

}  // namespace alloy::detail

// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What ProcessGroup needs of a network: collectives of tensors that agree in shape and dtype on all processes, contiguous and
/// on the CPU, or, with ALLOY_WITH_NCCL, on a GPU. They block, and throw any std::exception on failure; after that only the destructor may be called.

#include <alloy/train/process_group.hpp>

namespace alloy::detail {

class Collectives {
 public:
  virtual ~Collectives() = default;
  virtual void broadcast(const Tensor& tensor, int64_t root) = 0;
  /// float, double or int64
  virtual void all_reduce_sum(const Tensor& tensor) = 0;
  virtual std::vector<Tensor> all_gather(const Tensor& tensor) = 0;
};

#ifdef ALLOY_WITH_NCCL
constexpr bool kTakesCuda = true;
#else
constexpr bool kTakesCuda = false;
#endif

/// LibTorch's messages go on with a stack trace.
std::string first_line(const std::exception& error);

/// Meets the other processes; more than one.
std::unique_ptr<Collectives> connect_collectives(const ProcessGroupOptions& options);

}  // namespace alloy::detail

// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Processes that train together, each on its share of the data: they meet at an address and then act in step. Over TCP on
/// the CPU, by LibTorch's c10d and Gloo; a group of one process needs neither and does nothing. See docs/distributed.md.

#include <alloy/core/options.hpp>
#include <alloy/core/tensor.hpp>

#include <memory>

namespace alloy {

struct ProcessGroupOptions {
  int64_t rank = 0;
  int64_t world_size = 1;
  std::string master_address = "127.0.0.1";
  int64_t master_port = 29500;
  double timeout_seconds = 300;
  std::string interface = {};
  bool launcher_hosts_store = false;
  int64_t attempt = 0;
  static void describe(auto& self, auto&& field) {
    field("rank", self.rank, "which of the processes this is, 0..world_size - 1");
    field("world_size", self.world_size, "how many processes there are, > 0");
    field("master_address", self.master_address, "host on which process 0 runs, where all meet");
    field("master_port", self.master_port, "a free port there, 1..65535");
    field("timeout_seconds", self.timeout_seconds, "how long a process waits for the others, to meet and in each collective, 0.1..1e6");
    field("interface", self.interface, "network interface to talk through, such as eth0; empty = loopback if the master's address is, else that of the host's name");
    field("launcher_hosts_store", self.launcher_hosts_store, "the launcher serves the meeting place, as torchrun may do, rather than process 0");
    field("attempt", self.attempt, "how often the launcher has started all processes again, >= 0: keeps attempts apart in its store");
  }
  ALLOY_API void validate() const;
};

/// From MASTER_ADDR, MASTER_PORT, RANK and WORLD_SIZE, as torchrun and most launchers set them; with these also GLOO_SOCKET_IFNAME,
/// and of torchrun TORCHELASTIC_USE_AGENT_STORE and TORCHELASTIC_RESTART_COUNT. World size 1 if none of the four is set.
/// @throws ConfigError naming the variable that is missing or no number; for a rank beyond the world
ALLOY_API ProcessGroupOptions process_group_from_environment();

/// The processes that train together. Each must make the same calls in the same order: every collective first compares what
/// the processes are about to do, so that a difference is an error on all of them and no hang.
///
/// Every collective returns or throws within the timeout, a dead peer usually shows at once. After a NetworkError the group is
/// of no use any more: end the process, start all again from the last checkpoint. After other errors it goes on. Tensors lie
/// on the CPU (or on a GPU, in a build with ALLOY_WITH_NCCL, which is untested); results have no history for autograd. Copies share the connection, which one thread at a time may use.
class ALLOY_API ProcessGroup {
 public:
  /// Meets the others; returns when all have come.
  /// @throws NetworkError if they have not within the timeout (naming who is missing, where that is known), or for an address
  ///         that cannot be reached, a port in use; ConfigError for two processes of one rank, and for more than one process
  ///         in a build without ALLOY_WITH_DISTRIBUTED
  explicit ProcessGroup(ProcessGroupOptions options);
  int64_t rank() const;
  int64_t world_size() const;
  const ProcessGroupOptions& options() const;

  /// All collectives @throws NetworkError naming the collective, if a peer is dead or does not come within the timeout;
  /// ConfigError on all processes if they are in different collectives; ShapeError on all for tensors that do not fit.

  /// Returns when all processes are here.
  void barrier();
  /// Gives `tensor` the values of that of process `root`, in place. All of one shape and dtype.
  void broadcast(Tensor& tensor, int64_t root);
  /// Replaces `tensor` by the sum over processes, in place: the same bits on all. All of one shape, floating or int64;
  /// float16 and bfloat16 are summed in float.
  void all_reduce_sum(Tensor& tensor);
  /// The tensors [N_r, ...] of all processes r, in order of rank. Numbers of rows N_r may differ and be 0, other axes and
  /// dtypes may not.
  std::vector<Tensor> all_gather(const Tensor& tensor);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace alloy

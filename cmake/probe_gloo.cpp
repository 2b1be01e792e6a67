// SPDX-License-Identifier: Apache-2.0
// Compiles and links where LibTorch has c10d with Gloo: see Distributed.cmake.
#ifndef USE_C10D_GLOO
#define USE_C10D_GLOO
#endif
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

int main() {
  const auto store = c10::make_intrusive<c10d::PrefixStore>("alloy", c10::make_intrusive<c10d::TCPStore>("127.0.0.1", c10d::TCPStoreOptions{}));
  const auto options = c10d::ProcessGroupGloo::Options::create(std::chrono::milliseconds(1));
  options->devices = {c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1"), c10d::ProcessGroupGloo::createDeviceForInterface("lo"),
                      c10d::ProcessGroupGloo::createDefaultDevice()};
  const c10::intrusive_ptr<c10d::Backend> group = c10::make_intrusive<c10d::ProcessGroupGloo>(store, 0, 1, options);
  std::vector<at::Tensor> tensors;
  return group->allreduce(tensors)->wait() ? 0 : 1;
}

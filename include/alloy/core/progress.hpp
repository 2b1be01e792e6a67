// SPDX-License-Identifier: Apache-2.0
#pragma once

/// How long calls tell where they are, and how they are stopped.

#include <alloy/core/error.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace alloy {

/// A flag shared by its copies; `cancel()` may be called from another thread or from a signal handler.
class ALLOY_API CancelToken {
 public:
  CancelToken() : flag_(std::make_shared<std::atomic<bool>>(false)) {}
  void cancel() const noexcept { flag_->store(true, std::memory_order_relaxed); }
  bool cancelled() const noexcept { return flag_->load(std::memory_order_relaxed); }
  /// @throws CancelledError naming what was stopped
  void check(const std::string& what) const {
    if (cancelled()) throw CancelledError("[" + what + "] cancelled");
  }

 private:
  std::shared_ptr<std::atomic<bool>> flag_;
};

struct Progress {
  std::string stage;  ///< what runs, such as "train gated"
  int64_t done = 0;
  int64_t total = 0;      ///< 0 = not known
  double seconds = 0;     ///< since the stage began
  std::string note = {};  ///< figures so far, such as "loss 0.412"
};
/// Called on the thread that does the work; may throw to stop it.
using ProgressCallback = std::function<void(const Progress&)>;

}  // namespace alloy

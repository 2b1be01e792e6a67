// SPDX-License-Identifier: Apache-2.0
#pragma once

/// How much memory a piece of code needed at its peak.

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>

namespace alloy_test {

/// Peak of resident bytes above those at construction, or nothing where the system does not tell or where a
/// sanitizer's own memory would be counted.
class PeakMemory {
 public:
  PeakMemory() {
    std::ofstream reset("/proc/self/clear_refs");
    reset << "5";
    reset.close();
    if (reset) start_ = field("VmRSS:");
  }
  std::optional<int64_t> bytes() const {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return std::nullopt;
#else
    const auto peak = field("VmHWM:");
    return start_ && peak ? std::optional(*peak - *start_) : std::nullopt;
#endif
  }

 private:
  static std::optional<int64_t> field(const std::string& name) {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;)
      if (int64_t kilobytes = 0; word == name && status >> kilobytes) return kilobytes * 1024;
    return std::nullopt;
  }
  std::optional<int64_t> start_;
};

}  // namespace alloy_test

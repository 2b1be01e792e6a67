// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A few of many files held open, the ones that were used last.

#include <alloy/io/file.hpp>

#include <algorithm>
#include <memory>
#include <mutex>

namespace alloy::detail {

/// Thread safe. At most `capacity` files are held, and those that callers still read from.
class OpenFiles {
 public:
  explicit OpenFiles(size_t capacity) : capacity_(capacity) {}

  /// @param index  names the file among all
  /// @throws as InputFile
  std::shared_ptr<const InputFile> open(int64_t index, const std::filesystem::path& path) {
    if (auto held = find(index)) return held;
    // Without the lock: a disk that does not answer must not stop those who read other files.
    auto opened = std::make_shared<const InputFile>(path);
    const std::scoped_lock lock(mutex_);
    if (held_.size() >= capacity_) held_.erase(held_.begin());
    held_.push_back({index, opened});
    return opened;
  }

 private:
  struct Held {
    int64_t index;
    std::shared_ptr<const InputFile> file;
  };

  std::shared_ptr<const InputFile> find(int64_t index) {
    const std::scoped_lock lock(mutex_);
    const auto found = std::find_if(held_.begin(), held_.end(), [&](const Held& held) { return held.index == index; });
    if (found == held_.end()) return nullptr;
    std::rotate(found, found + 1, held_.end());  // used last, closed last
    return held_.back().file;
  }

  size_t capacity_;
  std::mutex mutex_;
  std::vector<Held> held_;  // the longest unused first
};

}  // namespace alloy::detail

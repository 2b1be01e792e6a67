// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Samples in order of time, in a ring of fixed size.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace alloy::detail {

class StreamRing {
 public:
  enum class Inserted { last, between, duplicate, full };

  StreamRing(int64_t capacity, int64_t dim);
  int64_t size() const { return size_; }
  int64_t capacity() const { return static_cast<int64_t>(times_.size()); }
  /// Of the i-th oldest.
  double time(int64_t i) const { return times_[slot(i)]; }
  const float* values(int64_t i) const { return values_.data() + slot(i) * dim_; }

  /// Puts a sample where its time belongs; the ring is left alone if that time is taken, and if there is no room.
  Inserted insert(double time, const float* values);
  void drop_oldest(int64_t count = 1);
  /// @return how many there were
  int64_t drop_before(double time);
  void clear() { first_ = size_ = 0; }
  /// How many samples are before `time`.
  int64_t count_before(double time) const;

 private:
  std::size_t slot(int64_t i) const {
    const int64_t at = first_ + i;
    return static_cast<std::size_t>(at < capacity() ? at : at - capacity());
  }
  void move(int64_t from, int64_t to);

  std::size_t dim_;
  int64_t first_ = 0, size_ = 0;
  std::vector<double> times_;
  std::vector<float> values_;
};

}  // namespace alloy::detail

// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/stream_ring.hpp"

#include <algorithm>

namespace alloy::detail {

StreamRing::StreamRing(int64_t capacity, int64_t dim)
    : dim_(static_cast<size_t>(dim)), times_(static_cast<size_t>(capacity)), values_(static_cast<size_t>(capacity) * static_cast<size_t>(dim)) {}

StreamRing::Inserted StreamRing::insert(double time, const float* values) {
  const bool last = size_ == 0 || time > this->time(size_ - 1);
  const int64_t place = last ? size_ : count_before(time);
  if (!last && this->time(place) == time) return Inserted::duplicate;
  if (size_ == capacity()) return Inserted::full;
  ++size_;
  for (int64_t i = size_ - 1; i > place; --i) move(i - 1, i);
  times_[slot(place)] = time;
  std::copy_n(values, dim_, values_.data() + slot(place) * dim_);
  return last ? Inserted::last : Inserted::between;
}

void StreamRing::drop_oldest(int64_t count) {
  first_ = static_cast<int64_t>(slot(count));
  size_ -= count;
}

int64_t StreamRing::drop_before(double time) {
  const int64_t count = count_before(time);
  drop_oldest(count);
  return count;
}

int64_t StreamRing::count_before(double time) const {
  int64_t low = 0, high = size_;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (this->time(middle) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

void StreamRing::move(int64_t from, int64_t to) {
  times_[slot(to)] = times_[slot(from)];
  std::copy_n(values_.data() + slot(from) * dim_, dim_, values_.data() + slot(to) * dim_);
}

}  // namespace alloy::detail

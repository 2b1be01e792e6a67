// SPDX-License-Identifier: Apache-2.0
#include "losses/detail/tile_loop.hpp"

namespace alloy::detail {

namespace {

/// Fewer than 64 columns are no share of their own.
int64_t count_parts(int64_t cols) { return at::in_parallel_region() ? 1 : std::clamp<int64_t>(cols / 64, 1, at::get_num_threads()); }

/// Note [Kept pages]: the products of tiles come from LibTorch in memory of their own, a MB at a time, and glibc gives such blocks
/// back to the system as soon as they are free, to be faulted in again for the next tile: a seventh of the time of a large
/// batch. Its thresholds follow the largest block of up to 32 MB that a program has freed (mallopt(3), M_MMAP_THRESHOLD). Features
/// and gradients up to that size raise them by themselves; for larger ones a block is freed untouched that is larger than all
/// blocks of a tile together. Other allocators take no notice.
void keep_freed_pages(const Tensor& features) {
  constexpr size_t kLargestThreshold = size_t{32} << 20;
  if (features.nbytes() > kLargestThreshold) at::empty({6'000'000}, at::kByte);
}

}  // namespace

Pairs::Pairs(const Tensor& a_in, const Tensor& b_in, const Tensor& scale_in, const PairTargets& targets)
    : a(a_in.detach()), b(b_in.detach()), scale(scale_in.item<double>()), positives(targets, a_in.size(0), b_in.size(0)), parts(count_parts(b_in.size(0))) {
  keep_freed_pages(a);
}

std::pair<int64_t, int64_t> Pairs::columns(int64_t part) const {
  const int64_t steps = (b.size(0) + 15) / 16;
  const auto border = [&](int64_t k) { return std::min(steps * k / parts * 16, b.size(0)); };
  return {border(part), border(part + 1)};
}

}  // namespace alloy::detail

// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/soft_dtw_lanes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace alloy::detail {

template <class T>
void SoftDtwLanes<T>::run(std::span<const SoftLane<T>> pairs, T* out) {
  lay_out(pairs);
  forward(pairs, out);
  if (pairs[0].grad_x != nullptr || pairs[0].alignment != nullptr) backward(pairs);
}

template <class T>
void SoftDtwLanes<T>::lay_out(std::span<const SoftLane<T>> pairs) {
  std::vector<Lane<T>> x, y;
  rows_ = columns_ = 0;
  for (int64_t l = 0; l < lanes(); ++l) {  // the first one again in lanes that are free
    const SoftLane<T>& pair = pairs[static_cast<size_t>(l < std::ssize(pairs) ? l : 0)];
    x.push_back(pair.x), y.push_back(pair.y);
    rows_ = std::max(rows_, pair.x.length), columns_ = std::max(columns_, pair.y.length);
  }
  interleave<T>(x, width_, rows_, x_.resize(rows_ * width_ * lanes()));
  interleave<T>(y, width_, columns_, y_.resize(columns_ * width_ * lanes()));
  band_ = band_rows(options_, rows_, columns_);
  block_ = 4 * static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(rows_)) / 4));  // whole steps of four rows, which the kernels like
}

template <class T>
void SoftDtwLanes<T>::rows_forward(int64_t row, int64_t end, T* weights) {
  const DtwRows<T> rows{x_.get() + row * width_ * lanes(), y_.get(), m_.get(), band_.first.data() + row, band_.last.data() + row, end - row, width_};
  kernels_.soft({rows, e_.get(), static_cast<T>(-1 / (gamma_ * std::numbers::ln2)), weights, columns_});
}

template <class T>
void SoftDtwLanes<T>::forward(std::span<const SoftLane<T>> pairs, T* out) {
  const bool keeps = pairs[0].grad_x != nullptr || pairs[0].alignment != nullptr;
  T *m = m_.resize(state_size()), *e = e_.resize(state_size()),
    *kept = keeps ? kept_.resize((rows_ + block_ - 1) / block_ * 2 * state_size()) : nullptr;
  std::fill_n(m, state_size(), T(1));
  std::fill_n(e, lanes(), T(0));
  std::fill_n(e + lanes(), state_size() - lanes(), kUnreachable<T>);
  for (int64_t row = 0; row < rows_;) {
    int64_t next = rows_;  // up to where the next pair or block ends
    for (const SoftLane<T>& pair : pairs)
      if (pair.x.length > row) next = std::min(next, pair.x.length);
    if (keeps) {
      next = std::min(next, row / block_ * block_ + block_);
      if (row % block_ == 0) {
        T* state = kept + row / block_ * 2 * state_size();
        std::copy_n(e, state_size(), std::copy_n(m, state_size(), state));
      }
    }
    rows_forward(row, next, nullptr);
    row = next;
    for (size_t l = 0; l < pairs.size(); ++l) {
      if (pairs[l].x.length != row) continue;
      const auto end = static_cast<size_t>(pairs[l].y.length * lanes()) + l;
      const double log_sum = static_cast<double>(e[end]) * std::numbers::ln2 + std::log(static_cast<double>(m[end]));
      out[l] = e[end] > kUnreachable<T> / 10 ? static_cast<T>(-gamma_ * log_sum) : std::numeric_limits<T>::infinity();
    }
  }
}

template <class T>
void SoftDtwLanes<T>::backward(std::span<const SoftLane<T>> pairs) {
  std::fill_n(flow_.resize(state_size()), state_size(), T(0));
  weights_.resize(block_ * columns_ * 3 * lanes());
  if (pairs[0].alignment != nullptr) alignment_.resize(block_ * columns_ * lanes());
  if (pairs[0].grad_x != nullptr) {
    std::fill_n(grad_x_.resize(rows_ * width_ * lanes()), rows_ * width_ * lanes(), T(0));
    std::fill_n(grad_y_.resize(columns_ * width_ * lanes()), columns_ * width_ * lanes(), T(0));
  }
  for (int64_t block = (rows_ - 1) / block_ * block_; block >= 0; block -= block_) {
    const T* state = kept_.get() + block / block_ * 2 * state_size();
    std::copy_n(state, state_size(), m_.get());
    std::copy_n(state + state_size(), state_size(), e_.get());
    const int64_t block_end = std::min(block + block_, rows_);
    rows_forward(block, block_end, weights_.get());
    for (int64_t end = block_end; end > block;) {
      int64_t begin = block;  // down to where the next pair ends
      for (size_t l = 0; l < pairs.size(); ++l) {
        if (pairs[l].x.length == end) flow_.get()[static_cast<size_t>(pairs[l].y.length * lanes()) + l] += 1;
        if (pairs[l].x.length < end) begin = std::max(begin, pairs[l].x.length);
      }
      rows_backward(begin, end, block);
      end = begin;
    }
    if (pairs[0].alignment != nullptr) copy_alignment(pairs, block, block_end);
  }
  if (pairs[0].grad_x != nullptr) copy_gradients(pairs);
}

template <class T>
void SoftDtwLanes<T>::rows_backward(int64_t row, int64_t end, int64_t block) {
  const bool grads = grad_x_.get() != nullptr;
  const int64_t row_size = columns_ * lanes();
  kernels_.soft_back({x_.get() + row * width_ * lanes(), y_.get(), weights_.get() + (row - block) * 3 * row_size, flow_.get(),
                      band_.first.data() + row, band_.last.data() + row, grads ? grad_x_.get() + row * width_ * lanes() : nullptr,
                      grads ? grad_y_.get() : nullptr, alignment_.get() != nullptr ? alignment_.get() + (row - block) * row_size : nullptr, end - row,
                      columns_, width_});
}

template <class T>
void SoftDtwLanes<T>::copy_alignment(std::span<const SoftLane<T>> pairs, int64_t block, int64_t block_end) const {
  for (size_t l = 0; l < pairs.size(); ++l) {
    const SoftLane<T>& pair = pairs[l];
    for (int64_t i = block; i < std::min(block_end, pair.x.length); ++i) {
      const int64_t first = band_.first[static_cast<size_t>(i)], end = std::min(band_.last[static_cast<size_t>(i)] + 1, pair.y.length);
      for (int64_t j = first; j < end; ++j)
        pair.alignment[i * pair.alignment_stride + j] = alignment_.get()[static_cast<size_t>(((i - block) * columns_ + j) * lanes()) + l];
    }
  }
}

template <class T>
void SoftDtwLanes<T>::copy_gradients(std::span<const SoftLane<T>> pairs) const {
  for (size_t l = 0; l < pairs.size(); ++l) {
    for (int64_t k = 0; k < pairs[l].x.length * width_; ++k) pairs[l].grad_x[k] = grad_x_.get()[static_cast<size_t>(k * lanes()) + l];
    for (int64_t k = 0; k < pairs[l].y.length * width_; ++k) pairs[l].grad_y[k] = grad_y_.get()[static_cast<size_t>(k * lanes()) + l];
  }
}

template class SoftDtwLanes<float>;
template class SoftDtwLanes<double>;

}  // namespace alloy::detail

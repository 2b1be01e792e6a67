// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What StreamAligner does, on plain memory. Knows nothing of LibTorch.

#include "alignment/detail/stream_ring.hpp"

#include <alloy/alignment/stream_options.hpp>

#include <atomic>
#include <deque>
#include <mutex>
#include <optional>
#include <span>

namespace alloy::detail {

/// Where the steps of one modality are written.
struct StreamSteps {
  float* values;  ///< [L, D]
  bool* mask;     ///< [L]
  bool* present;  ///< one
};

class StreamCore {
 public:
  struct Popped {
    int64_t first_step;
    StreamRelease release;
  };

  explicit StreamCore(StreamAlignerOptions options);
  const StreamAlignerOptions& options() const { return options_; }
  /// @throws ConfigError for a name that is not known
  size_t find(std::string_view modality) const;

  void push(size_t modality, std::span<const double> times, std::span<const float> values);
  /// @param times  [L] @param steps  one a modality
  std::optional<Popped> pop(double* times, std::span<const StreamSteps> steps);
  void finish() { finished_ = true; }
  void restart(double start_seconds);
  StreamCounts counts(size_t modality) const;

 private:
  struct Stream {
    Stream(const StreamModality& modality, double step_seconds);
    StreamModality modality;
    double reach_before, reach_after;  // seconds around a step from which its value may come
    mutable std::mutex mutex;          // for all that follows but `newest`, which is written under it
    StreamRing ring;
    StreamCounts counts = {};
    double read_from = 0;      // older samples are in no window to come
    std::vector<double> sums;  // [D], of a mean
    std::atomic<double> newest;
  };

  double time_of(int64_t step) const { return options_.start_seconds + static_cast<double>(step) * options_.step_seconds; }
  double furthest() const;
  std::optional<StreamRelease> due() const;
  void accept(Stream& stream, double time, const float* values, double& furthest);
  void write_steps(Stream& stream, int64_t first_step, const StreamSteps& out) const;
  /// @param next  the first sample that is not before the step: goes on with the steps @return whether the step has a value
  bool write_step(const Stream& stream, int64_t step, int64_t& next, float* out) const;
  bool write_mean(Stream& stream, int64_t step, int64_t& next, float* out) const;

  StreamAlignerOptions options_;
  std::deque<Stream> streams_;
  std::atomic<bool> finished_ = false;
  int64_t first_step_ = 0;  // of the next window; of the thread that pops
};

}  // namespace alloy::detail

// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Several streams, each with times and a rate of its own, to windows on one clock, while they come in. Samples may come in bursts,
/// out of order, twice, late or not at all; a window waits for them, but no longer than a bounded time.
///
///     StreamAligner aligner({.modalities = {{.name = "video", .dim = 512}, {.name = "imu", .dim = 6, .method = StreamMethod::linear}}});
///     StreamWindow window = aligner.make_window();
///     aligner.push("imu", times, values);                   // from the thread of the sensor
///     while (aligner.pop(window)) model->forward(window.inputs);

#include <alloy/alignment/stream_options.hpp>
#include <alloy/core/batch.hpp>

#include <memory>
#include <span>

namespace alloy {

/// Steps first_step .. first_step + L - 1 of the clock. The tensors are written again by the next `pop` into the same window: clone what
/// has to stay.
struct StreamWindow {
  int64_t first_step = 0;
  StreamRelease release = StreamRelease::complete;
  /// A batch of one sample: values [1, L, D] float32, 0 where the mask [1, L] is false; present [1], false where no step has the
  /// modality; times [1, L] float64, the same tensor for all.
  Batch inputs;
};

/// Every `push` and `pop` works in memory that is there from the start: neither allocates.
/// Thread safety: one thread may push to a modality at a time, other threads to others, and one thread may pop, all at the same time.
/// As long as no sample is dropped, the windows depend on the samples alone, not on how they were cut into pushes or when was popped.
class ALLOY_API StreamAligner {
 public:
  explicit StreamAligner(StreamAlignerOptions options);
  ~StreamAligner();
  StreamAligner(const StreamAligner&) = delete;
  StreamAligner& operator=(const StreamAligner&) = delete;

  /// Samples in any order; what cannot be used is dropped and counted. Takes a step a sample, and one for each newer one that it overtakes.
  /// @param times   [N] seconds
  /// @param values  [N, D], row after row
  /// @throws ConfigError for an unknown modality; ShapeError if the sizes disagree; DataError after `finish`
  void push(std::string_view modality, std::span<const double> times, std::span<const float> values);
  /// The same of tensors on the CPU, [N] and [N, D]; does not allocate if they are contiguous float64 and float32.
  void push(std::string_view modality, const Tensor& times, const Tensor& values);

  /// A window for `pop` to write into.
  StreamWindow make_window() const;
  /// Writes the next window if it is due. A window that nothing came for is due as well, with masks of false.
  /// @return whether there was one @throws ShapeError for a window that `make_window` did not make
  bool pop(StreamWindow& window);

  /// Nothing more comes: `pop` hands out the rest, up to the window that reaches the newest sample.
  void finish();
  /// Forgets all samples and counts and begins at another time. While no other thread pushes or pops.
  void restart(double start_seconds);

  StreamCounts counts(std::string_view modality) const;
  const StreamAlignerOptions& options() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace alloy

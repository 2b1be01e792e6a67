// SPDX-License-Identifier: Apache-2.0
#pragma once

/// How streams are aligned while they come in (stream_aligner.hpp), and what is counted meanwhile.

#include <alloy/core/options.hpp>

#include <array>
#include <utility>

namespace alloy {

/// What stands at a step of the common clock. nearest: the sample nearest in time, the earlier of two equally near. linear: on the line
/// between the samples before and after it. window_mean: the mean of all samples from half a step before to half a step after it, so
/// that each counts once. previous: the last sample at or before it.
enum class StreamMethod { nearest, linear, window_mean, previous };
constexpr auto enum_names(StreamMethod) {
  return std::to_array<std::pair<StreamMethod, std::string_view>>({{StreamMethod::nearest, "nearest"},
                                                                   {StreamMethod::linear, "linear"},
                                                                   {StreamMethod::window_mean, "window_mean"},
                                                                   {StreamMethod::previous, "previous"}});
}

/// Which sample goes when a full buffer gets another one.
enum class StreamOverflow { drop_oldest, drop_newest };
constexpr auto enum_names(StreamOverflow) {
  return std::to_array<std::pair<StreamOverflow, std::string_view>>(
      {{StreamOverflow::drop_oldest, "drop_oldest"}, {StreamOverflow::drop_newest, "drop_newest"}});
}

struct StreamModality {
  std::string name = "";
  int64_t dim = 1;
  StreamMethod method = StreamMethod::nearest;
  double max_gap_seconds = 0.1;
  int64_t capacity = 4096;
  static void describe(auto& self, auto&& field) {
    field("name", self.name, "of the modality");
    field("dim", self.dim, "width of a sample, > 0");
    field("method", self.method, "what stands at a step of the clock");
    field("max_gap_seconds", self.max_gap_seconds,
          "> 0; nearest, previous: how far the sample may be from the step; linear: how far the two samples may be from each other");
    field("capacity", self.capacity, "samples held, >= 2: those of a window, and of the time that it may have to wait");
  }
};

struct StreamAlignerOptions {
  std::vector<StreamModality> modalities = {};
  double start_seconds = 0.0;
  double step_seconds = 0.02;
  int64_t window_steps = 50;
  int64_t hop_steps = 25;
  double reorder_seconds = 0.0;
  double max_delay_seconds = 1.0;
  double max_jump_seconds = 600.0;
  StreamOverflow overflow = StreamOverflow::drop_oldest;
  static void describe(auto& self, auto&& field) {
    field("modalities", self.modalities, "at least one, names once each");
    field("start_seconds", self.start_seconds, "time of step 0, on the clock that the stamps are from: usually that of the first sample");
    field("step_seconds", self.step_seconds, "of the common clock, > 0");
    field("window_steps", self.window_steps, "steps a window L, 1..16777216");
    field("hop_steps", self.hop_steps, "steps from window to window, 1..16777216");
    field("reorder_seconds", self.reorder_seconds, "how far a stamp may lie behind the newest of its modality, >= 0");
    field("max_delay_seconds", self.max_delay_seconds,
          "a window goes out without what is missing once any modality is that far past its last step; at least reorder_seconds and the longest "
          "reach of a method");
    field("max_jump_seconds", self.max_jump_seconds, "a stamp that far ahead of all others is an error of its clock, > 0");
    field("overflow", self.overflow, "which sample goes when a buffer is full");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Of one modality. received = held + used up + the sum of what was dropped.
struct StreamCounts {
  int64_t received = 0;
  int64_t reordered = 0;   ///< taken although a newer one was there
  int64_t not_finite = 0;  ///< dropped: NaN or infinite, in stamp or values
  int64_t ahead = 0;       ///< dropped: further ahead than max_jump_seconds
  int64_t backwards = 0;   ///< dropped: further back than reorder_seconds
  int64_t late = 0;        ///< dropped: no window to come reads it
  int64_t duplicate = 0;   ///< dropped: its stamp is held already; the first one counts
  int64_t overflow = 0;    ///< dropped: the buffer was full
  int64_t held = 0;        ///< in the buffer now
};

/// Why a window went out. complete: all modalities are past it. delay: one did not come in time. finished: nothing more comes.
enum class StreamRelease { complete, delay, finished };
constexpr auto enum_names(StreamRelease) {
  return std::to_array<std::pair<StreamRelease, std::string_view>>(
      {{StreamRelease::complete, "complete"}, {StreamRelease::delay, "delay"}, {StreamRelease::finished, "finished"}});
}

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#pragma once

/// One event recorded by two devices that started at different moments and whose clocks run at different speeds: sound whose
/// delay and drift are known exactly, to judge their estimation by. Simulated: synthetic voices and knocks, made-up rooms.

#include <alloy/core/options.hpp>
#include <alloy/core/tensor.hpp>
#include <alloy/data/speech_bank.hpp>

namespace alloy {

struct TwoRecordingsOptions {
  double seconds = 60;
  double delay_seconds = 1.5;
  double drift_ppm = 50;
  double snr_db = 10;
  double room_seconds = 0.3;
  int64_t seed = 0;
  static void describe(auto& self, auto&& field) {
    field("seconds", self.seconds, "length of the first recording, and about that of the second, 1..3600");
    field("delay_seconds", self.delay_seconds,
          "time in the second of what is at time 0 of the first, -100..100; the nearest that whole samples allow");
    field("drift_ppm", self.drift_ppm, "by how much the second clock runs faster, -10000..10000; to about 1e-6 ppm");
    field("snr_db", self.snr_db, "of the white noise that each device adds of its own, -100..100");
    field("room_seconds", self.room_seconds,
          "in which the echoes of each device's own room fall by 60 dB, 0..5; they are half as strong as the direct sound. 0 = no room");
    field("seed", self.seed, "of event, rooms and noise");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

struct TwoRecordings {
  Tensor first, second;  ///< [N1], [N2] float
  int64_t sample_rate_hz = 0;
  double delay_seconds = 0;  ///< exactly: time in second = delay + (1 + drift / 1e6) time in first
  double drift_ppm = 0;
};

/// Words of the bank in random order and voices, with pauses of 0.1 to 1.5 s, and a knock in every fourth pause.
/// @return [seconds * rate] float
ALLOY_API Tensor spoken_event(const SpeechBank& bank, double seconds, int64_t seed);

/// The second clock is simulated by libsoxr's band-limited resampling between two whole rates whose ratio is the drift.
/// @param event  [N] float, at least `seconds` + |delay| + 1 long @throws ShapeError, ConfigError (also from a build without audio files)
ALLOY_API TwoRecordings record_twice(const Tensor& event, int64_t sample_rate_hz, const TwoRecordingsOptions& options);

}  // namespace alloy

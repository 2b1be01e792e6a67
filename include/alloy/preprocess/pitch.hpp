// SPDX-License-Identifier: Apache-2.0
#pragma once

/// How high and how loud a voice is from moment to moment: fundamental frequency by YIN (de Cheveigne & Kawahara 2002), level,
/// and what is made of both: a series for encoders, and the mean pitch and rate of speaking as two plain numbers.

#include <alloy/core/options.hpp>
#include <alloy/core/tensor.hpp>

namespace alloy {

struct PitchOptions {
  int64_t sample_rate_hz = 8000;
  int64_t hop_size = 160;
  double min_hz = 50;
  double max_hz = 400;
  double threshold = 0.2;
  double silence_db = 35;
  static void describe(auto& self, auto&& field) {
    field("sample_rate_hz", self.sample_rate_hz, "of the waveforms, 1000..192000; 8000 is enough for voices and a quarter of the time of 16000");
    field("hop_size", self.hop_size, "samples from frame to frame, > 0; 160 = 20 ms");
    field("min_hz", self.min_hz, "lowest voice, > 0; two of its periods are a frame: 40 ms at 50 Hz");
    field("max_hz", self.max_hz, "highest voice, above min_hz and at most a quarter of the sample rate");
    field("threshold", self.threshold, "0..1: a frame whose normalised difference function stays above it has no pitch");
    field("silence_db", self.silence_db, "frames this much below the loudest have no pitch, > 0");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

struct PitchTrack {
  Tensor hz;        ///< [T] float, 0 where nothing is voiced
  Tensor level_db;  ///< [T] float, root mean square of the frame below the loudest frame's, -silence_db .. 0
  double frames_per_second = 0;
};

/// @param waveform  [N] floating on the CPU, finite; zeros follow one that is shorter than a frame
/// @return T = 1 + N / hop_size frames, frame t centred on sample t hop_size
/// @throws ShapeError; DataError for samples that are not finite
ALLOY_API PitchTrack pitch_track(const Tensor& waveform, const PitchOptions& options = {});

/// What of a voice is melody and stress, and not who speaks how loud: float [T, 4], of each frame
/// whole tones, six an octave, above the utterance's median pitch (0 where nothing is voiced), 1 if voiced, level in units of 20 dB, and
/// the place in the utterance, -1 .. 1.
ALLOY_API Tensor melody_series(const PitchTrack& track);

struct PitchAndRate {
  double mean_hz = 0;  ///< over voiced frames; 0 if there are none
  double syllables_per_second =
      0;  ///< peaks of the level of at least 2 dB on voiced frames, over the time from first to last voiced frame (after de Jong & Wempe 2009)
};
ALLOY_API PitchAndRate mean_pitch_and_rate(const PitchTrack& track);

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The random changes that one modality undergoes in training, as one record of options: what a config calls `augment`.
/// The defaults change nothing. They belong to a training, not to a model: they are never saved with one, and what is
/// evaluated or predicted is read without them. The same seed gives the same changes on every machine.

#include <alloy/preprocess/image.hpp>
#include <alloy/preprocess/spec_augment.hpp>
#include <alloy/preprocess/text_noise.hpp>

namespace alloy {

struct ImageAugmentOptions {
  double flip = 0.0;
  double rotation = 0.0;
  double shift = 0.0;
  double scale = 0.0;
  double shear = 0.0;
  double background = 0.0;
  double brightness = 0.0;
  double contrast = 0.0;
  double saturation = 0.0;
  double hue = 0.0;
  double blur = 0.0;
  double noise = 0.0;
  double erase = 0.0;
  static void describe(auto& self, auto&& field) {
    field("flip", self.flip, "0..1, the chance that left and right are changed; not for writing, arrows or flags");
    field("rotation", self.rotation, "degrees, 0..180, the most either way");
    field("shift", self.shift, "fraction of height and width, 0..1, the most each way");
    field("scale", self.scale, "s in 0..99: size times or divided by up to 1 + s");
    field("shear", self.shear, "degrees, 0..80, the most either way");
    field("background", self.background, "0..1, the chance of a random colour or gradient, instead of the plain background, behind what is transparent");
    field("brightness", self.brightness, "b >= 0: values times a factor in 1 - b .. 1 + b");
    field("contrast", self.contrast, "likewise, of the distance from the mean luma of the picture");
    field("saturation", self.saturation, "likewise, of the distance from the luma of the pixel");
    field("hue", self.hue, "0..0.5 of a turn of the colours, the most either way");
    field("blur", self.blur, "pixels of the result, 0..1000: sigma of a Gaussian blur, uniform up to this");
    field("noise", self.noise, "of the range 0..1, >= 0: sigma of Gaussian noise, uniform up to this");
    field("erase", self.erase, "0..1, the chance that a rectangle of 2 to 40 % of the picture is replaced by noise");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// What `transform` gives of a picture, changed at random. In this order: mirrored, moved, put on a background, scaled and
/// cropped by the transform, colours, blur, noise, erased, normalised by the transform. Moving happens before scaling, on up
/// to 9 times the final number of pixels, so that the result is about as sharp as without. Parts moved in from outside
/// are transparent: they show the background (black where the transform has none).
/// @param image  as the transform reads it: uint8 [H, W, C] on the CPU, C = 1..4
/// @return float [channels, size, size]
ALLOY_API Tensor augment_image(const Tensor& image, const ImageTransform& transform, const ImageAugmentOptions& options, Random& random);

struct AudioAugmentOptions {
  double speed = 0.0;
  double shift_seconds = 0.0;
  double noise = 0.0;
  double min_snr_db = 5.0;
  double max_snr_db = 30.0;
  double gain_db = 0.0;
  SpecAugmentOptions spec_augment = {.time_masks = 0, .frequency_masks = 0};
  static void describe(auto& self, auto&& field) {
    field("speed", self.speed, "s in 0..0.9: played by a factor of 1 - s .. 1 + s, which changes the pitch too (Ko et al. 2015)");
    field("shift_seconds", self.shift_seconds, "0..3600, the most that the sound comes earlier or later; what leaves the window is lost");
    field("noise", self.noise, "0..1, the chance of white noise");
    field("min_snr_db", self.min_snr_db, "-100..max_snr_db, signal-to-noise ratio of the loudest noise");
    field("max_snr_db", self.max_snr_db, "up to 100, of the quietest");
    field("gain_db", self.gain_db, "0..100, the most that the sound becomes louder or quieter");
    field("spec_augment", self.spec_augment, "stretches and bands of the spectrogram that are hidden; none unless time_masks or frequency_masks are given");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Speed, shift, noise and gain; what comes in from outside the waveform is silence. `spec_augment` is for the spectrogram.
/// @param waveform  [T], floating, on the CPU
/// @return [T]
ALLOY_API Tensor augment_waveform(const Tensor& waveform, int64_t sample_rate_hz, const AudioAugmentOptions& options, Random& random);

struct TextAugmentOptions {
  double drop_words = 0.0;
  TypingErrorOptions typing_errors = {.percent = 0.0};
  static void describe(auto& self, auto&& field) {
    field("drop_words", self.drop_words, "0..1, of the words, that are left out; one always stays");
    field("typing_errors", self.typing_errors, "typing errors; none unless percent is given");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Drops words (what stands between ASCII white space), then types wrong. A text with words keeps at least one.
/// @param text  UTF-8; malformed bytes become U+FFFD where typing errors are made
ALLOY_API std::string augment_text(std::string_view text, const TextAugmentOptions& options, Random& random);

}  // namespace alloy

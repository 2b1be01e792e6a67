// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Scenes for trying things out without any data: a coloured shape drawn on a picture, a sentence that names it, and a sound
/// that goes with it. Simulated, and easy: a model that does not learn them is broken, one that does has proved little.

#include <alloy/core/options.hpp>
#include <alloy/core/random.hpp>
#include <alloy/data/dataset.hpp>
#include <alloy/data/modality_reader.hpp>

namespace alloy {

/// One of 8 colours x 4 shapes x 2 sizes x 5 places = 320.
struct ShapeScene {
  int64_t color = 0;  ///< index into shape_colors()
  int64_t shape = 0;  ///< index into shape_names()
  int64_t size = 0;   ///< 0 small, 1 large
  int64_t place = 0;  ///< 0 middle, 1 left, 2 right, 3 top, 4 bottom
};

ALLOY_API const std::vector<std::string>& shape_colors();
ALLOY_API const std::vector<std::string>& shape_names();
ALLOY_API ShapeScene random_scene(Random& random);
/// "a small red circle on the left"
ALLOY_API std::string caption_of(const ShapeScene& scene);
/// Shape, place and background vary a little by `random`.
/// @param pixels  side of the picture, 8..1024
/// @return uint8 [pixels, pixels, 3]
ALLOY_API Tensor draw_scene(const ShapeScene& scene, int64_t pixels, Random& random);
/// Tones whose pitch tells the colour, whose number tells the shape and whose loudness tells the size; the place is not heard. Some noise.
/// @return float [samples] in -1..1 at `sample_rate_hz`
ALLOY_API Tensor sound_of(const ShapeScene& scene, int64_t sample_rate_hz, int64_t samples, Random& random);

struct ShapesDatasetOptions {
  int64_t samples = 1000;
  int64_t seed = 0;
  std::string image = "image";
  std::string text = "text";
  std::string sound = "";
  double missing = 0.0;
  ImageTransformOptions transform = {.size = 32};
  Config text_options = {};
  std::string text_kind = "text";
  LogMelOptions log_mel = {.sample_rate_hz = 8000, .window_size = 256, .fft_size = 256, .hop_size = 128, .mel_bins = 32};
  static void describe(auto& self, auto&& field) {
    field("samples", self.samples, "scenes, > 0");
    field("seed", self.seed, "of the scenes; another seed, other scenes");
    field("image", self.image, "name of the modality; empty = no pictures");
    field("text", self.text, "name of the modality; empty = no captions");
    field("sound", self.sound, "name of the modality; empty = no sounds");
    field("missing", self.missing, "0..1, chance that a sample lacks one modality, which is drawn");
    field("transform", self.transform, "of the pictures, which are drawn at its size");
    field("text_options", self.text_options, "of the captions' reader");
    field("text_kind", self.text_kind, "kind of the captions' reader: text, hashed_text");
    field("log_mel", self.log_mel, "of the sounds, of 0.5 s");
  }
  ALLOY_API void validate() const;
};

/// The id of a sample is its caption, so that scenes that look alike are no negatives of one another; its target is the
/// class colour * 4 + shape. Thread safe.
class ALLOY_API ShapesDataset final : public Dataset {
 public:
  explicit ShapesDataset(ShapesDatasetOptions options);
  int64_t size() const override { return options_.samples; }
  Sample get(int64_t index, Random& random) const override;
  /// The scene of a sample, which does not change.
  ShapeScene scene(int64_t index) const;

 private:
  ShapesDatasetOptions options_;
  ImageTransform transform_;
  LogMel log_mel_;
  std::shared_ptr<const ModalityReader> reader_;
};

/// The classes of ShapesDataset's targets: "red circle" ...
ALLOY_API std::vector<std::string> shape_classes();

}  // namespace alloy

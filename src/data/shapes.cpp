// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/shapes.hpp>

#include <torch/types.h>

#include <array>
#include <cmath>
#include <numbers>

namespace alloy {

namespace {

constexpr int64_t kPlaces = 5, kSizes = 2;
constexpr std::array<std::array<double, 3>, 8> kColors{{{220, 40, 40}, {40, 170, 60}, {50, 80, 220}, {235, 205, 40}, {150, 60, 190}, {240, 140, 30}, {40, 190, 200}, {240, 130, 180}}};
constexpr std::array kPlaceNames{"in the middle", "on the left", "on the right", "at the top", "at the bottom"};
constexpr std::array<std::array<double, 2>, 5> kPlacePoints{{{0.5, 0.5}, {0.27, 0.5}, {0.73, 0.5}, {0.5, 0.27}, {0.5, 0.73}}};  // x, y
constexpr double kSoundSeconds = 0.5;

/// Whether a point, in units of the shape's radius, lies in the shape.
bool inside(int64_t shape, double x, double y) {
  switch (shape) {
    case 0: return x * x + y * y < 1;                                                             // circle
    case 1: return std::max(std::abs(x), std::abs(y)) < 0.85;                                     // square
    case 2: return y < 0.8 && y > -1 && std::abs(x) < (y + 1) / 1.8;                              // triangle
    default: return std::min(std::abs(x), std::abs(y)) < 0.3 && std::max(std::abs(x), std::abs(y)) < 1;  // cross
  }
}

}  // namespace

const std::vector<std::string>& shape_colors() {
  static const std::vector<std::string> names{"red", "green", "blue", "yellow", "purple", "orange", "cyan", "pink"};
  return names;
}

const std::vector<std::string>& shape_names() {
  static const std::vector<std::string> names{"circle", "square", "triangle", "cross"};
  return names;
}

std::vector<std::string> shape_classes() {
  std::vector<std::string> classes;
  for (const std::string& color : shape_colors())
    for (const std::string& shape : shape_names()) classes.push_back(color + " " + shape);
  return classes;
}

ShapeScene random_scene(Random& random) {
  ShapeScene scene;
  scene.color = random.below(static_cast<int64_t>(shape_colors().size()));
  scene.shape = random.below(static_cast<int64_t>(shape_names().size()));
  scene.size = random.below(kSizes);
  scene.place = random.below(kPlaces);
  return scene;
}

std::string caption_of(const ShapeScene& s) {
  return std::string("a ") + (s.size == 0 ? "small " : "large ") + shape_colors().at(static_cast<size_t>(s.color)) + " " + shape_names().at(static_cast<size_t>(s.shape)) + " " +
         kPlaceNames.at(static_cast<size_t>(s.place));
}

Tensor draw_scene(const ShapeScene& s, int64_t pixels, Random& random) {
  check<ConfigError>(pixels >= 8 && pixels <= 1024, "[draw_scene] expected 8..1024 pixels, got {}", {pixels});
  const double radius = (s.size == 0 ? 0.12 : 0.22) * random.uniform(0.9, 1.1), grey = random.uniform(170, 250);
  const double x0 = kPlacePoints.at(static_cast<size_t>(s.place))[0] + random.uniform(-0.04, 0.04), y0 = kPlacePoints.at(static_cast<size_t>(s.place))[1] + random.uniform(-0.04, 0.04);
  std::array<double, 3> color = kColors.at(static_cast<size_t>(s.color));
  for (double& c : color) c = std::clamp(c + random.uniform(-12, 12), 0.0, 255.0);
  Tensor picture = torch::empty({pixels, pixels, 3}, torch::kByte);
  auto* out = picture.mutable_data_ptr<uint8_t>();
  for (int64_t row = 0; row < pixels; ++row)
    for (int64_t column = 0; column < pixels; ++column) {
      const double x = ((static_cast<double>(column) + 0.5) / static_cast<double>(pixels) - x0) / radius, y = ((static_cast<double>(row) + 0.5) / static_cast<double>(pixels) - y0) / radius;
      const bool in = inside(s.shape, x, y);
      const double noise = random.uniform(-8, 8);
      for (const double c : color) *out++ = static_cast<uint8_t>(std::clamp((in ? c : grey) + noise, 0.0, 255.0));
    }
  return picture;
}

Tensor sound_of(const ShapeScene& s, int64_t sample_rate_hz, int64_t samples, Random& random) {
  check<ConfigError>(sample_rate_hz >= 4000 && samples > 0, "[sound_of] expected sample_rate_hz >= 4000 and samples > 0, got {} and {}", {sample_rate_hz, samples});
  const double pitch = 300 * std::pow(2.0, static_cast<double>(s.color) / 4) * random.uniform(0.99, 1.01), loudness = s.size == 0 ? 0.15 : 0.6;
  const auto tones = static_cast<double>(s.shape + 1);
  Tensor wave = torch::empty({samples}, torch::kFloat);
  auto* out = wave.mutable_data_ptr<float>();
  for (int64_t i = 0; i < samples; ++i) {
    const double t = static_cast<double>(i) / static_cast<double>(sample_rate_hz), beat = static_cast<double>(i) / static_cast<double>(samples) * tones;
    const bool on = beat - std::floor(beat) < 0.6;
    out[i] = static_cast<float>((on ? loudness * std::sin(2 * std::numbers::pi * pitch * t) : 0.0) + 0.01 * random.normal());
  }
  return wave;
}

void ShapesDatasetOptions::validate() const {
  check<ConfigError>(samples > 0, "[ShapesDataset] expected samples > 0, got {}", {samples});
  check<ConfigError>(missing >= 0 && missing <= 1, "[ShapesDataset] expected missing in 0..1, got {}", {missing});
  check<ConfigError>(!image.empty() || !text.empty() || !sound.empty(), "[ShapesDataset] expected at least one modality, got none");
  transform.validate();
  log_mel.validate();
}

ShapesDataset::ShapesDataset(ShapesDatasetOptions options)
    : options_((options.validate(), std::move(options))), transform_(options_.transform), log_mel_(options_.log_mel), reader_(make_modality_reader(options_.text_kind, options_.text_options, "/text_options")) {}

ShapeScene ShapesDataset::scene(int64_t index) const {
  check<DataError>(index >= 0 && index < size(), "[ShapesDataset] expected an index below {}, got {}", {size(), index});
  Random random(mix_seed({static_cast<uint64_t>(options_.seed), static_cast<uint64_t>(index), 0x736870}));
  return random_scene(random);
}

Sample ShapesDataset::get(int64_t index, Random& random) const {
  const ShapeScene s = scene(index);
  Sample sample{.id = caption_of(s), .values = {}, .target = torch::tensor(s.color * static_cast<int64_t>(shape_names().size()) + s.shape)};
  std::vector<std::string> names;
  for (const std::string* name : {&options_.image, &options_.text, &options_.sound})
    if (!name->empty()) names.push_back(*name);
  Random gaps(mix_seed({static_cast<uint64_t>(options_.seed), static_cast<uint64_t>(index), 0x676170}));  // a sample always lacks the same one
  const std::string missing = names.size() > 1 && gaps.chance(options_.missing) ? names[static_cast<size_t>(gaps.below(static_cast<int64_t>(names.size())))] : "";
  for (const std::string& name : names) {
    if (name == missing) continue;
    if (name == options_.image) sample.values.insert(name, transform_(draw_scene(s, options_.transform.size, random)));
    else if (name == options_.text) sample.values.insert(name, reader_->read(sample.id));
    else sample.values.insert(name, log_mel_(sound_of(s, options_.log_mel.sample_rate_hz, static_cast<int64_t>(kSoundSeconds * static_cast<double>(options_.log_mel.sample_rate_hz)), random)));
  }
  return sample;
}

}  // namespace alloy

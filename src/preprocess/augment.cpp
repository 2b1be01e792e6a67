// SPDX-License-Identifier: Apache-2.0
#include <alloy/preprocess/augment.hpp>

#include <alloy/preprocess/background.hpp>
#include <alloy/preprocess/color_jitter.hpp>
#include <alloy/preprocess/image_affine.hpp>
#include <alloy/preprocess/image_augment.hpp>
#include <alloy/preprocess/waveform.hpp>

#include <torch/types.h>

#include <cmath>

namespace alloy {

namespace {

constexpr double kOversampling = 3;  // a picture that is moved has at most the square of this times the pixels of its result

RandomAffineOptions affine_options(const ImageAugmentOptions& o) {
  return {.rotation = o.rotation, .shift = o.shift, .min_scale = 1 / (1 + o.scale), .max_scale = 1 + o.scale, .shear = o.shear};
}
ColorJitterOptions color_options(const ImageAugmentOptions& o) {
  return {.brightness = o.brightness, .contrast = o.contrast, .saturation = o.saturation, .hue = o.hue};
}

void check_chance(std::string_view name, double value) {
  check<ConfigError>(value >= 0 && value <= 1, "[augment] expected {} in 0..1, got {}", {name, value});
}

/// Colours times alpha, and alpha, as float [C + 1, H, W] in 0..1; large pictures are scaled down. Colours are multiplied
/// first, so that the hidden colour of transparent pixels does not bleed into their neighbours.
Tensor layers_of(const Tensor& image, const ImageTransform& transform) {
  const ImageTransformOptions& o = transform.options();
  const bool transparent = image.size(2) % 2 == 0 && !o.background.empty();
  const int64_t colours = image.size(2) <= 2 ? 1 : 3;
  Tensor colour = convert_channels(image.narrow(2, 0, colours), o.channels);  // [H, W, C]
  Tensor alpha = transparent ? image.narrow(2, colours, 1) : at::full({image.size(0), image.size(1), 1}, 255, image.options());
  if (transparent) colour = flatten_alpha(at::cat({colour, alpha}, 2), {0.0});
  const auto height = static_cast<double>(image.size(0)), width = static_cast<double>(image.size(1));
  const double shrink = kOversampling * static_cast<double>(o.size) / std::sqrt(height * width);
  if (shrink < 1) {
    const ImageSize size{std::max<int64_t>(std::llround(height * shrink), 1), std::max<int64_t>(std::llround(width * shrink), 1)};
    colour = resize_image(colour, size, o.interpolation);
    alpha = resize_image(alpha, size, o.interpolation);
  }
  return image_to_tensor(at::cat({colour, alpha}, 2));
}

Tensor backdrop_of(const ImageTransform& transform, const ImageAugmentOptions& o, ImageSize size, Random& random) {
  const ImageTransformOptions& t = transform.options();
  if (random.chance(o.background)) return random_backdrop(t.channels, size, {}, random);
  return torch::tensor(t.background.empty() ? std::vector<double>{0.0} : t.background, torch::kFloat).view({-1, 1, 1});
}

/// What can only be done before a picture is put on its background; the result is opaque pixels.
Tensor moved(const Tensor& image, const ImageTransform& transform, const ImageAugmentOptions& o, Random& random) {
  Tensor layers = layers_of(image, transform);  // [C + 1, H, W]
  if (o.flip > 0) layers = random_horizontal_flip(layers, random, o.flip);
  if (o.rotation > 0 || o.shift > 0 || o.scale > 0 || o.shear > 0) layers = random_affine(layers, affine_options(o), random);
  const int64_t channels = layers.size(0) - 1;
  const Tensor backdrop = backdrop_of(transform, o, {layers.size(1), layers.size(2)}, random);
  const Tensor opaque = layers.narrow(0, 0, channels) + (1 - layers.narrow(0, channels, 1)) * backdrop;  // [C, H, W]
  return opaque.mul(255).round_().clamp_(0, 255).to(at::kByte).permute({1, 2, 0}).contiguous();           // [H, W, C]
}

/// x [T] read at every `factor`-th place, between samples by linear interpolation; silence after the end.
Tensor played_faster(const Tensor& x, double factor) {
  const Tensor place = torch::arange(x.size(0), torch::kDouble) * factor;
  const Tensor before = place.floor();
  const Tensor padded = at::constant_pad_nd(x, {0, 2}), index = before.to(at::kLong).clamp_max(x.size(0));
  return at::lerp(padded.index_select(0, index), padded.index_select(0, index + 1), (place - before).to(x.scalar_type()));
}

/// Later by `samples`, earlier where it is negative; silence comes in.
Tensor shifted(const Tensor& x, int64_t samples) { return at::constant_pad_nd(x, {samples, -samples}); }

}  // namespace

void ImageAugmentOptions::validate() const {
  check_chance("flip", flip);
  check_chance("background", background);
  check_chance("erase", erase);
  check<ConfigError>(scale >= 0 && scale <= 99, "[augment] expected scale in 0..99, got {}", {scale});
  check<ConfigError>(blur >= 0 && blur <= 1000, "[augment] expected blur in 0..1000, got {}", {blur});
  check<ConfigError>(noise >= 0 && std::isfinite(noise), "[augment] expected noise >= 0 and finite, got {}", {noise});
  affine_options(*this).validate();
  color_options(*this).validate();
}

Tensor augment_image(const Tensor& image, const ImageTransform& transform, const ImageAugmentOptions& o, Random& random) {
  o.validate();
  check<ShapeError>(image.defined() && image.dim() == 3 && image.scalar_type() == at::kByte && image.is_cpu() && image.numel() > 0 && image.size(2) <= 4,
                    "[augment_image] expected an image uint8 [H, W, 1..4] on the CPU, got {}", {image});
  const bool transparent = image.size(2) % 2 == 0 && !transform.options().background.empty();
  const bool moves = o.flip > 0 || o.rotation > 0 || o.shift > 0 || o.scale > 0 || o.shear > 0 || (o.background > 0 && transparent);
  Tensor x = transform.scale(moves ? moved(image, transform, o, random) : image);  // [C, size, size] in 0..1
  if (o.brightness > 0 || o.contrast > 0 || o.saturation > 0 || o.hue > 0) x = color_jitter(x, color_options(o), random);
  if (o.blur > 0) x = gaussian_blur(x, random.uniform(0, o.blur));
  if (o.noise > 0) x = add_gaussian_noise(x, random.uniform(0, o.noise), random);
  if (o.erase > 0) x = random_erasing(x, {.probability = o.erase}, random);
  return transform.normalise(x);
}

void AudioAugmentOptions::validate() const {
  check_chance("noise", noise);
  check<ConfigError>(speed >= 0 && speed <= 0.9, "[augment] expected speed in 0..0.9, got {}", {speed});
  check<ConfigError>(shift_seconds >= 0 && shift_seconds <= 3600, "[augment] expected shift_seconds in 0..3600, got {}", {shift_seconds});
  check<ConfigError>(min_snr_db >= -100 && min_snr_db <= max_snr_db && max_snr_db <= 100, "[augment] expected -100 <= min_snr_db <= max_snr_db <= 100, got {} and {}",
                     {min_snr_db, max_snr_db});
  check<ConfigError>(gain_db >= 0 && gain_db <= 100, "[augment] expected gain_db in 0..100, got {}", {gain_db});
  spec_augment.validate();
}

Tensor augment_waveform(const Tensor& waveform, int64_t sample_rate_hz, const AudioAugmentOptions& o, Random& random) {
  o.validate();
  check<ShapeError>(waveform.defined() && waveform.dim() == 1 && waveform.is_cpu() && at::isFloatingType(waveform.scalar_type()) && waveform.numel() > 0,
                    "[augment_waveform] expected a floating waveform [T] on the CPU, got {}", {waveform});
  check<ConfigError>(sample_rate_hz > 0, "[augment_waveform] expected a sample rate > 0, got {}", {sample_rate_hz});
  Tensor x = waveform.clone();
  if (o.speed > 0) x = played_faster(x, random.uniform(1 - o.speed, 1 + o.speed));
  if (o.shift_seconds > 0) {
    const auto most = static_cast<double>(x.size(0));
    const double samples = random.uniform(-o.shift_seconds, o.shift_seconds) * static_cast<double>(sample_rate_hz);
    x = shifted(x, std::llround(std::clamp(samples, -most, most)));
  }
  if (random.chance(o.noise)) x = add_noise(x, random.uniform(o.min_snr_db, o.max_snr_db), random);
  if (o.gain_db > 0) x = x * std::pow(10.0, random.uniform(-o.gain_db, o.gain_db) / 20);
  return x;
}

void TextAugmentOptions::validate() const {
  check_chance("drop_words", drop_words);
  typing_errors.validate();
}

std::string augment_text(std::string_view text, const TextAugmentOptions& o, Random& random) {
  o.validate();
  std::string kept(text);
  if (o.drop_words > 0) {
    constexpr std::string_view kSpace = " \t\n\r\v\f";
    std::vector<std::string_view> words;
    for (size_t begin = text.find_first_not_of(kSpace); begin != std::string_view::npos;) {
      const size_t end = std::min(text.find_first_of(kSpace, begin), text.size());
      words.push_back(text.substr(begin, end - begin));
      begin = text.find_first_not_of(kSpace, end);
    }
    // One stays whatever is drawn for it, so that all are as likely to be the last.
    const int64_t stays = words.empty() ? -1 : random.below(std::ssize(words));
    kept.clear();
    for (size_t i = 0; i < words.size(); ++i)
      if (const bool dropped = random.chance(o.drop_words); !dropped || static_cast<int64_t>(i) == stays) kept.append(kept.empty() ? "" : " ").append(words[i]);
  }
  return o.typing_errors.percent > 0 ? add_typing_errors(kept, o.typing_errors, random) : kept;
}

}  // namespace alloy

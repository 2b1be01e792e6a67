// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/html_report.hpp>

#include <algorithm>
#include <cmath>

namespace alloy::html {

namespace {

bool has_size(int64_t width, int64_t height) {
  constexpr int64_t kMostSide = 4096;
  return width > 0 && height > 0 && width <= kMostSide && height <= kMostSide;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const auto byte = [&](size_t i) { return at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0u; };
    const uint32_t group = byte(0) << 16 | byte(1) << 8 | byte(2);
    for (size_t i = 0; i < 4; ++i) out += at + i <= bytes.size() ? kDigits[group >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

uint8_t srgb_byte(double linear) {
  const double x = std::clamp(linear, 0.0, 1.0);
  return static_cast<uint8_t>(std::lround(255 * (x <= 0.0031308 ? 12.92 * x : 1.055 * std::pow(x, 1 / 2.4) - 0.055)));
}

}  // namespace

std::string picture_uri(const Image& image) {
  if (!has_size(image.width, image.height)) return {};
  try {
    return "data:image/png;base64," + base64(encode_png(image));
  } catch (const Error&) {  // sizes that do not fit, or built without image files
    return {};
  }
}

Image spectrogram_picture(int64_t frames, int64_t bins, std::span<const float> values) {
  if (!has_size(frames, bins) || static_cast<size_t>(frames * bins) != values.size()) return {};
  double low = 0, high = 0;
  bool any = false;
  for (const float v : values) {
    if (!std::isfinite(v)) continue;
    low = any ? std::min<double>(low, v) : v;
    high = any ? std::max<double>(high, v) : v;
    any = true;
  }
  Image image{.width = frames, .height = bins, .channels = 3};
  for (int64_t y = 0; y < bins; ++y) {
    for (int64_t x = 0; x < frames; ++x) {
      const double v = values[static_cast<size_t>(x * bins + bins - 1 - y)];
      const auto colour = heat_colour(std::isfinite(v) && high > low ? (v - low) / (high - low) : 0);
      image.pixels.insert(image.pixels.end(), colour.begin(), colour.end());
    }
  }
  return image;
}

std::array<uint8_t, 3> heat_colour(double position) {
  const double t = std::isfinite(position) ? std::clamp(position, 0.0, 1.0) : 0;
  const double lightness = 0.16 + 0.80 * t, chroma = 0.03 + 0.15 * std::sin(3.0 * std::min(1.0, 0.12 + 0.88 * t));
  const double hue = (-80 + 185 * t) * 3.14159265358979 / 180;  // degrees: blue, purple, red, orange, yellow
  const double a = chroma * std::cos(hue), b = chroma * std::sin(hue);
  const auto cube = [](double x) { return x * x * x; };
  const double l = cube(lightness + 0.3963377774 * a + 0.2158037573 * b);
  const double m = cube(lightness - 0.1055613458 * a - 0.0638541728 * b);
  const double s = cube(lightness - 0.0894841775 * a - 1.2914855480 * b);
  return {srgb_byte(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s), srgb_byte(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
          srgb_byte(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)};
}

}  // namespace alloy::html

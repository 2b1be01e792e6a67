// SPDX-License-Identifier: Apache-2.0
#include "html_parts.hpp"

#include <alloy/io/image_file.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace alloy::demo::html {

namespace {

constexpr auto kMinus = "−", kNarrowSpace = "\u202f";
constexpr std::array<std::string_view, 4> kStages = {"single", "early", "hybrid", "late"};

/// Of a finite value; the sign is lost where only zeros are left.
std::string fixed(double value, int decimals, std::string_view minus) {
  std::array<char, 400> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::abs(value), std::chars_format::fixed, decimals).ptr;
  const std::string digits(buffer.data(), end);
  const bool zero = digits.find_first_not_of("0.") == std::string::npos;
  return value < 0 && !zero ? std::string(minus) + digits : digits;
}

std::string png_uri(const Image& image) {
  try {
    return "data:image/png;base64," + base64(encode_png(image));
  } catch (const Error&) {  // built without image files
    return {};
  }
}

bool holds(int64_t rows, int64_t columns, size_t values) {
  constexpr int64_t kMaxSide = 4096;
  return rows > 0 && columns > 0 && rows <= kMaxSide && columns <= kMaxSide && static_cast<size_t>(rows * columns) == values;
}

uint8_t srgb_byte(double linear) {
  const double x = std::clamp(linear, 0.0, 1.0);
  return static_cast<uint8_t>(std::lround(255 * (x <= 0.0031308 ? 12.92 * x : 1.055 * std::pow(x, 1 / 2.4) - 0.055)));
}

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      case '\n': case '\t': out += c; break;
      default: (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) ? out += "\ufffd" : out += c;
    }
  }
  return out;
}

std::string clip(std::string_view text, int64_t max_characters) {
  int64_t characters = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
    if (begins && ++characters > max_characters) return std::string(text.substr(0, at)) + "…";
  }
  return std::string(text);
}

std::string joined(const std::vector<std::string>& names, std::string_view separator) {
  if (names.empty()) return "none";
  std::string out = escape(names.front());
  for (size_t i = 1; i < names.size(); ++i) out.append(separator).append(escape(names[i]));
  return out;
}

std::string number(double value, int decimals) { return std::isfinite(value) ? fixed(value, decimals, kMinus) : kNone; }

std::string signed_number(double value, int decimals) {
  const std::string text = number(value, decimals);
  return value > 0 && std::isfinite(value) ? "+" + text : text;
}

std::string percent(double share) { return number(100 * share, 1); }

std::string grouped(int64_t value) {
  std::string text = std::to_string(value);
  for (auto at = static_cast<int64_t>(text.size()) - 3; at > (value < 0 ? 1 : 0); at -= 3) text.insert(static_cast<size_t>(at), kNarrowSpace);
  return text;
}

std::string px(double value) { return std::isfinite(value) ? fixed(value, 1, "-") : "0"; }

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

std::string picture_uri(int64_t side, const std::vector<uint8_t>& pixels) {
  if (!holds(side, side, pixels.size())) return {};
  return png_uri({.width = side, .height = side, .channels = 1, .pixels = pixels});
}

std::string spectrogram_uri(int64_t frames, int64_t bins, const std::vector<float>& values) {
  if (!holds(frames, bins, values.size())) return {};
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
  return png_uri(image);
}

std::array<uint8_t, 3> heat_colour(double position) {
  const double t = std::clamp(position, 0.0, 1.0);
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

int stage_rank(std::string_view stage) { return static_cast<int>(std::find(kStages.begin(), kStages.end(), stage) - kStages.begin()); }

std::string_view stage_class(std::string_view stage) {
  const auto rank = static_cast<size_t>(stage_rank(stage));
  return rank < kStages.size() ? kStages[rank] : "other";
}

}  // namespace alloy::demo::html

// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What every part of the report is written with: escaped text, numbers, pictures, and the style sheet.
/// Numbers do not depend on the locale; what is not finite reads as a dash.

#include <alloy/core/check.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace alloy::demo::html {

/// Replaces each `{}` by the next value. The values are put in as they are: escape what is not markup.
inline std::string fill(std::string_view pattern, std::initializer_list<MessageArg> values) { return format_message(pattern, values); }

inline constexpr auto kNone = "–";  ///< where there is no value

/// Text for elements and quoted attributes. Control characters become U+FFFD.
std::string escape(std::string_view text);
/// The first characters of a text, with an ellipsis where some are left out; not escaped.
std::string clip(std::string_view text, int64_t max_characters);
/// "image + audio", escaped; `none` for an empty list.
std::string joined(const std::vector<std::string>& names, std::string_view separator);

/// Fixed decimals, a true minus sign.
std::string number(double value, int decimals);
/// As `number`, with a plus sign where it is positive.
std::string signed_number(double value, int decimals);
/// 0.9321 reads `93.2`.
std::string percent(double share);
/// 1234567 reads `1 234 567`, with narrow no-break spaces.
std::string grouped(int64_t value);
/// A coordinate of SVG; 0 for what is not finite.
std::string px(double value);

std::string base64(std::string_view bytes);
/// `data:image/png;base64,...` of grey pixels [side, side]; empty where they are no picture.
std::string picture_uri(int64_t side, const std::vector<uint8_t>& pixels);
/// The same of a spectrogram [frames, bins]: time left to right, low frequencies at the bottom, its own range of values.
std::string spectrogram_uri(int64_t frames, int64_t bins, const std::vector<float>& values);
/// sRGB of 0..1 on a map whose lightness rises evenly (in Oklab; Ottosson 2020), from dark blue over red to pale yellow.
std::array<uint8_t, 3> heat_colour(double position);

/// 0 single, 1 early, 2 hybrid, 3 late, 4 anything else.
int stage_rank(std::string_view stage);
/// The CSS class of a stage: its name, or `other`.
std::string_view stage_class(std::string_view stage);

std::string_view style_sheet();

}  // namespace alloy::demo::html

// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Builds a report as one HTML file of its own: style sheet and pictures inside, no scripts, nothing loaded from elsewhere,
/// light or dark as the reader's system is. Functions take plain text and return markup; what they take as markup says so.
///
///     std::string body = "<h1>" + html::escape(name) + "</h1>" + html::section("loss", "Loss", html::line_chart({...}));
///     write_file("report.html", html::page({.title = name, .body = body}));

#include <alloy/core/check.hpp>
#include <alloy/io/image_file.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace alloy::html {

/// Replaces each `{}` by the next value. The values are put in as they are: escape what is not markup.
inline std::string fill(std::string_view pattern, std::initializer_list<MessageArg> values) { return format_message(pattern, values); }

inline constexpr auto kNone = "–";  ///< where there is no value

/// Text for elements and quoted attributes. Control characters and malformed UTF-8 become U+FFFD.
ALLOY_API std::string escape(std::string_view text);
/// The first characters of a text, with an ellipsis where some are left out; not escaped.
ALLOY_API std::string clip(std::string_view text, int64_t max_characters);
/// "image + audio", escaped; `none` for an empty list.
ALLOY_API std::string joined(const std::vector<std::string>& names, std::string_view separator);

/// Fixed decimals, a true minus sign; a dash for what is not finite. Numbers do not depend on the locale.
ALLOY_API std::string number(double value, int decimals);
/// As `number`, with a plus sign where it is positive.
ALLOY_API std::string signed_number(double value, int decimals);
/// 0.9321 reads `93.2`.
ALLOY_API std::string percent(double share);
/// 1234567 reads `1 234 567`, with narrow no-break spaces.
ALLOY_API std::string grouped(int64_t value);
/// Up to `digits` significant digits, whole numbers below ten million in full: 0.00012, 12 345, 1.5e−9.
ALLOY_API std::string brief(double value, int digits = 4);

/// `data:image/png;base64,...`; empty where the sizes are no picture's (1..4096 a side) or alloy was built without image
/// files (ALLOY_WITH_IMAGE_FILES).
ALLOY_API std::string picture_uri(const Image& image);
/// A spectrogram as picture: time left to right, low frequencies at the bottom, its own range of values.
/// @param values  [frames, bins]; an empty picture where they do not fit
ALLOY_API Image spectrogram_picture(int64_t frames, int64_t bins, std::span<const float> values);
/// sRGB of 0..1 on a map whose lightness rises evenly (in Oklab; Ottosson 2020), from dark blue over red to pale yellow.
ALLOY_API std::array<uint8_t, 3> heat_colour(double position);

/// A whole page.
struct Page {
  std::string title;
  std::string style = {};  ///< CSS after that of the library; as it is
  std::string body = {};   ///< markup
};
ALLOY_API std::string page(const Page& page);
/// @param id  letters, digits and `-`: for links @param body  markup
ALLOY_API std::string section(std::string_view id, std::string_view heading, std::string_view body);
/// What is folded away until one asks for it. @param body  markup
ALLOY_API std::string details(std::string_view summary, std::string_view body);

enum class ColumnKind { text, number, row_name };
struct Column {
  std::string name;  ///< markup, so that a name may break
  ColumnKind kind = ColumnKind::text;
};
struct Cell {
  std::string content;  ///< markup
  std::string css = {};  ///< classes, besides that of the column: best, mark, right, wrong, stage, part (indented)
};
struct Table {
  std::string caption;  ///< read aloud, not shown
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;  ///< one cell a column
};
/// Scrolls sideways where it is wider than the page. @throws ShapeError for a row of another length
ALLOY_API std::string table(const Table& table);

enum class Mark { none, right, wrong };
/// A picture, or a text where there is none.
struct Tile {
  std::string text = {};     ///< of a picture: what it shows, for those who cannot see it
  Image picture = {};
  std::string caption = {};
  Mark mark = Mark::none;
};
struct GalleryRow {
  std::string heading;
  Tile query;
  std::vector<Tile> results;  ///< in order
};
/// What was asked, and what was answered, a row each.
ALLOY_API std::string gallery(const std::vector<GalleryRow>& rows);

}  // namespace alloy::html

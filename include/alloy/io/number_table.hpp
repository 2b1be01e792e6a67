// SPDX-License-Identifier: Apache-2.0
#pragma once

/// CSV files of numbers alone, such as recorded series: a line a row, as many numbers in each.

#include <alloy/core/export.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace alloy {

/// A value: `values[row * width + column]`.
struct NumberTable {
  std::vector<std::string> columns = {};  ///< names of the columns, empty if the file has none
  std::vector<double> values = {};        ///< [rows, width], finite
  int64_t width = 0;
  int64_t rows() const { return width == 0 ? 0 : static_cast<int64_t>(values.size()) / width; }
};

struct NumberTableLimits {
  int64_t max_file_bytes = int64_t{1} << 30;
  int64_t max_values = 100'000'000;
  int64_t max_columns = 10'000;
};

/// Commas part the cells, spaces around a cell are nothing. A first line names the columns if each of its cells looks like a name: it
/// begins with a letter or `_`, or stands in quotes, between which commas part nothing and "" is a quote. Numbers have no quotes. Blank
/// lines and a byte order mark are skipped, lines end in LF or CRLF.
/// @throws IoError if the file cannot be read; DataError naming the line and cell: a cell that is no finite number (an empty one, nan,
///         1e999), a first line of neither numbers nor names (1.5.2, 0x10, names beside numbers), rows of unequal width, no row, more
///         than a limit
ALLOY_API NumberTable read_number_table(const std::filesystem::path& path, const NumberTableLimits& limits = {});
/// @param where  what the text is (a file name), for messages
ALLOY_API NumberTable parse_number_table(std::string_view text, std::string_view where, const NumberTableLimits& limits = {});

}  // namespace alloy

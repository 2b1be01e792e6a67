// SPDX-License-Identifier: Apache-2.0
#include <alloy/io/number_table.hpp>

#include "core/detail/utf8.hpp"

#include <alloy/core/check.hpp>
#include <alloy/io/file.hpp>

#include <utf8proc.h>

#include <charconv>
#include <cmath>
#include <locale>
#include <optional>
#include <sstream>

namespace alloy {

namespace {

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

/// Of the whole cell; also nan and inf.
std::optional<double> number(std::string_view cell) {
  if (cell.starts_with('+')) {
    cell.remove_prefix(1);
    if (cell.starts_with('+') || cell.starts_with('-')) return std::nullopt;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error == std::errc::result_out_of_range && end == cell.data() + cell.size()) {
    std::istringstream text{std::string(cell)};
    text.imbue(std::locale::classic());
    text >> value;  // too small: about 0; too large: the largest double
    return std::abs(value) < 1 ? value : HUGE_VAL;
  }
  if (error != std::errc() || end != cell.data() + cell.size()) return std::nullopt;
  return value;
}

/// As it may stand in a message: short, of printable characters.
std::string shown(std::string_view cell) {
  std::string text(cell.substr(0, 40));
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F) c = '?';
  return text + (cell.size() > 40 ? "..." : "");
}

/// Where the text in quotes ends that `text` begins with, 0 if it begins with none, npos if the last quote is missing.
size_t quoted_size(std::string_view text) {
  if (!text.starts_with('"')) return 0;
  size_t end = text.find('"', 1);
  while (end != std::string_view::npos && text.substr(end + 1).starts_with('"')) end = text.find('"', end + 2);
  return end == std::string_view::npos ? end : end + 1;
}

/// Calls `visit(column, cell)` for the cells of a line.
template <class Visit>
void for_each_cell(std::string_view line, const Visit& visit) {
  for (int64_t column = 0;; ++column) {
    const size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
    const size_t comma = line.find(',', begin + std::min(quoted_size(line.substr(begin)), line.size()));
    visit(column, trimmed(line.substr(0, comma)));
    if (comma == std::string_view::npos) return;
    line.remove_prefix(comma + 1);
  }
}

/// Of a column: the cell without quotes; nothing if it does not look like a name.
std::optional<std::string> name(std::string_view cell) {
  if (cell.size() > 1 && quoted_size(cell) == cell.size()) {
    std::string text;
    for (size_t i = 1; i + 1 < cell.size(); i += cell[i] == '"' ? 2 : 1) text += cell[i];
    return text;
  }
  if (cell.empty()) return std::nullopt;
  std::string_view rest = cell;
  const utf8proc_category_t first = utf8proc_category(static_cast<utf8proc_int32_t>(detail::next_code_point(rest)));
  const bool letter = first >= UTF8PROC_CATEGORY_LU && first <= UTF8PROC_CATEGORY_LO;
  return letter || cell.front() == '_' ? std::optional(std::string(cell)) : std::nullopt;
}

class TableReader {
 public:
  TableReader(std::string_view where, const NumberTableLimits& limits) : where_(where), limits_(limits) {}

  void line(int64_t number_of_line, std::string_view line) {
    const bool first = table_.width == 0;
    if (first) begin(number_of_line, line);
    if (!first || table_.columns.empty()) row(number_of_line, line);
  }
  NumberTable take() {
    check<DataError>(!table_.values.empty(), "[{}] expected at least one row of numbers, got none", {where_});
    return std::move(table_);
  }

 private:
  /// Numbers alone, nan among them, are a row; names alone are names.
  void begin(int64_t number_of_line, std::string_view line) {
    int64_t numbers = 0;
    for_each_cell(line, [&](int64_t column, std::string_view cell) {
      check<DataError>(column < limits_.max_columns, "[{}, line {}] expected at most {} columns, got more",
                       {where_, number_of_line, limits_.max_columns});
      table_.width = column + 1;
      if (number(cell)) ++numbers;
      else if (std::optional<std::string> found = name(cell)) table_.columns.push_back(*std::move(found));
      else
        fail<DataError>("[{}, line {}] expected a number in column {}, or a name that begins with a letter, '_' or '\"', got '{}'",
                        {where_, number_of_line, column + 1, shown(cell)});
    });
    check<DataError>(numbers == 0 || table_.columns.empty(),
                     "[{}, line {}] expected numbers or names of columns, got both, such as the name '{}'; a name that is a number stands in quotes",
                     {where_, number_of_line, table_.columns.empty() ? "" : shown(table_.columns[0])});
  }
  void row(int64_t number_of_line, std::string_view line) {
    int64_t count = 0;
    for_each_cell(line, [&](int64_t column, std::string_view cell) {
      count = column + 1;
      if (count > table_.width) return;
      const std::optional<double> value = number(cell);
      if (!value || !std::isfinite(*value))
        fail<DataError>("[{}, line {}] expected a finite number in column {}, got '{}'", {where_, number_of_line, count, shown(cell)});
      table_.values.push_back(*value);
    });
    check<DataError>(count == table_.width, "[{}, line {}] expected {} numbers as in the lines above, got {}",
                     {where_, number_of_line, table_.width, count});
    check<DataError>(static_cast<int64_t>(table_.values.size()) <= limits_.max_values, "[{}, line {}] expected at most {} numbers, got more",
                     {where_, number_of_line, limits_.max_values});
  }

  std::string_view where_;
  const NumberTableLimits& limits_;
  NumberTable table_;
};

}  // namespace

NumberTable parse_number_table(std::string_view text, std::string_view where, const NumberTableLimits& limits) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  TableReader reader(where, limits);
  for (int64_t number_of_line = 1; !text.empty(); ++number_of_line) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!trimmed(line).empty()) reader.line(number_of_line, line);
  }
  return reader.take();
}

NumberTable read_number_table(const std::filesystem::path& path, const NumberTableLimits& limits) {
  return parse_number_table(read_text_file(path, static_cast<uint64_t>(limits.max_file_bytes)), path.string(), limits);
}

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#include <alloy/io/file.hpp>
#include <alloy/io/manifest.hpp>


#include <alloy/core/check.hpp>
#include <alloy/core/json.hpp>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utf8proc.h>

namespace alloy {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_text(std::string_view text) {
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '\0') return false;
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      ++at;
      continue;
    }
    utf8proc_int32_t point = 0;
    const utf8proc_ssize_t length = utf8proc_iterate(bytes + at, static_cast<utf8proc_ssize_t>(text.size() - at), &point);
    if (length <= 0) return false;
    at += static_cast<size_t>(length);
  }
  return true;
}

/// Names that are empty or appear twice; the message, or nothing.
std::string fault_of_names(const std::vector<std::string>& names) {
  if (names.empty()) return "got no columns";
  std::unordered_set<std::string_view> seen;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) return format_message("got no name for column {}", {i + 1});
    if (!seen.insert(names[i]).second) return format_message("got \"{}\" twice", {names[i].substr(0, 80)});
  }
  return {};
}

void check_columns(size_t columns, std::string_view where, const ManifestLimits& limits) {
  check<DataError>(static_cast<int64_t>(columns) <= limits.max_columns, "[{}] expected at most {} columns, got more", {where, limits.max_columns});
}

/// Takes a table apart, record by record, and knows at which line it is.
class CsvReader {
 public:
  CsvReader(std::string_view text, char separator, std::string_view where, const ManifestLimits& limits)
      : text_(text), separator_(separator), where_(where), limits_(limits) {}

  /// @return false at the end of the text
  bool next(std::vector<std::string>& cells) {
    while (at_ < text_.size() && skip_line_end()) {}
    if (at_ >= text_.size()) return false;
    record_line_ = line_;
    cells.clear();
    while (true) {
      check_columns(cells.size() + 1, where_, limits_);
      cells.push_back(at_ < text_.size() && text_[at_] == '"' ? quoted() : plain());
      if (at_ < text_.size() && text_[at_] == separator_) {
        ++at_;
        continue;
      }
      if (at_ >= text_.size() || skip_line_end()) return true;
      refuse("a separator or the end of the line after a cell");
    }
  }
  int64_t record_line() const { return record_line_; }

 private:
  [[noreturn]] void refuse(std::string_view expected) const {
    fail<DataError>("[{}, line {}] expected {}, got other text", {where_, line_, expected});
  }
  std::string_view bounded(std::string_view cell) const {
    check<DataError>(static_cast<int64_t>(cell.size()) <= limits_.max_field_bytes, "[{}, line {}] expected cells of at most {} bytes, got {}", {where_, line_, limits_.max_field_bytes, cell.size()});
    check<DataError>(is_text(cell), "[{}, line {}] expected UTF-8 text without NUL, got other bytes", {where_, line_});
    return cell;
  }
  bool skip_line_end() {
    const size_t length = text_.compare(at_, 1, "\n") == 0 ? 1 : text_.compare(at_, 2, "\r\n") == 0 ? 2 : 0;
    at_ += length;
    if (length > 0) ++line_;
    return length > 0;
  }
  std::string plain() {
    const char stops[] = {separator_, '\n', '\r', '"'};
    const size_t end = std::min(text_.find_first_of(std::string_view(stops, sizeof stops), at_), text_.size());
    if (end < text_.size() && text_[end] == '"') refuse("quotes only around a whole cell");
    const size_t begin = std::exchange(at_, end);
    return std::string(bounded(text_.substr(begin, end - begin)));
  }
  std::string quoted() {
    std::string cell;
    int64_t line_ends = 0;
    for (++at_;;) {
      const size_t end = text_.find('"', at_);
      if (end == std::string_view::npos) refuse("a closing quote before the end of the file");
      const std::string_view part = text_.substr(at_, end - at_);
      check<DataError>(static_cast<int64_t>(cell.size() + part.size()) <= limits_.max_field_bytes, "[{}, line {}] expected cells of at most {} bytes, got more", {where_, line_, limits_.max_field_bytes});
      cell += part;
      line_ends += std::count(part.begin(), part.end(), '\n');
      at_ = end + 1;
      if (text_.compare(at_, 1, "\"") != 0) break;
      cell += '"';
      ++at_;
    }
    bounded(cell);
    line_ += line_ends;
    return cell;
  }

  std::string_view text_;
  char separator_;
  std::string_view where_;
  const ManifestLimits& limits_;
  size_t at_ = 0;
  int64_t line_ = 1, record_line_ = 1;
};

void check_cells(size_t rows, size_t columns, std::string_view where, const ManifestLimits& limits) {
  check<DataError>(static_cast<int64_t>(rows) <= limits.max_cells / static_cast<int64_t>(std::max<size_t>(columns, 1)),
                   "[{}] expected at most {} cells, got {} rows of {} columns or more", {where, limits.max_cells, rows, columns});
}

Manifest parse_csv(std::string_view text, char separator, std::string_view where, const ManifestLimits& limits) {
  Manifest manifest;
  CsvReader reader(text, separator, where, limits);
  check<DataError>(reader.next(manifest.columns), "[{}] expected a first line that names the columns, got an empty file", {where});
  const std::string fault = fault_of_names(manifest.columns);
  check<DataError>(fault.empty(), "[{}, line {}] expected a name for each column, each once, {}", {where, reader.record_line(), fault});
  for (std::vector<std::string> cells; reader.next(cells);) {
    check<DataError>(cells.size() == manifest.columns.size(), "[{}, line {}] expected {} cells, got {}", {where, reader.record_line(), manifest.columns.size(), cells.size()});
    check_cells(manifest.rows.size() + 1, manifest.columns.size(), where, limits);
    manifest.rows.push_back(std::move(cells));
    manifest.lines.push_back(reader.record_line());
  }
  return manifest;
}

Manifest parse_jsonl(std::string_view text, std::string_view where, const ManifestLimits& limits) {
  constexpr std::string_view kBlank = " \t\r";
  Manifest manifest;
  std::unordered_map<std::string, size_t> places;
  int64_t line_number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    ++line_number;
    if (line.find_first_not_of(kBlank) == std::string_view::npos) continue;
    const std::string here = format_message("{}, line {}", {where, line_number});
    // Two levels, so that a nested value is named below and not only counted.
    const Config object = parse_json(line, here, {.depth = 2, .values = limits.max_columns + 1});
    check<DataError>(object.is_object(), "[{}] expected an object, got {}", {here, object.kind()});
    std::vector<std::string> cells(manifest.columns.size());
    for (const auto& [name, value] : object.as_object()) {
      check<DataError>(!name.empty(), "[{}] expected a name for each value, got an empty one", {here});
      check<DataError>(!value.is_array() && !value.is_object(), "[{}] expected text, a number, true, false or null for \"{}\", got {}", {here, name.substr(0, 80), value.kind()});
      std::string cell = value.is_null() ? "" : value.is_string() ? value.as_string() : to_json(value, /*indent=*/-1);
      const int64_t longest = static_cast<int64_t>(std::max(name.size(), cell.size()));
      check<DataError>(longest <= limits.max_field_bytes, "[{}] expected names and values of at most {} bytes, got {}", {here, limits.max_field_bytes, longest});
      check<DataError>(is_text(name) && is_text(cell), "[{}] expected UTF-8 text without NUL, got other bytes", {here});
      const auto [place, is_new] = places.emplace(name, manifest.columns.size());
      if (is_new) {
        check_columns(manifest.columns.size() + 1, here, limits);
        manifest.columns.push_back(name);
        cells.emplace_back();
      }
      cells[place->second] = std::move(cell);
    }
    check_cells(manifest.rows.size() + 1, manifest.columns.size(), where, limits);
    manifest.rows.push_back(std::move(cells));
    manifest.lines.push_back(line_number);
  }
  check<DataError>(!manifest.columns.empty(), "[{}] expected lines of JSON objects with keys, got none", {where});
  for (auto& row : manifest.rows) row.resize(manifest.columns.size());
  return manifest;
}

}  // namespace

bool Manifest::has_column(std::string_view name) const { return std::find(columns.begin(), columns.end(), name) != columns.end(); }

int64_t Manifest::column(std::string_view name) const {
  const auto found = std::find(columns.begin(), columns.end(), name);
  check<ConfigError>(found != columns.end(), "[Manifest] expected a column \"{}\", got only: {}", {name, columns});
  return found - columns.begin();
}

const std::string& Manifest::cell(int64_t row, std::string_view name) const {
  const auto place = static_cast<size_t>(column(name));
  check<ConfigError>(row >= 0 && row < num_rows(), "[Manifest] expected a row of 0..{}, got {}", {num_rows() - 1, row});
  const auto& cells = rows[static_cast<size_t>(row)];
  check<ConfigError>(place < cells.size(), "[Manifest] expected {} cells in row {}, got {}", {columns.size(), row, cells.size()});
  return cells[place];
}

std::string Manifest::place(int64_t row) const {
  const auto at = static_cast<size_t>(row);
  if (at < lines.size()) return source.empty() ? format_message("line {}", {lines[at]}) : format_message("{}, line {}", {source, lines[at]});
  return format_message("row {}", {row + 1});
}

Manifest Manifest::select(std::span<const int64_t> chosen) const {
  Manifest part{.columns = columns, .rows = {}, .folder = folder, .source = source, .lines = {}};
  for (const int64_t row : chosen) {
    part.rows.push_back(rows.at(static_cast<size_t>(row)));
    if (static_cast<size_t>(row) < lines.size()) part.lines.push_back(lines[static_cast<size_t>(row)]);
  }
  return part;
}

Manifest parse_manifest(std::string_view text, ManifestFormat format, std::string_view where, const ManifestLimits& limits) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (format == ManifestFormat::jsonl) return parse_jsonl(text, where, limits);
  return parse_csv(text, format == ManifestFormat::csv ? ',' : '\t', where, limits);
}

namespace {

template <class Parse>
Manifest read_with(const std::filesystem::path& path, const ManifestLimits& limits, const Parse& parse) {
  const std::vector<std::byte> bytes = read_binary_file(path, static_cast<uint64_t>(limits.max_file_bytes));
  Manifest manifest = parse(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  manifest.folder = path.parent_path();
  manifest.source = path.filename().string();
  return manifest;
}

}  // namespace

Manifest read_manifest(const std::filesystem::path& path, const ManifestLimits& limits) {
  const std::string extension = path.extension().string();
  const bool is_csv = extension == ".csv", is_tsv = extension == ".tsv";
  check<ConfigError>(is_csv || is_tsv || extension == ".jsonl", "[{}] expected a file named .csv, .tsv or .jsonl, got \"{}\"", {path, extension});
  const auto format = is_csv ? ManifestFormat::csv : is_tsv ? ManifestFormat::tsv : ManifestFormat::jsonl;
  return read_with(path, limits, [&](std::string_view text) { return parse_manifest(text, format, path.string(), limits); });
}

Manifest read_separated(const std::filesystem::path& path, char separator, const ManifestLimits& limits) {
  const bool usable = separator > '\0' && static_cast<unsigned char>(separator) < 0x80 && separator != '"' && separator != '\n' && separator != '\r';
  check<ConfigError>(usable, "[{}] expected a separator in ASCII which is no quote and no line end, got '{}'", {path, std::string_view(&separator, 1)});
  return read_with(path, limits, [&](std::string_view text) {
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    return parse_csv(text, separator, path.string(), limits);
  });
}

std::vector<std::string> split_alternatives(std::string_view cell, char separator) {
  const bool usable = separator > '\0' && static_cast<unsigned char>(separator) < 0x80 && separator != '\\';
  check<ConfigError>(usable, "[split_alternatives] expected a separator in ASCII which is no backslash, got '{}'", {std::string_view(&separator, 1)});
  if (cell.empty()) return {};
  std::vector<std::string> parts(1);
  for (size_t at = 0; at < cell.size(); ++at) {
    const bool escapes = cell[at] == '\\' && at + 1 < cell.size() && (cell[at + 1] == separator || cell[at + 1] == '\\');
    if (escapes) parts.back() += cell[++at];
    else if (cell[at] == separator) parts.emplace_back();
    else parts.back() += cell[at];
  }
  return parts;
}

std::string to_csv(const Manifest& manifest) {
  const std::string fault = fault_of_names(manifest.columns);
  check<ConfigError>(fault.empty(), "[to_csv] expected a name for each column, each once, {}", {fault});
  std::string text;
  const auto put_row = [&](const std::vector<std::string>& cells) {
    for (size_t i = 0; i < cells.size(); ++i) {
      const std::string& cell = cells[i];
      if (i > 0) text += ',';
      // A row of one empty cell would be a blank line, and a byte order mark would be skipped.
      const bool needs_quotes = cell.find_first_of(",\"\r\n") != std::string::npos || cell.starts_with(kByteOrderMark) || (cell.empty() && cells.size() == 1);
      if (needs_quotes) text += '"';
      for (const char c : cell) text.append(c == '"' ? 2 : 1, c);
      if (needs_quotes) text += '"';
    }
    text += '\n';
  };
  put_row(manifest.columns);
  for (size_t i = 0; i < manifest.rows.size(); ++i) {
    check<ConfigError>(manifest.rows[i].size() == manifest.columns.size(), "[to_csv] expected {} cells in row {}, got {}", {manifest.columns.size(), i, manifest.rows[i].size()});
    put_row(manifest.rows[i]);
  }
  return text;
}

}  // namespace alloy

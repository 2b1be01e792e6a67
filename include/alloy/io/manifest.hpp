// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The one table that training, evaluation and prediction in bulk read: a row a sample, a column a modality, `label`,
/// and where wanted `id` and `split`. An empty cell says that the sample lacks the modality. Cells are text, as written;
/// paths in them are relative to the table's folder.

#include <alloy/core/export.hpp>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace alloy {

/// A value. Every row has as many cells as there are columns.
struct ALLOY_API Manifest {
  std::vector<std::string> columns = {};
  std::vector<std::vector<std::string>> rows = {};
  std::filesystem::path folder = {};  ///< of the file read, for the paths in cells
  std::string source = {};            ///< name of the file read, for messages
  std::vector<int64_t> lines = {};    ///< where each row begins in it, from 1; empty if it was not read from a file

  int64_t num_rows() const { return static_cast<int64_t>(rows.size()); }
  bool has_column(std::string_view name) const;
  /// @throws ConfigError that lists the columns there are
  int64_t column(std::string_view name) const;
  /// @throws ConfigError if there is no such column or row
  const std::string& cell(int64_t row, std::string_view column) const;
  /// Where a row came from: "products.csv, line 9", or "row 8" of a manifest that was made in memory.
  std::string place(int64_t row) const;
  /// Some of the rows, in this order, which keep their places.
  Manifest select(std::span<const int64_t> rows) const;
};

/// `csv`: RFC 4180, the first line names the columns. `tsv`: the same with tabs for commas. `jsonl`: an object a line,
/// its keys are the columns (all keys of all lines, in order of appearance), null or missing is an empty cell, numbers
/// and bools become their JSON text, lists and objects are refused.
enum class ManifestFormat { csv, tsv, jsonl };

struct ManifestLimits {
  int64_t max_file_bytes = int64_t{1} << 30;
  int64_t max_field_bytes = int64_t{1} << 20;
  int64_t max_cells = 50'000'000;  ///< rows times columns: cells that a JSONL line leaves out take memory too
  int64_t max_columns = 10'000;
};

/// The format is told by the file's extension: .csv, .tsv or .jsonl.
/// @throws ConfigError on another extension, IoError if the file cannot be read, DataError naming the line on rows of
///         unequal length, names that are empty or repeated, quotes out of place, NUL, or text that is not UTF-8. A byte
///         order mark at the start and blank lines are skipped; lines may end in LF or CRLF.
ALLOY_API Manifest read_manifest(const std::filesystem::path& path, const ManifestLimits& limits = {});
/// A file of any name in the form of `csv`, with another character for the comma.
/// @throws as read_manifest; ConfigError for a separator that cannot be one
ALLOY_API Manifest read_separated(const std::filesystem::path& path, char separator, const ManifestLimits& limits = {});
/// @param where  what the text is (a file name), for messages
ALLOY_API Manifest parse_manifest(std::string_view text, ManifestFormat format, std::string_view where, const ManifestLimits& limits = {});

/// Several values in one cell, any of which will do: "red.png|blue.png". A backslash before the separator or before another
/// backslash takes that character as it is; every other backslash is an ordinary character.
/// @param separator  ASCII, no backslash
/// @return none of an empty cell; an empty alternative is kept, for the caller to refuse
ALLOY_API std::vector<std::string> split_alternatives(std::string_view cell, char separator);

/// CSV text which reads back equal.
/// @throws ConfigError on a manifest that no file could hold: no columns, names empty or repeated, rows of other lengths
ALLOY_API std::string to_csv(const Manifest& manifest);

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What is measured on machines and what people write about them: series of sensors, and a maintenance log in words. Read from two
/// tables of your own, or made by simulate_machines.
///
/// Series (CSV, TSV or JSONL, see io/manifest.hpp): columns `time`, `machine` and one a channel, in any unit. A row is what was
/// measured at one moment; an empty cell, NaN or `NA` is a gap, so that sensors of different rates are simply listed below each other:
///
///     time,machine,vibration.rms,vibration.kurtosis,temperature.bearing,load.current
///     2026-03-01T12:30:05Z,pump 3,1.93,3.1,,
///     2026-03-01T12:31:00Z,pump 3,,,54.5,11.9
///
/// What stands before the first dot of a channel's name is its group; a group is one modality.
///
/// Logs: columns `time`, `machine` and `text`; an empty time is an entry without a stamp. Optional columns: `start` and `stop`, the
/// episode that the entry explains, where that is known; `failure`, 1 if the episode ended in one; `page`, a number that entries of
/// one period share (a page of the log book, a week), which is known even where the stamp is missing.
///
/// Times are as parse_time_stamp reads them.

#include <alloy/preprocess/series.hpp>

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

namespace alloy {

struct MachineSeries {
  std::string machine;
  Series series;  ///< stamps strictly ascending; values float32 [T, C], NaN in gaps
};

struct MachineLog {
  std::string machine;
  double time_s = std::numeric_limits<double>::quiet_NaN();  ///< as stamped; NaN = no stamp
  std::string text;
  double start_s = std::numeric_limits<double>::quiet_NaN();  ///< of the episode that it explains; both or neither are known
  double stop_s = std::numeric_limits<double>::quiet_NaN();
  bool failure = false;
  int64_t page = -1;  ///< -1 = not known: an entry may belong to any time of its machine

  bool explains() const { return start_s <= stop_s; }
  bool stamped() const { return time_s == time_s; }
};

/// What was found in the tables and does not hinder.
struct MachineCounts {
  int64_t rows = 0;               ///< of the series' table
  int64_t gaps = 0;               ///< cells without a finite number
  int64_t out_of_order = 0;       ///< rows stamped before the row of the same machine above them: they were sorted
  int64_t repeated = 0;           ///< rows with a stamp that the machine had already: their values were averaged
  int64_t constant_channels = 0;  ///< a machine's channels that have values, all of them equal
  int64_t empty_channels = 0;     ///< a machine's channels without a value
  int64_t without_text = 0;       ///< entries that were left out
  int64_t unknown_machine = 0;    ///< entries about a machine without series, left out
  int64_t unstamped = 0;          ///< entries kept
  int64_t outside = 0;            ///< stamped entries kept, more than a day before or after their machine's series
};

/// `933 rows, 12 gaps, 3 rows out of order ...`: all counts that are not 0.
ALLOY_API std::string to_text(const MachineCounts& counts);

struct MachineRecords {
  std::vector<std::string> channels;  ///< C names
  std::vector<MachineSeries> machines;
  std::vector<MachineLog> logs;
  MachineCounts counts = {};
  /// Its place among the machines, or -1.
  ALLOY_API int64_t find(std::string_view machine) const;
};

/// @throws ConfigError that lists the columns there are where one is missing, or for no channel; DataError naming file and line for a
///         time that cannot be read or is missing in a series, a cell that is no number, an empty name of a machine, `start` without
///         `stop` or after it, a `failure` that is not 0 or 1; DataError if no row, no entry, or no stamp of an entry within a day of
///         its machine's series is left; IoError, and DataError as read_manifest
ALLOY_API MachineRecords read_machine_records(const std::filesystem::path& series, const std::filesystem::path& logs);

/// Writes `series.csv` and `logs.csv`, which read_machine_records reads: stamps in whole seconds, values with six significant digits.
/// @throws IoError
ALLOY_API void write_machine_records(const MachineRecords& records, const std::filesystem::path& folder);

}  // namespace alloy

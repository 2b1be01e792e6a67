// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/machine_records.hpp>

#include <alloy/io/atomic_write.hpp>
#include <alloy/io/manifest.hpp>
#include <alloy/io/time_stamp.hpp>

#include <torch/types.h>

#include <array>
#include <charconv>
#include <cmath>
#include <unordered_map>

namespace alloy {

namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN(), kDay = 86400;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool says_gap(std::string_view text) {
  for (const std::string_view word : {"", "NaN", "nan", "NAN", "NA", "N/A", "null", "inf", "-inf", "Inf", "-Inf"})
    if (text == word) return true;
  return false;
}

void check_columns(const Manifest& table, std::initializer_list<std::string_view> needed) {
  for (const std::string_view name : needed)
    check<ConfigError>(table.has_column(name), "[{}] expected a column `{}`, got only: {}", {table.source, name, table.columns});
}

/// A number or a gap (NaN).
double read_number(const Manifest& table, int64_t row, size_t column) {
  const std::string_view text = trimmed(table.rows[static_cast<size_t>(row)][column]);
  if (says_gap(text)) return kUnknown;
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault == std::errc::result_out_of_range) return kUnknown;
  check<DataError>(fault == std::errc() && end == text.data() + text.size(), "[{}] expected a number or nothing in column `{}`, got \"{}\"",
                   {table.place(row), table.columns[column], text.substr(0, 80)});
  return std::isfinite(value) && std::abs(value) <= std::numeric_limits<float>::max() ? value : kUnknown;
}

/// Seconds, or NaN for an empty cell.
double read_time(const Manifest& table, int64_t row, std::string_view column) {
  const std::string_view text = trimmed(table.cell(row, column));
  if (text.empty()) return kUnknown;
  const auto seconds = parse_time_stamp(text);
  check<DataError>(seconds.has_value(), "[{}] expected seconds or a time as 2026-03-01T12:30:05Z in column `{}`, got \"{}\"",
                   {table.place(row), column, text.substr(0, 80)});
  return *seconds;
}

std::string read_machine(const Manifest& table, int64_t row) {
  const std::string_view name = trimmed(table.cell(row, "machine"));
  check<DataError>(!name.empty(), "[{}] expected the name of a machine in column `machine`, got nothing", {table.place(row)});
  return std::string(name);
}

struct RawSeries {
  std::string machine;
  std::vector<double> times;
  std::vector<float> values;
};

void count_channels(const Tensor& values, MachineCounts& counts) {
  const Tensor finite = values.isfinite(), any = finite.any(0);
  const Tensor low = torch::where(finite, values, INFINITY).amin(0), high = torch::where(finite, values, -INFINITY).amax(0);
  counts.empty_channels += any.logical_not().sum().item<int64_t>();
  counts.constant_channels += any.logical_and(low == high).sum().item<int64_t>();
}

std::vector<RawSeries> read_series(const Manifest& table, MachineRecords& records) {
  check_columns(table, {"time", "machine"});
  std::vector<size_t> columns;
  for (size_t i = 0; i < table.columns.size(); ++i)
    if (table.columns[i] != "time" && table.columns[i] != "machine") columns.push_back(i), records.channels.push_back(table.columns[i]);
  check<ConfigError>(!columns.empty(), "[{}] expected a column for each channel beside time and machine, got none", {table.source});
  check<DataError>(table.num_rows() > 0, "[{}] expected at least one row, got none", {table.source});
  std::vector<RawSeries> raw;
  std::unordered_map<std::string, size_t> places;
  for (int64_t row = 0; row < table.num_rows(); ++row) {
    const std::string machine = read_machine(table, row);
    const auto [place, added] = places.try_emplace(machine, raw.size());
    if (added) raw.push_back({.machine = machine, .times = {}, .values = {}});
    RawSeries& series = raw[place->second];
    const double time = read_time(table, row, "time");
    check<DataError>(std::isfinite(time), "[{}] expected a time in column `time`, got nothing", {table.place(row)});
    if (!series.times.empty() && time < series.times.back()) ++records.counts.out_of_order;
    series.times.push_back(time);
    for (const size_t column : columns) {
      series.values.push_back(static_cast<float>(read_number(table, row, column)));
      if (!std::isfinite(series.values.back())) ++records.counts.gaps;
    }
  }
  records.counts.rows = table.num_rows();
  return raw;
}

MachineLog read_log(const Manifest& table, int64_t row) {
  MachineLog log{.machine = read_machine(table, row), .time_s = read_time(table, row, "time"), .text = std::string(trimmed(table.cell(row, "text")))};
  if (table.has_column("start") && table.has_column("stop")) {
    log.start_s = read_time(table, row, "start"), log.stop_s = read_time(table, row, "stop");
    check<DataError>(std::isfinite(log.start_s) == std::isfinite(log.stop_s),
                     "[{}] expected `start` and `stop` of an episode together, got one of them", {table.place(row)});
    check<DataError>(!std::isfinite(log.start_s) || log.explains(), "[{}] expected `start` before `stop`, got {} and {}",
                     {table.place(row), table.cell(row, "start"), table.cell(row, "stop")});
  }
  if (table.has_column("failure")) {
    const std::string_view text = trimmed(table.cell(row, "failure"));
    check<DataError>(text.empty() || text == "0" || text == "1", "[{}] expected 0, 1 or nothing in column `failure`, got \"{}\"",
                     {table.place(row), text.substr(0, 80)});
    log.failure = text == "1";
  }
  if (table.has_column("page")) {
    const double page = read_number(table, row, static_cast<size_t>(table.column("page")));
    check<DataError>(!std::isfinite(page) || (page == std::floor(page) && page >= 0 && page < 1e15),
                     "[{}] expected a whole number >= 0 in column `page`, got {}", {table.place(row), page});
    if (std::isfinite(page)) log.page = static_cast<int64_t>(page);
  }
  return log;
}

void read_logs(const Manifest& table, MachineRecords& records) {
  check_columns(table, {"time", "machine", "text"});
  check<ConfigError>(table.has_column("start") == table.has_column("stop"), "[{}] expected both columns `start` and `stop`, or neither, got only: {}",
                     {table.source, table.columns});
  MachineCounts& counts = records.counts;
  double low = INFINITY, high = -INFINITY, first = INFINITY, last = -INFINITY;  // of series and of stamps, for the message
  int64_t stamped = 0;
  for (int64_t row = 0; row < table.num_rows(); ++row) {
    MachineLog log = read_log(table, row);
    const int64_t machine = records.find(log.machine);
    if (machine < 0) {
      ++counts.unknown_machine;
    } else if (log.text.empty()) {
      ++counts.without_text;
    } else {
      const Tensor& times = records.machines[static_cast<size_t>(machine)].series.times;
      const double begin = times[0].item<double>(), end = times[-1].item<double>();
      low = std::min(low, begin), high = std::max(high, end);
      if (log.stamped()) {
        ++stamped;
        first = std::min(first, log.time_s), last = std::max(last, log.time_s);
        if (log.time_s < begin - kDay || log.time_s > end + kDay) ++counts.outside;
      } else {
        ++counts.unstamped;
      }
      records.logs.push_back(std::move(log));
    }
  }
  check<DataError>(!records.logs.empty(),
                   "[{}] expected at least one entry with a text about a machine that has series, got none among {} rows: {} without text, {} about "
                   "other machines",
                   {table.source, table.num_rows(), counts.without_text, counts.unknown_machine});
  check<DataError>(stamped == 0 || counts.outside < stamped,
                   "[{}] expected stamps within a day of their machine's series, which last from {} s to {} s, got {} s to {} s",
                   {table.source, low, high, first, last});
}

void append_number(std::string& out, double value) {
  if (!std::isfinite(value)) return;
  std::array<char, 32> buffer;
  out.append(buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::general, 6).ptr);
}

std::string stamp_or_nothing(double seconds) { return std::isfinite(seconds) ? time_stamp(seconds) : std::string(); }

}  // namespace

std::string to_text(const MachineCounts& c) {
  std::string text = std::to_string(c.rows) + " rows";
  for (const auto& [count, name] : {std::pair<int64_t, std::string_view>{c.gaps, "gaps"},
                                    {c.out_of_order, "rows out of order"},
                                    {c.repeated, "repeated stamps"},
                                    {c.constant_channels, "constant channels"},
                                    {c.empty_channels, "empty channels"},
                                    {c.without_text, "entries without text left out"},
                                    {c.unknown_machine, "entries about unknown machines left out"},
                                    {c.unstamped, "entries without a stamp"},
                                    {c.outside, "stamps outside of the series"}})
    if (count > 0) text.append(", ").append(std::to_string(count)).append(" ").append(name);
  return text;
}

int64_t MachineRecords::find(std::string_view machine) const {
  for (size_t i = 0; i < machines.size(); ++i)
    if (machines[i].machine == machine) return static_cast<int64_t>(i);
  return -1;
}

MachineRecords read_machine_records(const std::filesystem::path& series, const std::filesystem::path& logs) {
  MachineRecords records;
  for (RawSeries& raw : read_series(read_manifest(series), records)) {
    const auto steps = static_cast<int64_t>(raw.times.size()), channels = static_cast<int64_t>(records.channels.size());
    const Series merged = sort_and_merge(
        {.times = torch::tensor(raw.times, torch::kDouble), .values = torch::tensor(raw.values, torch::kFloat).view({steps, channels})});
    records.counts.repeated += steps - merged.times.size(0);
    count_channels(merged.values, records.counts);
    records.machines.push_back({.machine = std::move(raw.machine), .series = merged});
  }
  read_logs(read_manifest(logs), records);
  return records;
}

void write_machine_records(const MachineRecords& records, const std::filesystem::path& folder) {
  Manifest head{.columns = {"time", "machine"}};
  head.columns.insert(head.columns.end(), records.channels.begin(), records.channels.end());
  std::error_code fault;
  std::filesystem::create_directories(folder, fault);
  check<IoError>(!fault, "[write_machine_records] cannot make the folder {}: {}", {folder, fault.message()});
  AtomicFile file(folder / "series.csv");
  file.write(to_csv(head));
  for (const MachineSeries& machine : records.machines) {
    const Manifest name{.columns = {machine.machine}};  // quoted where it has to be
    std::string quoted = to_csv(name), text;
    quoted.pop_back();
    const Tensor values = machine.series.values.to(torch::kDouble).contiguous(), times = machine.series.times.to(torch::kDouble).contiguous();
    const double* value = values.const_data_ptr<double>();
    const double* time = times.const_data_ptr<double>();
    for (int64_t t = 0; t < values.size(0); ++t) {
      text.append(time_stamp(time[t])).append(",").append(quoted);
      for (int64_t c = 0; c < values.size(1); ++c) append_number(text += ',', *value++);
      text += '\n';
    }
    file.write(text);
  }
  file.commit();
  Manifest logs{.columns = {"time", "machine", "text", "start", "stop", "failure", "page"}};
  for (const MachineLog& log : records.logs)
    logs.rows.push_back({stamp_or_nothing(log.time_s), log.machine, log.text, stamp_or_nothing(log.start_s), stamp_or_nothing(log.stop_s),
                         log.explains() ? (log.failure ? "1" : "0") : "", log.page >= 0 ? std::to_string(log.page) : ""});
  write_file(folder / "logs.csv", to_csv(logs));
}

}  // namespace alloy

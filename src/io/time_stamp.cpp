// SPDX-License-Identifier: Apache-2.0
#include <alloy/io/time_stamp.hpp>

#include <alloy/core/check.hpp>

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace alloy {

namespace {

constexpr double kDay = 86400;

/// Takes a text apart from its front.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}
  bool done() const { return rest_.empty(); }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// Exactly so many digits.
  bool digits(size_t count, int& value) {
    if (rest_.size() < count) return false;
    value = 0;
    for (size_t i = 0; i < count; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9') return false;
      value = 10 * value + (rest_[i] - '0');
    }
    rest_.remove_prefix(count);
    return true;
  }
  /// What follows a decimal point: 0..1. Digits beyond those that a double holds count for nothing.
  bool fraction(double& value) {
    value = 0;
    size_t count = 0;
    for (double unit = 0.1; count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9'; ++count, unit /= 10)
      value += unit * (rest_[count] - '0');
    rest_.remove_prefix(count);
    return count > 0;
  }

 private:
  std::string_view rest_;
};

/// The minutes that a zone is ahead of UTC.
bool read_zone(Scanner& scan, int& minutes) {
  minutes = 0;
  if (scan.done() || scan.take('Z') || scan.take('z')) return true;
  const bool ahead = scan.take('+');
  int hour = 0, minute = 0;
  if ((!ahead && !scan.take('-')) || !scan.digits(2, hour)) return false;
  if (!scan.done()) {
    scan.take(':');
    if (!scan.digits(2, minute)) return false;
  }
  minutes = (ahead ? 1 : -1) * (60 * hour + minute);
  return hour < 24 && minute < 60;
}

std::optional<double> parse_date(std::string_view text) {
  Scanner scan(text);
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, zone = 0;
  double part = 0;
  if (!scan.digits(4, year) || !scan.take('-') || !scan.digits(2, month) || !scan.take('-') || !scan.digits(2, day)) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (year < 1 || !date.ok()) return std::nullopt;
  if (!scan.done()) {
    if (!scan.take('T') && !scan.take('t') && !scan.take(' ')) return std::nullopt;
    if (!scan.digits(2, hour) || !scan.take(':') || !scan.digits(2, minute)) return std::nullopt;
    if (scan.take(':')) {
      if (!scan.digits(2, second)) return std::nullopt;
      if (scan.take('.') && !scan.fraction(part)) return std::nullopt;
    }
    if (hour > 23 || minute > 59 || second > 59 || !read_zone(scan, zone)) return std::nullopt;
  }
  if (!scan.done()) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return kDay * static_cast<double>(days) + 3600.0 * hour + 60.0 * (minute - zone) + second + part;
}

}  // namespace

std::optional<double> parse_time_stamp(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  double number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault == std::errc() && end == text.data() + text.size()) return std::isfinite(number) ? std::optional(number) : std::nullopt;
  return parse_date(text);
}

std::string time_stamp(double seconds) {
  constexpr double kFirst = -62135596800.0, kBehind = 253402300800.0;  // 0001-01-01 and 10000-01-01
  const double whole = std::round(seconds);
  check<ConfigError>(whole >= kFirst && whole < kBehind, "[time_stamp] expected seconds within the years 1..9999, got {}", {seconds});
  const double days = std::floor(whole / kDay);
  const auto of_day = static_cast<int>(whole - days * kDay);
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(static_cast<int64_t>(days)))};
  std::array<char, 32> out;
  const int length =
      std::snprintf(out.data(), out.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                    static_cast<unsigned>(date.day()), of_day / 3600, of_day / 60 % 60, of_day % 60);
  return {out.data(), static_cast<size_t>(length)};
}

}  // namespace alloy

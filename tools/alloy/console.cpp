// SPDX-License-Identifier: Apache-2.0
#include "console.hpp"

#include <alloy/core/check.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <unistd.h>

namespace alloy::tool {

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Columns that text takes on a terminal: UTF-8 continuation bytes take none.
size_t columns(const std::string& text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

std::string Table::text() const {
  std::vector<size_t> widths;
  for (const auto& cell : header_) widths.push_back(columns(cell));
  for (const auto& row : rows_)
    for (size_t i = 0; i < row.size() && i < widths.size(); ++i) widths[i] = std::max(widths[i], columns(row[i]));
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text;
    for (size_t i = 0; i < widths.size(); ++i) {
      const std::string cell = i < cells.size() ? cells[i] : "";
      const std::string pad(widths[i] - columns(cell), ' ');
      if (i > 0) text += "  ";
      text += i == 0 ? cell + pad : pad + cell;
    }
    out += text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
  };
  size_t total = 0;
  for (const size_t w : widths) total += w + 2;
  const std::string across = std::string(total > 2 ? total - 2 : 0, '-') + "\n";
  line(header_);
  out += across;
  for (size_t r = 0; r < rows_.size(); ++r) {
    if (std::ranges::find(rules_, r) != rules_.end() && r > 0) out += across;
    line(rows_[r]);
  }
  return out;
}

OutputFolder::OutputFolder(std::filesystem::path path, const std::string& option) {
  check<IoError>(!path.empty(), "[{}] expected a folder, got an empty path", {option});
  std::error_code error;
  const std::filesystem::path wanted = path;
  for (path = std::filesystem::absolute(path).lexically_normal(); !path.empty() && !std::filesystem::exists(path, error) && path != path.root_path(); path = path.parent_path())
    if (path.has_filename()) made_.push_back(path);
  error.clear();
  std::filesystem::create_directories(wanted, error);
  check<IoError>(std::filesystem::is_directory(wanted), "[{}] cannot make the folder '{}': {}", {option, wanted, error ? error.message() : "there is a file of that name"});
}

OutputFolder::~OutputFolder() {
  std::error_code ignored;
  for (const auto& folder : made_) std::filesystem::remove(folder, ignored);  // only what is empty
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<int64_t>(seconds + 0.5);
  return whole < 60 ? fmt::format("{} s", whole) : fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string count_text(int64_t count) {
  std::string digits = std::to_string(count);
  for (int64_t at = static_cast<int64_t>(digits.size()) - 3; at > 0; at -= 3) digits.insert(static_cast<size_t>(at), ",");
  return digits;
}

ProgressPrinter::ProgressPrinter() : terminal_(isatty(STDERR_FILENO) != 0) {}
ProgressPrinter::~ProgressPrinter() { clear(); }

void ProgressPrinter::clear() {
  if (drawn_) std::fputs("\r\033[K", stderr);
  drawn_ = false;
}

void ProgressPrinter::line(const std::string& text) {
  clear();
  fmt::print(stderr, "{}\n", text);
  std::fflush(stderr);
}

void ProgressPrinter::update(const Progress& progress, double overall, double overall_seconds_left) {
  if (!terminal_) return;  // elsewhere only lines that stay
  const bool last = progress.total > 0 && progress.done >= progress.total;
  if (now() - last_drawn_ < 0.1 && !last) return;
  last_drawn_ = now();
  constexpr int width = 24;
  const double share = progress.total > 0 ? static_cast<double>(progress.done) / static_cast<double>(progress.total) : 0;
  const int full = static_cast<int>((overall >= 0 ? overall : share) * width);
  std::string bar;
  for (int i = 0; i < width; ++i) bar += i < full ? "#" : ".";
  const double left = overall >= 0 ? overall_seconds_left : share > 0 ? progress.seconds * (1 - share) / share : -1;
  clear();
  fmt::print(stderr, "\r[{}] {:3.0f} %  {}  {}{}", bar, 100 * (overall >= 0 ? overall : share), progress.stage, progress.note,
             left >= 0 ? "  " + duration_text(left) + " left" : "");
  std::fflush(stderr);
  drawn_ = true;
}

CancelToken signal_token() {
  static CancelToken token;
  return token;
}

void install_signal_handlers() {
  signal_token();  // made before a signal may ask for it
  const auto handler = [](int number) {
    if (signal_token().cancelled()) std::_Exit(128 + number);
    signal_token().cancel();
  };
  std::signal(SIGINT, handler);
  std::signal(SIGTERM, handler);
}

}  // namespace alloy::tool

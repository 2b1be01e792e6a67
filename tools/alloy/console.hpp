// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What a person sees while the tool works: a progress bar on a terminal, plain lines elsewhere, and tables.

#include <alloy/core/progress.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace alloy::tool {

/// Rows of text under a header; the first column is left-aligned, the others right-aligned.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  /// A line across before the next row.
  void rule() { rules_.push_back(rows_.size()); }
  std::string text() const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<size_t> rules_;
};

/// Progress on standard error: one line redrawn on a terminal, else a line at the start and end of each stage.
class ProgressPrinter {
 public:
  ProgressPrinter();
  ~ProgressPrinter();
  ProgressPrinter(const ProgressPrinter&) = delete;
  ProgressPrinter& operator=(const ProgressPrinter&) = delete;
  /// Overall progress 0..1 in front of the stage; negative = not shown.
  void update(const Progress& progress, double overall = -1, double overall_seconds_left = -1);
  /// A line that stays.
  void line(const std::string& text);

 private:
  void clear();
  bool terminal_;
  bool drawn_ = false;
  double last_drawn_ = 0;
};

/// A folder to write into, made where it is not there yet; taken away again, if it is still empty, unless `keep` is called.
class OutputFolder {
 public:
  /// @throws IoError naming the option
  OutputFolder(std::filesystem::path path, const std::string& option);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;
  void keep() { made_.clear(); }

 private:
  std::vector<std::filesystem::path> made_;  // deepest first
};

/// "1:23" or "45 s".
std::string duration_text(double seconds);
/// 12345678 to "12,345,678".
std::string count_text(int64_t count);
/// Set by SIGINT and SIGTERM once `install_signal_handlers` was called; a second signal ends the program at once.
CancelToken signal_token();
void install_signal_handlers();

}  // namespace alloy::tool

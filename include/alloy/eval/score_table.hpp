// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What was asked, how well it was answered, and what stands beside it: the same rows as text for a terminal and as a table for a report.

#include <alloy/eval/metrics.hpp>

namespace alloy {

struct ScoreRow {
  enum class Level { main, part };
  std::string question;
  Score score;                ///< 0..1; has no interval unless low and high are finite
  std::string beside = {};    ///< baselines, chance
  Level level = Level::main;  ///< part: belongs to the main row above it, indented
};

/// "94.3 % (92.7 to 95.9)", without an interval "94.3 %".
ALLOY_API std::string percent_text(const Score& score);
/// One line: the question padded to `width` characters (code points of UTF-8), then a space and the score. A longer question is not cut.
ALLOY_API std::string to_text(const ScoreRow& row, size_t width = 52);
/// Markup for a page of eval/html_report.hpp. @param caption  read aloud
ALLOY_API std::string score_table(std::string_view caption, const std::vector<ScoreRow>& rows);

}  // namespace alloy

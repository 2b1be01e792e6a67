// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/score_table.hpp>

#include <alloy/eval/html_report.hpp>

#include "core/detail/utf8.hpp"

#include <cmath>

namespace alloy {

std::string percent_text(const Score& s) {
  const std::string value = html::percent(s.value) + " %";
  return std::isfinite(s.low) && std::isfinite(s.high) ? value + " (" + html::percent(s.low) + " to " + html::percent(s.high) + ")" : value;
}

std::string to_text(const ScoreRow& row, size_t width) {
  std::string line = (row.level == ScoreRow::Level::part ? "  " : "") + row.question;
  if (const auto characters = static_cast<size_t>(detail::character_count(line)); characters < width) line.append(width - characters, ' ');
  return line + " " + percent_text(row.score) + (row.beside.empty() ? "" : "; " + row.beside);
}

std::string score_table(std::string_view caption, const std::vector<ScoreRow>& rows) {
  html::Table table{.caption = std::string(caption), .columns = {{"question"}, {"answered rightly"}, {"beside it"}}, .rows = {}};
  for (const ScoreRow& row : rows)
    table.rows.push_back({{html::escape(row.question), row.level == ScoreRow::Level::part ? "part" : ""},
                          {percent_text(row.score), "stage"},
                          {html::escape(row.beside)}});
  return html::table(table);
}

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/html.hpp"

#include <alloy/eval/html_report.hpp>
#include <alloy/eval/score_table.hpp>

#include <limits>

using namespace alloy;

TEST_CASE("scores with what stands beside them", "[eval]") {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const ScoreRow main{.question = "points at <it>", .score = {0.9432, 0.927, 0.9589}, .beside = "chance 3.5 %"},
      part{.question = "where two share it", .score = {0.5, kNone, kNone}, .level = ScoreRow::Level::part};
  SECTION("as text") {
    CHECK(percent_text(main.score) == "94.3 % (92.7 to 95.9)");
    CHECK(to_text(main, 16) == "points at <it>   94.3 % (92.7 to 95.9); chance 3.5 %");
    CHECK(to_text({.question = "größer für ü", .score = part.score}, 14) == "größer für ü   50.0 %");
    CHECK(to_text(part, 4) == "  where two share it 50.0 %");
  }
  SECTION("as a table, whose parts are indented by their class") {
    const std::string markup = score_table("what was asked", {main, part});
    CHECK(alloy_test::nesting_fault(html::page({.title = "t", .body = markup})) == "");
    CHECK(markup.find("points at &lt;it&gt;") != std::string::npos);
    CHECK(markup.find("<td class=\"part\">where two share it</td>") != std::string::npos);
    CHECK(alloy_test::times(markup, "class=\"part\"") == 1);
    CHECK(html::page({.title = "t"}).find("td.part:first-child { padding-left: ") != std::string::npos);
  }
}

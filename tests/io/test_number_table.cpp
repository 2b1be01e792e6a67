// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core/error.hpp>
#include <alloy/io/number_table.hpp>

#include <fstream>
#include <rapidcheck.h>
#include <sys/stat.h>

using namespace alloy;

namespace {

NumberTable table(std::string_view text, const NumberTableLimits& limits = {}) { return parse_number_table(text, "t.csv", limits); }
using Values = std::vector<double>;

}  // namespace

TEST_CASE("tables of numbers", "[io]") {
  SECTION("with and without names") {
    const NumberTable plain = table("1,2.5\n-3e2, +4 \n");
    CHECK((plain.values == Values{1, 2.5, -300, 4} && plain.width == 2 && plain.rows() == 2 && plain.columns.empty()));
    const NumberTable named = table("time, volts\n0,1\n1,2\n");
    CHECK((named.values == Values{0, 1, 1, 2} && named.columns == std::vector<std::string>{"time", "volts"}));
    CHECK((table("_x, \u00DCber,\"2\"\n1,2,3\n").columns == std::vector<std::string>{"_x", "\u00DCber", "2"}));
    CHECK((table(" \"a, \"\"b\"\"\" ,\"\"\n1,2\n").columns == std::vector<std::string>{"a, \"b\"", ""}));  // a comma and quotes in quotes
    CHECK((table("1e-3\n").columns.empty() && table("e3\n1\n").columns.size() == 1));
    CHECK(table("5").values == Values{5});
    CHECK(table("1e-400,-1e-400\n").values == Values{0, 0});  // nearer to 0 than any double
  }
  SECTION("line ends, byte order mark and blank lines") {
    for (const char* text : {"1,2\n3,4\n", "1,2\r\n3,4\r\n", "1,2\n3,4",
                             "\xEF\xBB\xBF"
                             "1,2\n\n \r\n3,4\n\n"})
      CHECK(table(text).values == Values{1, 2, 3, 4});
  }
  SECTION("refused, with the line") {
    const std::pair<std::string, std::string> cases[] = {
        {"", "[t.csv] expected at least one row of numbers, got none"},
        {"\n \n", "at least one row"},
        {"a,b\n", "at least one row"},
        {"1,2\n3\n", "[t.csv, line 2] expected 2 numbers as in the lines above, got 1"},
        {"1,2\n\n3,4,5\n", "[t.csv, line 3] expected 2 numbers as in the lines above, got 3"},
        {"1\nfour\n", "[t.csv, line 2] expected a finite number in column 1, got 'four'"},
        {"a\nb\n", "line 2] expected a finite number in column 1, got 'b'"},
        {"1,2\n3,\n", "line 2] expected a finite number in column 2, got ''"},
        {"1\nnan\n", "got 'nan'"},
        {"1\n-inf\n", "got '-inf'"},
        {"1\n1e999\n", "got '1e999'"},
        {"1\n1 2\n", "got '1 2'"},
        {"1\n0x10\n", "got '0x10'"},
        {"1\n++1\n", "got '++1'"},
        {"1\n+-1\n", "got '+-1'"},
        {"1\n\"2\"\n", "got '\"2\"'"},
        {"1,2\n\"3,4\",5\n", "line 2] expected a finite number in column 1, got '\"3,4\"'"},
        // a first line that is neither a row nor names
        {"1.5.2\n1\n", "[t.csv, line 1] expected a number in column 1, or a name that begins with a letter, '_' or '\"', got '1.5.2'"},
        {"\n1,0x10\n1,2\n", "[t.csv, line 2] expected a number in column 2, or a name"},
        {"-x\n1\n", "got '-x'"},
        {"\u22121\n1\n", "got '???1'"},  // the minus of typesetters
        {",x\n0,1\n", "line 1] expected a number in column 1, or a name"},
        {"1,,2\n1,2,3\n", "line 1] expected a number in column 2, or a name"},
        {"time,2020\n1,2\n", "[t.csv, line 1] expected numbers or names of columns, got both, such as the name 'time'"},
        {"1,o2\n1,2\n", "got both, such as the name 'o2'"},
        {"nan\n1\n", "line 1] expected a finite number in column 1, got 'nan'"},
        {"inf,x\n1,2\n", "got both"},
        {"\"a\n1\n", "got '\"a'"},
        {"\"a\"b\n1\n", "got '\"a\"b'"},
        {std::string("1\n2\0", 4), "got '2?'"},
        {"1\n" + std::string(100, 'x'), "got '" + std::string(40, 'x') + "...'"},
    };
    for (const auto& [text, reason] : cases) {
      INFO(text);
      CHECK_THROWS_AS(table(text), DataError);
      CHECK_THROWS_WITH(table(text), ContainsSubstring(reason));
    }
  }
  SECTION("limits") {
    CHECK_THROWS_WITH(table("1,2,3\n", {.max_columns = 2}), ContainsSubstring("at most 2 columns"));
    CHECK_THROWS_WITH(table("1,2\n3,4\n", {.max_values = 3}), ContainsSubstring("line 2] expected at most 3 numbers"));
  }
  SECTION("any text is read or refused by a DataError") {
    rc::check([](const std::vector<uint8_t>& bytes) {
      std::string text;
      for (const uint8_t b : bytes) text += "0123456789.,,\n\n-e \"\"_a\xC3"[b % 23];
      try {
        const NumberTable found = table(text);
        RC_ASSERT(found.rows() * found.width == static_cast<int64_t>(found.values.size()));
      } catch (const DataError&) {
      }
    });
  }
}

TEST_CASE("files of numbers", "[io]") {
  const TempDir folder;
  std::ofstream(folder / "a.csv") << "1\n2\n";
  CHECK(read_number_table(folder / "a.csv").values == Values{1, 2});
  CHECK_THROWS_AS(read_number_table(folder / "b.csv"), IoError);
  CHECK_THROWS_AS(read_number_table(folder.path()), IoError);
  CHECK_THROWS_AS(read_number_table(folder / "a.csv", {.max_file_bytes = 3}), DataError);
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK_THROWS_AS(read_number_table(folder / "pipe"), IoError);
}

// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core/error.hpp>
#include <alloy/io/manifest.hpp>

#include <fstream>
#include <rapidcheck.h>
#include <sys/stat.h>

using namespace alloy;

namespace {

using Rows = std::vector<std::vector<std::string>>;
using Names = std::vector<std::string>;

Manifest csv(std::string_view text, const ManifestLimits& limits = {}) { return parse_manifest(text, ManifestFormat::csv, "m.csv", limits); }
Manifest jsonl(std::string_view text, const ManifestLimits& limits = {}) { return parse_manifest(text, ManifestFormat::jsonl, "m.jsonl", limits); }

struct Refused {
  std::string text, reason;
};

}  // namespace

TEST_CASE("CSV manifests", "[io]") {
  SECTION("cells as written, empty where absent") {
    const Manifest m = csv("image,text,label\na.png, a cat ,0\n,dog,1\nb.png,,\n");
    CHECK(m.columns == Names{"image", "text", "label"});
    CHECK(m.rows == Rows{{"a.png", " a cat ", "0"}, {"", "dog", "1"}, {"b.png", "", ""}});
    CHECK((m.num_rows() == 3 && m.column("label") == 2 && m.cell(1, "text") == "dog"));
    CHECK((m.has_column("text") && !m.has_column("split")));
    CHECK_THROWS_WITH(m.column("txt"), "[Manifest] expected a column \"txt\", got only: image, text, label");
    CHECK_THROWS_WITH(m.cell(3, "text"), ContainsSubstring("row of 0..2, got 3"));
    CHECK_THROWS_AS(m.cell(-1, "text"), ConfigError);
  }
  SECTION("quotes hold separators, line ends and quotes") {
    CHECK(csv("a,b\n\"1,2\",\"x \"\"y\"\"\"\n\"two\r\nlines\",\"\"\n").rows == Rows{{"1,2", "x \"y\""}, {"two\r\nlines", ""}});
  }
  SECTION("line ends, byte order mark and blank lines") {
    const Rows rows = {{"1", "2"}, {"3", "4"}};
    for (const char* text : {"a,b\n1,2\n3,4\n", "a,b\r\n1,2\r\n3,4\r\n", "a,b\n1,2\n3,4", "\xEF\xBB\xBF" "a,b\n1,2\n\n\r\n3,4\n\n"}) {
      CHECK(csv(text).rows == rows);
      CHECK(csv(text).columns == Names{"a", "b"});
    }
  }
  SECTION("a header alone has no rows") { CHECK(csv("a,b").rows.empty()); }
  SECTION("tabs") { CHECK(parse_manifest("a\tb\n1,2\t\"3\t4\"\n", ManifestFormat::tsv, "m").rows == Rows{{"1,2", "3\t4"}}); }
  SECTION("refused, with the line") {
    const Refused cases[] = {
        {"", "empty file"},
        {"\n\n", "empty file"},
        {"a,b\n1\n", "[m.csv, line 2] expected 2 cells, got 1"},
        {"a,b\n1,2\n\"x\ny\",2\n1,2,3\n", "[m.csv, line 5] expected 2 cells, got 3"},
        {"a,\n1,2\n", "no name for column 2"},
        {"a,b,a\n", "got \"a\" twice"},
        {"a\nx\"y\n", "[m.csv, line 2] expected quotes only around a whole cell"},
        {"a\n\"x\"y\n", "[m.csv, line 2] expected a separator or the end of the line"},
        {"a\n\"x\n\n", "[m.csv, line 2] expected a closing quote"},
        {"a\nx\ry\n", "[m.csv, line 2] expected a separator"},
        {std::string("a\nx\0y\n", 6), "[m.csv, line 2] expected UTF-8 text without NUL"},
        {"a\n\xFF\n", "UTF-8"},
        {"a\n\xC0\xAF\n", "UTF-8"},
        {"a\n\xED\xA0\x80\n", "UTF-8"},
        {"a\n\"\xE2\x82\"\n", "UTF-8"},
        {"\xFF\xFE" "a\n", "UTF-8"},
    };
    for (const auto& [text, reason] : cases) {
      INFO(text);
      CHECK_THROWS_AS(csv(text), DataError);
      CHECK_THROWS_WITH(csv(text), ContainsSubstring(reason));
    }
  }
  SECTION("limits") {
    const std::string longest(1 << 20, 'x');
    CHECK(csv("a\n" + longest + "\n").rows[0][0].size() == longest.size());
    CHECK_THROWS_WITH(csv("a\n" + longest + "x\n"), ContainsSubstring("at most 1048576 bytes, got 1048577"));
    CHECK_THROWS_AS(csv("a\n\"" + longest + "x\"\n"), DataError);
    CHECK_NOTHROW(csv("a,b\n1,2\n3,4\n", {.max_cells = 4}));
    CHECK_THROWS_WITH(csv("a,b\n1,2\n3,4\n5,6\n", {.max_cells = 4}), ContainsSubstring("at most 4 cells, got 3 rows of 2"));
    CHECK_NOTHROW(csv("a,b\n", {.max_columns = 2}));
    CHECK_THROWS_WITH(csv("a,b,c\n", {.max_columns = 2}), ContainsSubstring("at most 2 columns"));
  }
}

TEST_CASE("JSONL manifests", "[io]") {
  SECTION("columns are the keys of all lines, in order of appearance") {
    const Manifest m = jsonl("{\"text\": \"caf\\u00e9\", \"label\": 3}\n\n{\"image\": \"a.png\", \"label\": null, \"ok\": true, \"x\": 2.5}\r\n{\"x\": -1}");
    CHECK(m.columns == Names{"text", "label", "image", "ok", "x"});
    CHECK(m.rows == Rows{{"caf\xC3\xA9", "3", "", "", ""}, {"", "", "a.png", "true", "2.5"}, {"", "", "", "", "-1"}});
  }
  SECTION("refused, with the line") {
    const Refused cases[] = {
        {"", "got none"},
        {"{}\n{}\n", "got none"},
        {"{\"a\": 1}\n[1]\n", "[m.jsonl, line 2] expected an object, got a list"},
        {"{\"a\": 1}\n\n3\n", "[m.jsonl, line 3] expected an object, got an integer"},
        {"{\"a\": [1]}\n", "for \"a\", got a list"},
        {"{\"a\": {\"b\": 1}}\n", "for \"a\", got an object"},
        {"{\"a\": [[1]]}\n", "[m.jsonl, line 1]"},
        {"{\"a\": 1, \"a\": 2}\n", "\"a\" twice"},
        {"{\"a\": 1}\n{\"a\": \n1}\n", "[m.jsonl, line 2] expected JSON"},
        {"{\"a\": 1} {\"a\": 2}\n", "[m.jsonl, line 1]"},
        {"{\"\": 1}\n", "got an empty one"},
        {"{\"a\": \"x\\u0000\"}\n", "without NUL"},
        {"{\"a\": \"\xFF\"}\n", "[m.jsonl, line 1]"},
        {"{\"a\": \"\\ud800\"}\n", "[m.jsonl, line 1]"},
        {"{\"a\": 1e999}\n", "[m.jsonl, line 1]"},
    };
    for (const auto& [text, reason] : cases) {
      INFO(text);
      CHECK_THROWS_AS(jsonl(text), DataError);
      CHECK_THROWS_WITH(jsonl(text), ContainsSubstring(reason));
    }
  }
  SECTION("limits count the cells that lines leave out") {
    CHECK_THROWS_WITH(jsonl("{\"a\": 1, \"b\": 2}\n{}\n{}\n", {.max_cells = 4}), ContainsSubstring("at most 4 cells"));
    CHECK_THROWS_WITH(jsonl("{}\n{}\n{}\n", {.max_cells = 2}), ContainsSubstring("at most 2 cells"));
    CHECK_THROWS_WITH(jsonl("{\"a\": 1, \"b\": 2}\n{\"c\": 1}\n", {.max_columns = 2}), ContainsSubstring("line 2] expected at most 2 columns"));
    CHECK_THROWS_AS(jsonl("{\"a\": 1, \"b\": 2, \"c\": 1}\n", {.max_columns = 2}), DataError);
    CHECK_THROWS_AS(jsonl("{\"a\": \"" + std::string(50, 'x') + "\"}", {.max_field_bytes = 49}), DataError);
  }
}

TEST_CASE("read_manifest", "[io]") {
  TempDir folder;
  std::ofstream(folder / "m.csv") << "a\nx,\n";
  std::ofstream(folder / "m.tsv") << "a\tb\nx,\ty\n";
  std::ofstream(folder / "m.jsonl") << "{\"a\": 1}\n";
  CHECK(read_manifest(folder / "m.tsv").rows == Rows{{"x,", "y"}});
  CHECK(read_manifest(folder / "m.jsonl").rows == Rows{{"1"}});
  CHECK(read_manifest(folder / "m.jsonl").folder == folder.path());
  CHECK_THROWS_WITH(read_manifest(folder / "m.csv"), ContainsSubstring("m.csv, line 2] expected 1 cells, got 2"));
  CHECK_THROWS_WITH(read_manifest(folder / "m.json"), ContainsSubstring(".csv, .tsv or .jsonl, got \".json\""));
  CHECK_THROWS_AS(read_manifest(folder / "m.json"), ConfigError);
  CHECK_THROWS_AS(read_manifest(folder / "missing.csv"), IoError);
  REQUIRE(mkfifo((folder / "pipe.csv").c_str(), 0600) == 0);
  CHECK_THROWS_AS(read_manifest(folder / "pipe.csv"), IoError);
  CHECK_THROWS_WITH(read_manifest(folder / "m.tsv", {.max_file_bytes = 5}), ContainsSubstring("at most 5 bytes"));
}

TEST_CASE("to_csv", "[io]") {
  SECTION("reads back equal") {
    const auto cell = rc::gen::container<std::string>(rc::gen::element('a', 'b', ',', '"', '\n', '\r', '\t', ' ', ';'));
    const auto any = rc::gen::weightedOneOf<std::string>({{8, cell}, {1, rc::gen::just(std::string("\xEF\xBB\xBF"))}, {1, rc::gen::just(std::string("\xF0\x9F\x98\xBA"))}});
    const bool holds = rc::check("to_csv reads back equal", [&] {
      const auto columns = *rc::gen::inRange<size_t>(1, 5);
      Manifest manifest;
      for (size_t i = 0; i < columns; ++i) manifest.columns.push_back(*any + std::to_string(i));
      const auto rows = *rc::gen::inRange<size_t>(0, 6);
      for (size_t i = 0; i < rows; ++i) manifest.rows.push_back(*rc::gen::container<std::vector<std::string>>(columns, any));
      const Manifest again = csv(to_csv(manifest));
      RC_ASSERT(again.columns == manifest.columns);
      RC_ASSERT(again.rows == manifest.rows);
    });
    CHECK(holds);
  }
  SECTION("refuses what would not") {
    CHECK_THROWS_AS(to_csv({}), ConfigError);
    CHECK_THROWS_AS(to_csv({.columns = {"a", "a"}}), ConfigError);
    CHECK_THROWS_AS(to_csv({.columns = {"a", ""}}), ConfigError);
    CHECK_THROWS_WITH(to_csv({.columns = {"a"}, .rows = {{"1"}, {"1", "2"}}}), ContainsSubstring("1 cells in row 1, got 2"));
  }
}

TEST_CASE("split_alternatives", "[io]") {
  CHECK(split_alternatives("", '|').empty());
  CHECK(split_alternatives("one", '|') == Names{"one"});
  CHECK(split_alternatives("a|b c|d", '|') == Names{"a", "b c", "d"});
  CHECK(split_alternatives("a|b", ';') == Names{"a|b"});
  CHECK(split_alternatives("|a||", '|') == Names{"", "a", "", ""});
  CHECK(split_alternatives(R"(a\|b|c)", '|') == Names{"a|b", "c"});
  CHECK(split_alternatives(R"(a\\|b)", '|') == Names{R"(a\)", "b"});  // an escaped backslash, then a separator
  CHECK(split_alternatives(R"(a\\\|b)", '|') == Names{R"(a\|b)"});
  CHECK(split_alternatives(R"(C:\new|b\)", '|') == Names{R"(C:\new)", R"(b\)"});  // no escape: ordinary, also at the end
  CHECK(split_alternatives("\xC3\xA9|\xE2\x82\xAC", '|') == Names{"\xC3\xA9", "\xE2\x82\xAC"});
  for (const char bad : {'\\', '\0', '\xC3'}) CHECK_THROWS_AS(split_alternatives("a", bad), ConfigError);

  SECTION("any values can be written") {
    rc::check("escaped and joined, they come back", [] {
      const auto values = *rc::gen::container<Names>(1 + *rc::gen::inRange<size_t>(0, 4), rc::gen::container<std::string>(rc::gen::element('|', '\\', 'a')));
      RC_PRE(values.size() > 1 || !values.front().empty());
      std::string cell;
      for (size_t i = 0; i < values.size(); ++i) {
        if (i > 0) cell += '|';
        for (const char c : values[i]) cell += c == 'a' ? std::string("a") : std::string{'\\', c};
      }
      RC_ASSERT(split_alternatives(cell, '|') == values);
    });
  }
}

TEST_CASE("damaged manifests are refused or tables", "[io]") {
  const std::pair<ManifestFormat, std::string> seeds[] = {
      {ManifestFormat::csv, "\xEF\xBB\xBFimage,text,label\r\na.png,\"two\nlines, \"\"q\"\" \xF0\x9F\x98\xBA\",0\n,,1\n"},
      {ManifestFormat::tsv, "a\tb\n\"x\ty\"\t2\n"},
      {ManifestFormat::jsonl, "{\"a\": \"x\\ny\\u00e9\", \"b\": -1.5e3, \"c\": null}\n{\"d\": true}\n"}};
  const auto holds = [](ManifestFormat format, std::string_view text) {
    try {
      const Manifest manifest = parse_manifest(text, format, "m");
      for (const auto& row : manifest.rows)
        if (row.size() != manifest.columns.size()) return false;
      return csv(to_csv(manifest)).rows == manifest.rows;
    } catch (const DataError&) {
      return true;
    }
  };
  for (const auto& [format, seed] : seeds) {
    for (size_t size = 0; size < seed.size(); ++size) CHECK(holds(format, std::string_view(seed).substr(0, size)));
    std::string text = seed;
    for (size_t bit = 0; bit < text.size() * 8; ++bit) {
      text[bit / 8] = static_cast<char>(text[bit / 8] ^ 1 << bit % 8);
      INFO(text);
      CHECK(holds(format, text));
      text[bit / 8] = static_cast<char>(text[bit / 8] ^ 1 << bit % 8);
    }
  }
}

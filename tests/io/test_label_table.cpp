// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/mutations.hpp"

#include <alloy/io/label_table.hpp>

using namespace alloy;

TEST_CASE("label tables", "[io]") {
  SECTION("values and names, whatever follows") {
    const auto labels = parse_label_table("# an atlas\r\n1 Precentral_L 2001\r\n\r\n2\tPrecentral_R\n  30  Insula_R", "x");
    REQUIRE(labels.size() == 3);
    CHECK(labels[0].value == 1);
    CHECK(labels[0].name == "Precentral_L");
    CHECK(labels[1].name == "Precentral_R");
    CHECK(labels[2].value == 30);
    CHECK(labels[2].name == "Insula_R");
  }
  SECTION("what must be rejected") {
    std::string many;
    for (int i = 0; i <= 65536; ++i) many += std::to_string(i) + " a\n";
    struct Case {
      std::string what, text, message;
    };
    const std::vector<Case> cases = {
        {"empty", "", "at least one"},
        {"only remarks", "# a\n\n", "at least one"},
        {"no value", "1 a\nInsula_L\n", "[x:2]"},
        {"no name", "1\n", "'1'"},
        {"below 0", "-1 a\n", "'-1 a'"},
        {"a fraction", "1.5 a\n", "'1.5 a'"},
        {"beyond 2^63", "9223372036854775808 a\n", "a label >= 0"},
        {"twice", "1 a\n2 b\n1 c\n", "[x:3]"},
        {"a name of 257 bytes", "1 " + std::string(257, 'a'), "256 bytes"},
        {"control characters are not echoed", "1 a\x1b[2J\n", "'1 a?[2J'"},
        {"a zero byte", std::string("1 a\0b\n", 6), "'1 a?b'"},
        {"65,537 labels", many, "at most 65536"},
        {"more than 1 MiB", std::string((1 << 20) + 1, ' '), "at most 1048576 bytes"},
    };
    for (const Case& c : cases) {
      INFO(c.what);
      CHECK_THROWS_AS(parse_label_table(c.text, "x"), DataError);
      CHECK_THROWS_WITH(parse_label_table(c.text, "x"), ContainsSubstring(c.message));
    }
    CHECK_THROWS_AS(read_label_table("/no such file"), IoError);
  }
  SECTION("damaged files") {
    const TempDir dir;
    const auto load = [](const std::filesystem::path& path) { read_label_table(path); };
    CHECK(cut_everywhere(dir / "x", "12 Precentral_L 2001\n13 Precentral_R 2002\n", load).rejected > 0);
    CHECK(flip_every_bit(dir / "x", "12 Precentral_L 2001\n13 Precentral_R 2002\n", load).rejected > 0);
  }
}

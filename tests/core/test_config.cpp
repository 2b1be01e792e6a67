// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core.hpp>

using namespace alloy;

namespace {

enum class Colour { red, green };
constexpr auto enum_names(Colour) {
  return std::to_array<std::pair<Colour, std::string_view>>({{Colour::red, "red"}, {Colour::green, "green"}});
}

struct InnerOptions {
  double rate = 0.5;
  static void describe(auto& self, auto&& field) { field("rate", self.rate, "0..1"); }
};

struct OuterOptions {
  int64_t dim = 8;
  bool bias = true;
  std::string name = "x";
  std::filesystem::path file = {};
  Colour colour = Colour::red;
  std::vector<int64_t> sizes = {1, 2};
  InnerOptions inner = {};
  Config extra = {};
  static void describe(auto& self, auto&& field) {
    field("dim", self.dim, "width, > 0");
    field("bias", self.bias, "adds a bias");
    field("name", self.name, "a name");
    field("file", self.file, "a file");
    field("colour", self.colour, "a colour");
    field("sizes", self.sizes, "sizes");
    field("inner", self.inner, "nested");
    field("extra", self.extra, "anything");
  }
  void validate() const { check<ConfigError>(dim > 0, "[Outer] expected dim > 0, got {}", {dim}); }
};

}  // namespace

#define ALLOY_TEXT_OF_(...) #__VA_ARGS__
#define ALLOY_TEXT_OF(...) ALLOY_TEXT_OF_(__VA_ARGS__)

TEST_CASE("assertions are those of Catch2", "[core]") {
  // LibTorch defines a CHECK macro too; were it in force, a failed comparison would abort or pass uncounted.
  const std::string expanded = ALLOY_TEXT_OF(CHECK(1 == 2));
  CHECK_THAT(expanded, ContainsSubstring("Catch::AssertionHandler"));
}

TEST_CASE("options to config and back", "[core]") {
  SECTION("every field survives") {
    OuterOptions options{.dim = 3, .bias = false, .name = "é\"", .file = "a/b", .colour = Colour::green, .sizes = {}, .inner = {.rate = 0.1}};
    options.extra.set("k", 1);
    const Config config = to_config(options);
    const Config again = parse_json(to_json(config), "test");
    CHECK(again == config);
    CHECK(to_config(from_config<OuterOptions>(again)) == config);
  }
  SECTION("fields that are left out keep their defaults") {
    CHECK(from_config<OuterOptions>(parse_json(R"({"dim": 5})", "t")).sizes == std::vector<int64_t>{1, 2});
  }
  SECTION("an unknown option is named with its path and the known ones") {
    CHECK_THROWS_WITH(from_config<OuterOptions>(parse_json(R"({"inner": {"rat": 1}})", "t"), "/fusion"),
                      "/fusion/inner/rat: unknown option, known: rate");
  }
  SECTION("a wrong type is named with its path") {
    CHECK_THROWS_WITH(from_config<OuterOptions>(parse_json(R"({"sizes": [1, "a"]})", "t"), "/o"), "/o/sizes/1: expected an integer, got a string");
    CHECK_THROWS_WITH(from_config<OuterOptions>(parse_json(R"({"dim": 1.5})", "t")), ContainsSubstring("/dim: expected an integer, got 1.5"));
  }
  SECTION("an unknown enum value lists the known") {
    CHECK_THROWS_WITH(from_config<OuterOptions>(parse_json(R"({"colour": "blue"})", "t")), "/colour: unknown value 'blue', known: red, green");
  }
  SECTION("validate is called") {
    CHECK_THROWS_AS(from_config<OuterOptions>(parse_json(R"({"dim": 0})", "t")), ConfigError);
  }
  SECTION("the reference lists each option once") {
    const auto infos = option_infos<OuterOptions>();
    REQUIRE(infos.size() == 8);
    CHECK(infos[4].type == "red|green");
    CHECK(infos[5].type == "list of int");
    CHECK(infos[0].default_value == Config(8));
    CHECK(infos[0].description == "width, > 0");
  }
}

TEST_CASE("parse_json", "[core]") {
  SECTION("keeps order and kinds") {
    const Config c = parse_json(R"({"b": 1, "a": [true, null, 2.5, "s"]})", "t");
    CHECK(c.as_object()[0].first == "b");
    CHECK(c.at("a").as_array()[1].is_null());
    CHECK(c.at("a").as_array()[2].as_double() == 2.5);
  }
  SECTION("doubles read back bit-equal") {
    for (const double value : {0.1, 1e-308, 1.7976931348623157e308, -0.0, 2.0 / 3})
      CHECK(parse_json(to_json(Config(value)), "t").as_double() == value);
  }
  SECTION("refuses what is not one JSON value of bounded size") {
    for (const char* text : {"", "{", "[1,]", "{\"a\":1,}", "\xEF\xBB\xBF{}x", "{} {}", "nul", "\"\xff\"", "[1", "NaN", "18446744073709551615"})
      CHECK_THROWS_AS(parse_json(text, "t"), DataError);
    CHECK_THROWS_AS(parse_json(std::string_view("{}\0junk", 7), "t"), DataError);
    CHECK_THROWS_WITH(parse_json(R"({"a":1,"a":2})", "t"), ContainsSubstring("\"a\" twice"));
    CHECK_THROWS_WITH(parse_json(std::string(100'000, '['), "t"), ContainsSubstring("64 levels"));
    CHECK_THROWS_WITH(parse_json("[1,2,3,4]", "t", {.depth = 64, .values = 3}), ContainsSubstring("at most 3"));
  }
}

// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core/error.hpp>
#include <alloy/io/time_stamp.hpp>

using namespace alloy;

TEST_CASE("time stamps", "[io]") {
  SECTION("dates and times, as date -u +%s has them") {
    const std::vector<std::pair<std::string, double>> known = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-03-01T12:30:05Z", 1772368205},
        {"2026-03-01 12:30:05", 1772368205},
        {"2026-03-01T13:30:05+01:00", 1772368205},
        {"2026-03-01T13:30:05+0100", 1772368205},
        {"2026-03-01T06:30:05-06", 1772368205},
        {"2026-03-01T12:30", 1772368200},
        {"2026-03-01", 1772323200},
        {"2024-02-29T23:59:59.25", 1709251199.25},
        {"1969-12-31T23:59:59Z", -1},
        {"  2026-03-01  ", 1772323200},
    };
    for (const auto& [text, seconds] : known) {
      INFO(text);
      REQUIRE(parse_time_stamp(text).has_value());
      CHECK(*parse_time_stamp(text) == Approx(seconds).epsilon(1e-15).margin(1e-9));
    }
  }
  SECTION("numbers are seconds") {
    CHECK(*parse_time_stamp("0") == 0);
    CHECK(*parse_time_stamp("-12.5") == -12.5);
    CHECK(*parse_time_stamp("1.5e3") == 1500);
  }
  SECTION("what is neither") {
    for (const std::string text : {"",
                                   " ",
                                   "soon",
                                   "nan",
                                   "inf",
                                   "1e999",
                                   "12:30",
                                   "2026-02-29",
                                   "2026-13-01",
                                   "2026-00-01",
                                   "0000-01-01",
                                   "2026-03-01T24:00",
                                   "2026-03-01T12:60",
                                   "2026-03-01T12:30:60",
                                   "2026-03-01T12:30:05.",
                                   "2024-01-02T12:30.5",
                                   "2026-03-01T12",
                                   "2026-03-01T",
                                   "2026-03-01T12:30+",
                                   "2026-03-01T12:30+25:00",
                                   "2026-03-01T12:30Zx",
                                   "2026-3-1",
                                   "12 34",
                                   "2026-03-01T12:30:05+01:0"}) {
      INFO(text);
      CHECK_FALSE(parse_time_stamp(text).has_value());
    }
  }
  SECTION("written, and read back") {
    CHECK(time_stamp(1772368205.4) == "2026-03-01T12:30:05Z");
    CHECK(time_stamp(-0.6) == "1969-12-31T23:59:59Z");
    for (const double seconds : {0.0, -86401.0, 951782400.0, 253402300799.0, -62135596800.0})
      CHECK(*parse_time_stamp(time_stamp(seconds)) == seconds);
    CHECK_THROWS_AS(time_stamp(1e15), ConfigError);
    CHECK_THROWS_AS(time_stamp(NAN), ConfigError);
  }
}

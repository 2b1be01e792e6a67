// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include "data/detail/run_program.hpp"

#include <alloy/core/error.hpp>

#include <filesystem>

using namespace alloy;
using alloy::detail::run_program;

TEST_CASE("run_program", "[data]") {
  SECTION("gives output, messages and exit code, however much is printed") {
    const auto result = run_program("sh", {"-c", "head -c 300000 /dev/zero; echo no >&2; head -c 300000 /dev/zero >&2; exit 3"});
    CHECK(result.found);
    CHECK(result.exit_code == 3);
    CHECK(result.output == std::string(300000, '\0'));
    CHECK(result.messages == "no\n" + std::string(300000, '\0'));
    CHECK(run_program("sh", {"-c", "kill -9 $$"}).exit_code == 128 + 9);
  }
  SECTION("hands arguments over as they are, and nothing to read") {
    CHECK(run_program("printf", {"%s,%s", "$HOME; ls", "a b"}).output == "$HOME; ls,a b");
    CHECK(run_program("cat", {}).output.empty());
  }
  SECTION("a program that is not there") {
    CHECK_FALSE(run_program("no-such-program-anywhere", {}).found);
    CHECK_FALSE(run_program("/no/such/program", {}).found);
    CHECK_THROWS_AS(run_program("/", {}), IoError);
  }
  SECTION("limits") {
    CHECK_THROWS_WITH(run_program("yes", {}, {.max_bytes = 1000}), ContainsSubstring("at most 1000 bytes from yes"));
    CHECK_THROWS_WITH(run_program("sleep", {"60"}, {.max_seconds = 0.1}), ContainsSubstring("sleep to end within 0.1 s"));
  }
  SECTION("leaves no descriptor and no process behind") {
    const auto open_files = [] { return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}); };
    const auto before = open_files();
    for (int i = 0; i < 5; ++i) {
      run_program("true", {});
      CHECK_THROWS_AS(run_program("yes", {}, {.max_bytes = 10}), IoError);
      run_program("no-such-program-anywhere", {});
    }
    CHECK(open_files() == before);
  }
}

// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/mutations.hpp"

#include <alloy/data/shard_paths.hpp>

using namespace alloy;
namespace fs = std::filesystem;

TEST_CASE("shard names with braces", "[data]") {
  using Paths = std::vector<fs::path>;
  CHECK(expand_shards({"a/t-{000..003}.tar"}) == Paths{"a/t-000.tar", "a/t-001.tar", "a/t-002.tar", "a/t-003.tar"});
  CHECK(expand_shards({"{8..11}"}) == Paths{"8", "9", "10", "11"});
  CHECK(expand_shards({"{08..11}"}) == Paths{"08", "09", "10", "11"});
  CHECK(expand_shards({"{8..0011}"}) == Paths{"0008", "0009", "0010", "0011"});
  CHECK(expand_shards({"{2..0}"}) == Paths{"2", "1", "0"});
  CHECK(expand_shards({"{5..5}"}) == Paths{"5"});
  CHECK(expand_shards({"{0..0}x"}) == Paths{"0x"});
  CHECK(expand_shards({"{train,valid,}.tar"}) == Paths{"train.tar", "valid.tar", ".tar"});
  CHECK(expand_shards({"{a,b}-{1..2}.tar"}) == Paths{"a-1.tar", "a-2.tar", "b-1.tar", "b-2.tar"});
  CHECK(expand_shards({"z.tar", "a.tar", "z.tar"}) == Paths{"z.tar", "a.tar", "z.tar"});
  CHECK(expand_shards({}).empty());
  CHECK(expand_shards({"{1..1000}{1..1000}"}).size() == 1'000'000);
  for (const std::string bad : {"{", "}", "a}b", "{}", "{a}", "{1..}", "{..2}", "{-1..2}", "{1..x}", "{1...3}", "{1..3..2}", "{a..c}", "{a,{b,c}}", "{1..2", "{4294967296..4294967297}",
                                "{99999999999999999999..2}"}) {
    INFO(bad);
    CHECK_THROWS_WITH(expand_shards({"ok.tar", bad}), ContainsSubstring("{000..009} or {a,b}, got '" + bad + "'"));
  }
  for (const std::string many : {"{0..1000000}", "{0..2147483647}", "{1..1001}{1..1000}", "{1..1000}{1..1000}{1..1000}"})
    CHECK_THROWS_WITH(expand_shards({many}), ContainsSubstring("at most 1000000 names"));
}

TEST_CASE("a folder of shards", "[data]") {
  const TempDir dir;
  for (const char* name : {"b.tar", "a.tar", "c.tar.gz", "readme.txt"}) write_raw(dir / name, "");
  fs::create_directory(dir / "empty");
  CHECK(expand_shards({"first.tar", dir.path().string()}) == std::vector<fs::path>{"first.tar", dir / "a.tar", dir / "b.tar"});
  CHECK_THROWS_WITH(expand_shards({(dir / "empty").string()}), ContainsSubstring("expected *.tar files in the folder"));
}

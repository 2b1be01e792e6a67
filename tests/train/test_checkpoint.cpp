// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/faults.hpp"
#include "support/warnings.hpp"

#include <alloy/core/error.hpp>
#include <alloy/io/atomic_write.hpp>
#include <alloy/io/file.hpp>
#include <alloy/train/checkpoint.hpp>

#include <chrono>
#include <fstream>
#include <random>
#include <signal.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace alloy;
namespace fs = std::filesystem;

namespace {

std::string content(int64_t step, size_t bytes = 1000) { return std::to_string(step) + std::string(bytes, 'x') + std::to_string(step); }

fs::path save(CheckpointStore& store, int64_t step, std::optional<double> score = {}, size_t bytes = 1000) {
  return store.save(step, Config::object({{"step", Config(step)}}), score, [&](const fs::path& folder) {
    write_file(folder / "a", content(step, bytes));
    write_file(folder / "b", content(-step, bytes));
  });
}

std::vector<int64_t> steps(const CheckpointStore& store) {
  std::vector<int64_t> found;
  for (const fs::path& folder : store.list()) found.push_back(read_checkpoint(folder).step);
  return found;
}

size_t entries(const fs::path& folder) { return static_cast<size_t>(std::distance(fs::directory_iterator(folder), {})); }

}  // namespace

TEST_CASE("checkpoint store", "[train]") {
  const TempDir dir;
  SECTION("keeps the newest and the best") {
    CheckpointStore store(dir / "c", {.keep_last = 2});
    for (const auto& [step, score] : std::vector<std::pair<int64_t, std::optional<double>>>{{1, 0.2}, {2, 0.9}, {3, {}}, {4, 0.5}, {5, {}}}) save(store, step, score);
    CHECK(steps(store) == std::vector<int64_t>{2, 4, 5});
    const auto latest = latest_checkpoint(dir / "c");
    REQUIRE(latest);
    CHECK(latest->step == 5);
    CHECK(latest->state.at("step").as_int() == 5);
    CHECK_FALSE(latest->score);
    CHECK(read_checkpoint(dir / "c" / "step-00000002").score == 0.9);
    CHECK(entries(dir / "c") == 4);  // with the lock
    save(store, 3, 0.1);             // a training taken up at an earlier step keeps what it writes now
    CHECK(steps(store) == std::vector<int64_t>{2, 3});
  }
  SECTION("none yet") { CHECK_FALSE(latest_checkpoint(dir / "nowhere")); }
  SECTION("two trainings cannot share a folder") {
    CheckpointStore store(dir / "c", {});
    CHECK_THROWS_WITH(CheckpointStore(dir / "c", {}), ContainsSubstring("another training is at work"));
  }
  SECTION("refuses what is no folder of its own") {
    fs::create_directory(dir / "real");
    fs::create_directory_symlink(dir / "real", dir / "link");
    std::ofstream(dir / "file") << "x";
    CHECK_THROWS_WITH(CheckpointStore(dir / "link", {}), ContainsSubstring("symbolic link"));
    CHECK_THROWS_AS(CheckpointStore(dir / "file", {}), IoError);
    CHECK_THROWS_AS(CheckpointStore(dir / "c", {.keep_last = 0}), ConfigError);
    CheckpointStore store(dir / "c", {});
    fs::create_directory_symlink(dir / "real", dir / "c" / "step-00000007");
    CHECK_THROWS_AS(save(store, 7), IoError);
    CHECK(entries(dir / "real") == 0);
    fs::remove_all(dir / "c");  // the folder vanishes
    CHECK_THROWS_AS(save(store, 8), IoError);
  }
}

TEST_CASE("a damaged checkpoint is noticed and passed by", "[train]") {
  const TempDir dir;
  CheckpointStore store(dir / "c", {.keep_last = 3});
  for (const int64_t step : {1, 2, 3}) save(store, step);
  const fs::path newest = dir / "c" / "step-00000003";
  const auto expect_fallback = [&](const std::string& reason) {
    const Warnings warnings;
    CHECK_THROWS_WITH(read_checkpoint(newest), ContainsSubstring(reason));
    const auto latest = latest_checkpoint(dir / "c");
    REQUIRE(latest);
    CHECK(latest->step == 2);
    CHECK(warnings.texts.size() == 1);
  };
  SECTION("a bit flipped, anywhere in any file") {
    for (const char* file : {"a", "b", "manifest.json"}) {
      const std::string good = read_text_file(newest / file, 1 << 20);
      for (size_t place = 0; place < good.size(); place += file[0] == 'm' ? 1 : 97) {
        std::string bad = good;
        bad[place] = static_cast<char>(bad[place] ^ 4);
        std::ofstream(newest / file) << bad;
        INFO(file << " at " << place);
        try {
          const Checkpoint read = read_checkpoint(newest);
          CHECK(std::isspace(static_cast<unsigned char>(good[place])));  // a blank that became another says the same
          CHECK(read.step == 3);
        } catch (const Error&) {
          SUCCEED();
        }
      }
      std::ofstream(newest / file) << good;
    }
    CHECK(read_checkpoint(newest).step == 3);
  }
  SECTION("a file of another checkpoint") {
    fs::copy_file(dir / "c" / "step-00000002" / "a", newest / "a", fs::copy_options::overwrite_existing);
    expect_fallback("damaged or of another checkpoint");
  }
  SECTION("cut") {
    std::ofstream(newest / "b") << "3xxx";
    expect_fallback("bytes that were written, got 4");
  }
  SECTION("gone") {
    fs::remove(newest / "b");
    expect_fallback("got none");
  }
  SECTION("no manifest") {
    fs::remove(newest / "manifest.json");
    expect_fallback("manifest.json");
  }
  SECTION("another format") {
    std::ofstream(newest / "manifest.json") << "{\"format\": \"other\"}";
    expect_fallback("got 'other'");
  }
  SECTION("all damaged") {
    const Warnings warnings;
    for (const fs::path& folder : store.list()) fs::remove(folder / "a");
    CHECK_THROWS_WITH(latest_checkpoint(dir / "c"), ContainsSubstring("a whole checkpoint among 3, got none"));
  }
}

TEST_CASE("a save that fails leaves all earlier checkpoints", "[train]") {
  const TempDir dir;
  CheckpointStore store(dir / "c", {.keep_last = 2});
  save(store, 1);
  save(store, 2);
  for (const int error : {ENOSPC, EIO}) {
    int failures = 0;
    for (int nth = 0;; ++nth) {
      bool failed = false, struck = false;
      {
        const alloy_test::Faults faults(nth, error);
        try {
          save(store, 3);
        } catch (const IoError&) {
          failed = true;
        }
        struck = static_cast<int>(faults.calls().size()) > nth;
      }
      failures += failed;
      const auto latest = latest_checkpoint(dir / "c");
      REQUIRE(latest);
      CHECK((latest->step == 2 || (!failed && latest->step == 3)));
      CHECK(entries(dir / "c") == 3);  // two checkpoints and the lock, no temporary
      if (!failed) {  // no call was struck, or one that can be done without
        fs::remove_all(dir / "c" / "step-00000003");
        save(store, 1);
        save(store, 2);
      }
      if (!struck) break;
    }
    CHECK(failures > 8);
  }
}

TEST_CASE("row C3: a save writes beside what is there, and makes it durable before it takes its name", "[train]") {
  const TempDir dir;
  CheckpointStore store(dir / "c", {.keep_last = 1});
  save(store, 1);
  for (const int64_t step : {1, 2}) {  // one that replaces a checkpoint, and a new one
    std::vector<std::string> calls;
    {
      const Faults recorder;
      save(store, step);
      calls = recorder.calls();
    }
    const std::string target = (dir / "c").string() + "/" + CheckpointStore::name_of(step);
    bool named = false;
    std::string open_file;
    for (size_t k = 0; k < calls.size(); ++k) {
      INFO(step << ", call " << k << ": " << calls[k]);
      if (calls[k].starts_with("open for writing ")) {
        CHECK_FALSE(calls[k].substr(17).starts_with(target));  // never in the live folder
        open_file = calls[k];
      }
      if (calls[k] == "write") {  // whatever is written is synced before anything is renamed
        const auto next = std::find_if(calls.begin() + static_cast<std::ptrdiff_t>(k), calls.end(), [](const std::string& c) { return c == "fsync" || c == "exchange" || c.starts_with("rename "); });
        REQUIRE(next != calls.end());
        CHECK(*next == "fsync");
        CHECK_FALSE(named);
      }
      if (calls[k] == "exchange" || (calls[k].starts_with("rename ") && calls[k].ends_with(" " + target))) {
        named = true;
        REQUIRE(k > 0);
        CHECK(calls[k - 1] == "fsync");                                              // of the folder that comes
        CHECK(std::find(calls.begin() + static_cast<std::ptrdiff_t>(k), calls.end(), "fsync") != calls.end());  // of the folder that holds it
      }
    }
    CHECK(named);
    CHECK_FALSE(open_file.empty());
  }
}

TEST_CASE("row C4: a folder that may not be written to", "[train]") {
  const TempDir dir;
  fs::permissions(dir.path(), fs::perms::all);
  CheckpointStore store(dir / "c", {});
  save(store, 1);
  fs::permissions(dir / "c", fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read | fs::perms::others_exec);
  const uid_t self = geteuid();
  if (self == 0) REQUIRE(seteuid(65534) == 0);  // the administrator may write anywhere
  std::string message, made;
  try {
    save(store, 2);
  } catch (const IoError& error) {
    message = error.what();
  }
  try {
    const CheckpointStore second(dir / "c" / "inner", {});
  } catch (const IoError& error) {
    made = error.what();
  }
  if (self == 0) REQUIRE(seteuid(self) == 0);
  CHECK_THAT(message, ContainsSubstring("ermission denied") && ContainsSubstring((dir / "c").string()));
  CHECK_THAT(made, ContainsSubstring("ermission denied") && ContainsSubstring("inner"));
  fs::permissions(dir / "c", fs::perms::owner_all);
  CHECK(latest_checkpoint(dir / "c")->step == 1);
  CHECK(entries(dir / "c") == 2);  // the checkpoint and the lock
}

TEST_CASE("a process killed while saving leaves a whole checkpoint", "[train]") {
  const TempDir dir;
  std::mt19937 random(7);
  { CheckpointStore(dir / "c", {}).save(1, Config::object(), {}, [](const fs::path& folder) { write_file(folder / "a", content(1)); }); }
  int64_t last = 1;
  // How long a save takes on this machine as it is now: the moments of death are spread over a few saves.
  const auto began = std::chrono::steady_clock::now();
  {
    CheckpointStore store(dir / "timed", {.keep_last = 2});
    for (int64_t step = 1; step <= 4; ++step) save(store, step, {}, 50'000);
  }
  const auto one_save = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began).count() / 4;
  for (int round = 0; round < 50; ++round) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      CheckpointStore store(dir / "c", {.keep_last = 2});
      for (int64_t step = last + 1;; ++step) save(store, step, {}, 50'000);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(one_save / 2 + static_cast<int64_t>(random() % 1000) * one_save * 4 / 1000));
    kill(child, SIGKILL);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    const Warnings warnings;
    const auto latest = latest_checkpoint(dir / "c");
    REQUIRE(latest);
    CHECK(latest->step >= last);
    CHECK(warnings.texts.size() == 0);
    last = latest->step;
  }
  CHECK(last > 3);
}

// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/faults.hpp"

#include <alloy/core/error.hpp>
#include <alloy/io/atomic_write.hpp>
#include <alloy/io/file.hpp>

#include <fstream>
#include <random>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace alloy;
namespace fs = std::filesystem;

namespace {

std::string content(const fs::path& path) { return read_text_file(path, 1 << 20); }
size_t entries(const fs::path& folder) { return static_cast<size_t>(std::distance(fs::directory_iterator(folder), {})); }

/// Two files that belong together.
void save_pair(const fs::path& folder, const std::string& text) {
  replace_folder(folder, [&](const fs::path& temporary) {
    write_file(temporary / "a", text);
    fs::create_directory(temporary / "sub");
    std::ofstream(temporary / "sub" / "b") << text;
  });
}
/// The text of both files, or a failure.
std::string load_pair(const fs::path& folder) {
  recover_folder(folder);
  const std::string a = content(folder / "a");
  CHECK(content(folder / "sub" / "b") == a);
  CHECK(entries(folder) == 2);
  return a;
}

/// Runs `save(generation)` for generation 1, 2, ... in a process of its own and kills it at a random time after the first, which may
/// take long on a busy machine.
template <class Save>
void kill_while(std::mt19937& random, const Save& save) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    for (int generation = 1;; ++generation) {
      save(generation);
      if (generation == 1 && write(ends[1], "1", 1) != 1) _exit(1);
    }
  }
  char first = 0;
  close(ends[1]);  // if the child dies, nothing is read
  REQUIRE(read(ends[0], &first, 1) == 1);
  close(ends[0]);
  std::this_thread::sleep_for(std::chrono::microseconds(500 + random() % 8000));
  kill(child, SIGKILL);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
}
std::string generation_text(int generation) { return std::to_string(generation) + std::string(100'000, 'x') + std::to_string(generation); }
int generation_of(const std::string& text) {
  const int generation = std::stoi(text);
  CHECK(text == generation_text(generation));
  return generation;
}

}  // namespace

TEST_CASE("write_file", "[io]") {
  const TempDir dir;
  const fs::path path = dir / "f";

  SECTION("makes and replaces, and leaves nothing else") {
    write_file(path, "one");
    CHECK(content(path) == "one");
    write_file(path, "");
    CHECK(content(path).empty());
    write_file(path, std::as_bytes(std::span("two", 3)));
    CHECK(content(path) == "two");
    CHECK(entries(dir.path()) == 1);
  }
  SECTION("keeps permissions") {
    write_file(path, "one");
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
    write_file(path, "two");
    CHECK((fs::status(path).permissions() & fs::perms::all) == (fs::perms::owner_read | fs::perms::owner_write));
  }
  SECTION("takes over what a crash left") {
    std::ofstream(dir / ".f.tmp") << "much longer than the new content";
    write_file(path, "short");
    CHECK(content(path) == "short");
    CHECK(entries(dir.path()) == 1);
  }
  SECTION("a file that is not committed does not appear") {
    write_file(path, "old");
    {
      AtomicFile file(path);
      file.write("new");
    }
    CHECK(content(path) == "old");
    CHECK(entries(dir.path()) == 1);
  }
  SECTION("two writers of one file: the second is told") {
    AtomicFile first(path);
    first.write("first");
    CHECK_THROWS_WITH(write_file(path, "second"), ContainsSubstring("another writer") && ContainsSubstring("/f"));
    first.commit();
    CHECK(content(path) == "first");
    CHECK_THROWS_AS(first.write("more"), IoError);
    write_file(path, "second");
    CHECK(content(path) == "second");
  }
  SECTION("refuses links, folders, FIFOs and paths that lead nowhere") {
    std::ofstream(dir / "real") << "real";
    fs::create_symlink(dir / "real", dir / "link");
    fs::create_symlink(dir / "nothing", dir / "dangling");
    fs::create_directory(dir / "folder");
    REQUIRE(mkfifo((dir / "fifo").c_str(), 0600) == 0);
    CHECK_THROWS_WITH(write_file(dir / "link", "x"), ContainsSubstring("symbolic link"));
    CHECK_THROWS_WITH(write_file(dir / "dangling", "x"), ContainsSubstring("symbolic link"));
    for (const fs::path& target : {dir / "folder", dir / "fifo", dir / "none" / "f", dir / "real" / "f", dir.path() / "", fs::path(), fs::path("..")})
      CHECK_THROWS_AS(write_file(target, "x"), IoError);
    CHECK(content(dir / "real") == "real");
    CHECK(!fs::exists(dir / "nothing"));
  }
  SECTION("does not write through a planted temporary") {
    std::ofstream(dir / "victim") << "victim";
    fs::create_symlink(dir / "victim", dir / ".f.tmp");
    CHECK_THROWS_AS(write_file(path, "x"), IoError);
    fs::remove(dir / ".f.tmp");
    fs::create_hard_link(dir / "victim", dir / ".f.tmp");
    CHECK_THROWS_AS(write_file(path, "x"), IoError);
    CHECK(content(dir / "victim") == "victim");
  }
}

TEST_CASE("write_file makes its system calls in the order that survives a crash", "[io]") {
  const TempDir dir;
  const std::string path = dir / "f", temporary = dir / ".f.tmp";
  std::ofstream(path) << "old";
  const Faults recorder;
  write_file(path, "new");
  CHECK(recorder.calls() == std::vector<std::string>{"open for writing " + temporary, "flock", "truncate", "write", "fsync",
                                                     "rename " + temporary + " " + path, "open " + dir.path().string() + "/.", "fsync"});
}

TEST_CASE("write_file under faults at every call", "[io]") {
  const TempDir dir;
  const fs::path path = dir / "f";
  const std::string old_text(5000, 'o'), new_text(7000, 'n');
  for (const int error : {EIO, ENOSPC, EROFS}) {
    for (const bool sticky : {false, true}) {
      for (int nth = 0;; ++nth) {
        std::ofstream(path) << old_text;
        bool renamed = false, struck = false, failed = false, locking = false;
        {
          const Faults faults(nth, error, sticky);
          try {
            write_file(path, new_text);
          } catch (const IoError& caught) {
            failed = true;
            CHECK_THAT(std::string(caught.what()), ContainsSubstring(std::strerror(error)));
          }
          struck = faults.struck();
          locking = struck && faults.calls()[static_cast<size_t>(nth)] == "flock";
          const auto is_rename = [](const std::string& call) { return call.starts_with("rename"); };
          const auto found = std::ranges::find_if(faults.calls(), is_rename);
          renamed = found != faults.calls().end() && found - faults.calls().begin() < nth;
        }
        INFO("errno " << error << " at call " << nth << (sticky ? " and after" : ""));
        if (!struck) {
          CHECK(content(path) == new_text);
          break;
        }
        CHECK(failed == (sticky || !locking));  // a file system without locks is no error
        CHECK(content(path) == (failed && !renamed ? old_text : new_text));
        CHECK(entries(dir.path()) == 1);
      }
    }
  }
  for (const int error : {EINTR, Faults::kShort}) {
    for (int nth = 0;; ++nth) {
      const Faults faults(nth, error, /*sticky=*/error == Faults::kShort);
      write_file(path, new_text);
      CHECK(content(path) == new_text);
      if (!faults.struck()) break;
    }
  }
}

TEST_CASE("write_file killed at random moments", "[io]") {
  const TempDir dir;
  std::mt19937 random(1);
  int progress = 0;
  for (int moment = 0; moment < 50; ++moment) {
    write_file(dir / "f", generation_text(0));
    kill_while(random, [&](int generation) { write_file(dir / "f", generation_text(generation)); });
    progress += generation_of(content(dir / "f"));
    CHECK(entries(dir.path()) <= 2);  // the file, and at most one temporary
  }
  CHECK(progress >= 50);
}

TEST_CASE("replace_folder", "[io]") {
  const TempDir dir;
  const fs::path folder = dir / "model";

  SECTION("makes and replaces, and leaves nothing else") {
    save_pair(folder, "one");
    CHECK(load_pair(folder) == "one");
    std::ofstream(folder / "stray") << "gone with the old folder";
    save_pair(folder / "", "two");  // a trailing slash is the same folder
    CHECK(load_pair(folder) == "two");
    CHECK(entries(dir.path()) == 1);
  }
  SECTION("where folders cannot be exchanged") {
    Faults faults;
    faults.forbid_exchange();
    save_pair(folder, "one");
    save_pair(folder, "two");
    CHECK(load_pair(folder) == "two");
    CHECK(entries(dir.path()) == 1);
  }
  SECTION("what fill throws passes through and nothing changes") {
    save_pair(folder, "one");
    const auto broken = [](const fs::path& temporary) {
      write_file(temporary / "a", "two");
      throw std::logic_error("mine");
    };
    CHECK_THROWS_AS(replace_folder(folder, broken), std::logic_error);
    CHECK(load_pair(folder) == "one");
    CHECK(entries(dir.path()) == 1);
  }
  SECTION("a fill that leaves a link or removes its folder is refused") {
    save_pair(folder, "one");
    CHECK_THROWS_AS(replace_folder(folder, [](const fs::path& temporary) { fs::create_symlink("/etc", temporary / "x"); }), IoError);
    CHECK_THROWS_AS(replace_folder(folder, [](const fs::path& temporary) { fs::remove_all(temporary); }), IoError);
    CHECK(load_pair(folder) == "one");
  }
  SECTION("two writers of one folder: the second is told") {
    replace_folder(folder, [&](const fs::path&) {
      CHECK_THROWS_WITH(save_pair(folder, "inner"), ContainsSubstring("another writer") && ContainsSubstring("model"));
    });
    CHECK(entries(folder) == 0);
    save_pair(folder, "free again");
    CHECK(load_pair(folder) == "free again");
  }
  SECTION("refuses links, files and paths that lead nowhere") {
    save_pair(folder, "one");
    fs::create_directory_symlink(folder, dir / "link");
    std::ofstream(dir / "file") << "file";
    CHECK_THROWS_WITH(save_pair(dir / "link", "x"), ContainsSubstring("symbolic link"));
    CHECK_THROWS_WITH(save_pair(dir / "file", "x"), ContainsSubstring("none"));
    CHECK_THROWS_AS(save_pair(dir / "none" / "model", "x"), IoError);
    CHECK_THROWS_AS(save_pair(dir / "..", "x"), IoError);
    CHECK(load_pair(folder) == "one");
    CHECK(content(dir / "file") == "file");
  }
  SECTION("a folder whose parent vanished while it was filled") {
    fs::create_directory(dir / "p");
    CHECK_THROWS_AS(replace_folder(dir / "p" / "model", [&](const fs::path&) { fs::remove_all(dir / "p"); }), IoError);
    CHECK(entries(dir.path()) == 0);
  }
}

TEST_CASE("recover_folder", "[io]") {
  const TempDir dir;
  const fs::path folder = dir / "model";
  save_pair(folder, "old");
  SECTION("puts back what was renamed away") {
    fs::rename(folder, dir / ".model.old");
    fs::create_directory(dir / ".model.tmp");
    CHECK(load_pair(folder) == "old");
    CHECK(entries(dir.path()) == 1);
  }
  SECTION("a crash after the new one came is cleared by the next writer") {
    fs::copy(folder, dir / ".model.old", fs::copy_options::recursive);
    CHECK(load_pair(folder) == "old");
    save_pair(folder, "new");
    CHECK(load_pair(folder) == "new");
    CHECK(entries(dir.path()) == 1);
  }
  SECTION("a folder that never was is no error") { recover_folder(dir / "other"); }
  SECTION("reports a lock that does not go away") {
    fs::rename(folder, dir / ".model.old");
    const int lock = ::open((dir / ".model.lock").c_str(), O_CREAT | O_RDWR, 0600);
    REQUIRE(::flock(lock, LOCK_EX) == 0);
    CHECK_THROWS_WITH(recover_folder(folder), ContainsSubstring("another writer"));
    ::close(lock);
    CHECK(load_pair(folder) == "old");
  }
}

TEST_CASE("replace_folder under faults at every call", "[io][slow]") {
  for (const bool can_exchange : {true, false}) {
    for (const bool sticky : {false, true}) {
      for (int nth = 0;; ++nth) {
        const TempDir dir;
        const fs::path folder = dir / "model";
        save_pair(folder, "old");
        bool failed = false, struck = false, locking = false;
        {
          Faults faults(nth, EIO, sticky);
          if (!can_exchange) faults.forbid_exchange();
          try {
            save_pair(folder, "new");
          } catch (const IoError&) {
            failed = true;
          }
          struck = faults.struck();
          locking = struck && faults.calls()[static_cast<size_t>(nth)] == "flock";
        }
        INFO("call " << nth << (sticky ? " and after" : "") << (can_exchange ? "" : ", no exchange"));
        if (!struck) {
          CHECK(load_pair(folder) == "new");
          break;
        }
        CHECK(failed == (sticky || !locking));
        const std::string found = load_pair(folder);
        if (sticky) CHECK((found == "old" || found == "new"));  // a disk that is gone cannot take a step back either
        else CHECK(found == (failed ? "old" : "new"));
        if (!sticky) CHECK(entries(dir.path()) == 1);
        save_pair(folder, "next");
        CHECK(load_pair(folder) == "next");
        CHECK(entries(dir.path()) == 1);
      }
    }
  }
}

TEST_CASE("replace_folder killed at random moments", "[io][slow]") {
  std::mt19937 random(2);
  for (const bool can_exchange : {true, false}) {
    const TempDir dir;
    Faults faults;
    if (!can_exchange) faults.forbid_exchange();
    int progress = 0;
    for (int moment = 0; moment < 50; ++moment) {
      save_pair(dir / "model", generation_text(0));
      kill_while(random, [&](int generation) { save_pair(dir / "model", generation_text(generation)); });
      progress += generation_of(load_pair(dir / "model"));
    }
    CHECK(progress >= 50);
  }
}

// SPDX-License-Identifier: Apache-2.0
#include <alloy/core/check.hpp>
#include <alloy/io/atomic_write.hpp>

#include "io/detail/syscalls.hpp"

#include <chrono>
#include <fcntl.h>
#include <optional>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace alloy {

namespace {

namespace fs = std::filesystem;
using detail::errno_text;
using detail::retry;
using detail::syscalls;

std::optional<struct stat> look_at(const fs::path& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return std::nullopt;
  return info;
}

fs::path parent_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }
fs::path hidden_sibling(const fs::path& path, const char* ending) {
  fs::path name(".");
  name += path.filename();
  name += ending;
  return parent_of(path) / name;
}
void check_name(const fs::path& path) {
  check<IoError>(path.has_filename() && path.filename() != "." && path.filename() != "..",
                 "[write] expected a path that ends in a name, got '{}'", {path});
}

/// Note [Lock on the temporary]: a temporary has one name for each target, so that a crash leaves at most one behind, which
/// the next writer takes over. Whoever holds its lock owns it. It may have been renamed away between opening and
/// locking: then the name no longer leads to what was locked, and one tries again.
/// File systems without locks go without.
int open_locked(const fs::path& file, const fs::path& target) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    const int descriptor =
        retry([&] { return syscalls().open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666); });
    if (descriptor < 0) fail<IoError>("[write] cannot create {}: {}", {file, errno_text()});
    if (retry([&] { return syscalls().flock(descriptor, LOCK_EX | LOCK_NB); }) != 0 && errno == EWOULDBLOCK) {
      ::close(descriptor);
      fail<IoError>("[write] another writer is at work on {} (it holds the lock of {})", {target, file});
    }
    struct stat opened {};
    const auto named = look_at(file);
    if (::fstat(descriptor, &opened) == 0 && named && named->st_ino == opened.st_ino && named->st_dev == opened.st_dev) {
      if (S_ISREG(opened.st_mode) && opened.st_nlink == 1) return descriptor;
      ::close(descriptor);
      fail<IoError>("[write] expected {} to be an ordinary file of one name, got something else; remove it", {file});
    }
    ::close(descriptor);
  }
  fail<IoError>("[write] other writers are at work on {}", {target});
}

void sync_path(const fs::path& path, int flags) {
  const int descriptor = retry([&] { return syscalls().open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | flags, 0); });
  if (descriptor < 0) fail<IoError>("[write] cannot open {} to sync it: {}", {path, errno_text()});
  const bool synced = retry([&] { return syscalls().fsync(descriptor); }) == 0;
  const int reason = errno;
  ::close(descriptor);
  errno = reason;
  // some network file systems cannot sync a folder and say EINVAL
  if (!synced && !(errno == EINVAL && flags == O_DIRECTORY)) fail<IoError>("[write] cannot sync {}: {}", {path, errno_text()});
}
// The folder itself may be reached through a link: only the last name of a target is refused as a link.
void sync_folder(const fs::path& folder) { sync_path(folder / ".", O_DIRECTORY); }

void sync_tree(const fs::path& folder) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const fs::file_status status = entry->symlink_status(error);
    if (error) break;
    if (fs::is_directory(status)) sync_folder(entry->path());
    else if (fs::is_regular_file(status)) sync_path(entry->path(), O_NONBLOCK);
    else fail<IoError>("[replace_folder] expected files and folders only, got {}", {entry->path()});
  }
  if (error) fail<IoError>("[replace_folder] cannot list {}: {}", {folder, error.message()});
  sync_folder(folder);
}

void remove_tree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) fail<IoError>("[replace_folder] cannot remove {}: {}", {path, error.message()});
}

bool move_path(const fs::path& from, const fs::path& to) {
  return retry([&] { return syscalls().rename(from.c_str(), to.c_str()); }) == 0;
}
bool exchange_paths(const fs::path& a, const fs::path& b) {
  return retry([&] { return syscalls().exchange(a.c_str(), b.c_str()); }) == 0;
}

/// Holds the lock file of a folder; removes it at the end.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder) : file_(hidden_sibling(folder, ".lock")), descriptor_(open_locked(file_, folder)) {}
  ~FolderLock() {
    ::unlink(file_.c_str());
    ::close(descriptor_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  fs::path file_;
  int descriptor_;
};

struct FolderNames {
  explicit FolderNames(const fs::path& path)
      : folder(path.has_filename() ? path : path.parent_path()), temporary(hidden_sibling(folder, ".tmp")), old(hidden_sibling(folder, ".old")) {
    check_name(folder);
  }
  fs::path folder, temporary, old;
};

/// Clears what a crash has left. Under the lock.
void settle(const FolderNames& names) {
  remove_tree(names.temporary);
  if (!look_at(names.old)) return;
  if (look_at(names.folder)) return remove_tree(names.old);
  if (!move_path(names.old, names.folder))
    fail<IoError>("[recover_folder] cannot rename {} to {}: {}", {names.old, names.folder, errno_text()});
}

/// Puts the temporary in the place of the folder. What was there is afterwards at the path returned.
fs::path put_in_place(const FolderNames& names, bool existed) {
  if (existed) {
    if (exchange_paths(names.temporary, names.folder)) return names.temporary;
    const bool unsupported = errno == ENOSYS || errno == EINVAL || errno == EOPNOTSUPP;
    if (!unsupported || !move_path(names.folder, names.old))
      fail<IoError>("[replace_folder] cannot replace {}: {}", {names.folder, errno_text()});
  }
  if (move_path(names.temporary, names.folder)) return existed ? names.old : fs::path();
  const std::string reason = errno_text();
  if (existed) move_path(names.old, names.folder);
  fail<IoError>("[replace_folder] cannot rename {} to {}: {}", {names.temporary, names.folder, reason});
}

void take_back(const FolderNames& names, const fs::path& replaced) {
  if (replaced == names.temporary) {
    exchange_paths(names.temporary, names.folder);
  } else if (move_path(names.folder, names.temporary) && !replaced.empty()) {
    move_path(names.old, names.folder);
  }
}

}  // namespace

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)) {
  check_name(path_);
  if (const auto target = look_at(path_)) {
    check<IoError>(!S_ISLNK(target->st_mode), "[write] expected a file as target, got the symbolic link {}; name the file it leads to", {path_});
    check<IoError>(S_ISREG(target->st_mode), "[write] expected a file as target, got {}, which is none", {path_});
  }
  temporary_ = hidden_sibling(path_, ".tmp");
  descriptor_ = open_locked(temporary_, path_);
  if (retry([&] { return syscalls().truncate(descriptor_, 0); }) == 0) return;
  const std::string reason = errno_text();
  ::unlink(temporary_.c_str());
  ::close(descriptor_);
  fail<IoError>("[write] cannot empty {}: {}", {temporary_, reason});
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::unlink(temporary_.c_str());
  ::close(descriptor_);
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  check<IoError>(descriptor_ >= 0, "[write] expected {} to be open, but it is committed", {path_});
  while (!bytes.empty()) {
    const ssize_t written = retry([&] { return syscalls().write(descriptor_, bytes.data(), bytes.size()); });
    if (written == 0) errno = EIO;  // no system does so; going on would never end
    if (written <= 0) fail<IoError>("[write] cannot write {}: {}", {path_, errno_text()});
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void AtomicFile::commit() {
  check<IoError>(descriptor_ >= 0, "[write] expected {} to be open, but it is committed", {path_});
  if (const auto target = look_at(path_); target && ::fchmod(descriptor_, target->st_mode & 07777) != 0)
    fail<IoError>("[write] cannot keep the permissions of {}: {}", {path_, errno_text()});
  if (retry([&] { return syscalls().fsync(descriptor_); }) != 0) fail<IoError>("[write] cannot sync {}: {}", {path_, errno_text()});
  if (!move_path(temporary_, path_)) fail<IoError>("[write] cannot rename {} to {}: {}", {temporary_, path_, errno_text()});
  ::close(std::exchange(descriptor_, -1));
  sync_folder(parent_of(path_));
}

void write_file(const fs::path& path, std::span<const std::byte> bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void write_file(const fs::path& path, std::string_view text) { write_file(path, std::as_bytes(std::span(text))); }

void replace_folder(const fs::path& folder, const std::function<void(const fs::path& temporary)>& fill) {
  const FolderNames names(folder);
  const FolderLock lock(names.folder);
  settle(names);
  const auto target = look_at(names.folder);
  check<IoError>(!target || !S_ISLNK(target->st_mode),
                 "[replace_folder] expected a folder as target, got the symbolic link {}; name the folder it leads to", {names.folder});
  check<IoError>(!target || S_ISDIR(target->st_mode), "[replace_folder] expected a folder as target, got {}, which is none", {names.folder});
  if (retry([&] { return syscalls().make_folder(names.temporary.c_str(), 0777); }) != 0)
    fail<IoError>("[replace_folder] cannot make {}: {}", {names.temporary, errno_text()});
  fs::path replaced;
  try {
    fill(names.temporary);
    if (target && ::chmod(names.temporary.c_str(), target->st_mode & 07777) != 0)
      fail<IoError>("[replace_folder] cannot keep the permissions of {}: {}", {names.folder, errno_text()});
    sync_tree(names.temporary);
    replaced = put_in_place(names, target.has_value());
    try {
      sync_folder(parent_of(names.folder));
    } catch (...) {
      take_back(names, replaced);
      throw;
    }
  } catch (...) {
    std::error_code ignored;  // the next writer clears it
    fs::remove_all(names.temporary, ignored);
    throw;
  }
  std::error_code ignored;  // likewise
  if (!replaced.empty()) fs::remove_all(replaced, ignored);
}

void recover_folder(const fs::path& folder) {
  const FolderNames names(folder);
  for (int attempt = 0; attempt < 100; ++attempt) {
    if (look_at(names.folder) || !look_at(names.old)) return;
    try {
      const FolderLock lock(names.folder);
      return settle(names);
    } catch (const IoError&) {
      // A writer that is alive stands between its two renames, which takes no time; a folder that cannot be written
      // stays so.
      if (attempt == 99) throw;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace alloy

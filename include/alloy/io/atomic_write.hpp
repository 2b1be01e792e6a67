// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Writing that survives a crash: at every moment the path holds either all of the old content or all of the new. New
/// content goes to a hidden sibling, is synced to the disk, and takes the place of the old in one step.

#include <alloy/core/export.hpp>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string_view>

namespace alloy {

/// A file written piece by piece that appears under its name only when `commit` is called; destroyed before, it leaves
/// the old file as it was. One thread. A second writer of the same path gets an IoError that says so.
class ALLOY_API AtomicFile {
 public:
  /// @throws IoError if the target is a symbolic link or no file, if its folder cannot be written, or if another
  ///                 writer is at work
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// @throws IoError (no space, a failing disk); the old file is intact
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  /// Syncs, renames over the target and syncs the folder. Keeps the permissions of a file that it replaces.
  /// @throws IoError; the old file is intact, unless the last step alone failed: then the new one stands, complete, but a
  ///                 power cut may still bring the old one back
  void commit();

 private:
  std::filesystem::path path_, temporary_;
  int descriptor_ = -1;
};

/// Writes a whole file in the manner of AtomicFile.
ALLOY_API void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes);
ALLOY_API void write_file(const std::filesystem::path& path, std::string_view text);

/// Replaces a folder as a whole, or makes it: `fill` writes the new content into the empty folder it is given; then all of
/// it is synced and exchanged with the old, which is removed. Never a mix of old and new files, whatever fails and when.
/// @throws IoError if the target is a symbolic link or no folder, if another writer is at work, or if the system refuses;
///                 what `fill` throws passes through. The old folder is intact in all these cases.
ALLOY_API void replace_folder(const std::filesystem::path& folder, const std::function<void(const std::filesystem::path& temporary)>& fill);

/// To be called before a folder written by `replace_folder` is read: where the file system cannot exchange two folders, a
/// crash at the wrong moment leaves the old one under a hidden name, and this puts it back. Costs one look-up otherwise.
/// @throws IoError if that cannot be done
ALLOY_API void recover_folder(const std::filesystem::path& folder);

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Checkpoints of a training: a folder each, `step-00000200`, with the files that the trainer writes and a `manifest.json` that
/// holds the digest of each. A crash at any moment leaves the newest or the one before whole; a damaged one is noticed.

#include <alloy/core/config.hpp>
#include <alloy/core/options.hpp>

#include <functional>
#include <memory>
#include <optional>

namespace alloy {

/// Format of the checkpoints that this version writes and reads.
inline constexpr int64_t kCheckpointFormatVersion = 1;

struct CheckpointStoreOptions {
  int64_t keep_last = 2;
  bool keep_best = true;
  static void describe(auto& self, auto&& field) {
    field("keep_last", self.keep_last, "newest checkpoints that stay, > 0");
    field("keep_best", self.keep_best, "the one of the highest score stays too");
  }
  ALLOY_API void validate() const;
};

/// One checkpoint, whose files were found to be what was written.
struct Checkpoint {
  std::filesystem::path folder;
  int64_t step = 0;
  std::optional<double> score;
  Config state;  ///< what the trainer noted down
};

/// @throws DataError naming the file that is missing, damaged or of another checkpoint, or the format version that is not
///         known; IoError if the folder cannot be read
ALLOY_API Checkpoint read_checkpoint(const std::filesystem::path& folder);
/// The newest checkpoint under `folder` that is whole. Damaged ones are passed by with a warning each.
/// @throws DataError if there are some and all are damaged, with the first reason; nullopt if there are none
ALLOY_API std::optional<Checkpoint> latest_checkpoint(const std::filesystem::path& folder);

/// Writes checkpoints into one folder. Holds a lock on it as long as it lives: two trainings cannot mix their files.
class ALLOY_API CheckpointStore {
 public:
  /// Makes the folder. @throws IoError if it cannot be written, is a symbolic link, or another training holds it
  CheckpointStore(std::filesystem::path folder, CheckpointStoreOptions options);
  ~CheckpointStore();
  CheckpointStore(const CheckpointStore&) = delete;
  CheckpointStore& operator=(const CheckpointStore&) = delete;

  /// @param score  higher is better; nullopt = not known
  /// @param fill  writes the checkpoint's files into the empty folder that it is given
  /// @return where it lies. Checkpoints that need not stay are removed then, the oldest first.
  /// @throws IoError (no space, a failing disk): all earlier checkpoints are intact
  std::filesystem::path save(int64_t step, const Config& state, std::optional<double> score, const std::function<void(const std::filesystem::path&)>& fill);
  /// All checkpoints there are, oldest first, whether whole or not.
  std::vector<std::filesystem::path> list() const;
  const std::filesystem::path& folder() const { return folder_; }
  /// `step-00000200` for 200.
  static std::string name_of(int64_t step);

 private:
  void prune(const std::filesystem::path& newest);
  std::filesystem::path folder_;
  CheckpointStoreOptions options_;
  int lock_ = -1;
};

}  // namespace alloy

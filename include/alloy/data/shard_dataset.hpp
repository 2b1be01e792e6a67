// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Samples in shards: plain tar files in the layout of webdataset, for sets of too many files for a file system. A sample
/// is a run of members with the same key, which is the path up to the first dot behind the last slash; what follows the
/// dot is the extension: `000017.jpg`, `000017.txt`, `000017.json`. One pass over the headers says where everything is;
/// contents stay on disk, and shards stay as they are: nothing is unpacked.

#include <alloy/core/options.hpp>
#include <alloy/core/progress.hpp>
#include <alloy/data/dataset.hpp>
#include <alloy/data/modality_reader.hpp>
#include <alloy/data/shard_paths.hpp>

#include <array>
#include <map>

namespace alloy {

/// Which members of a sample are a modality.
struct ShardModality {
  std::string name = "";
  std::string extensions = "";
  std::string kind = "";
  Config options = {};
  static void describe(auto& self, auto&& field) {
    field("name", self.name, "of the modality");
    field("extensions", self.extensions, "the first of these that a sample has is read, as in jpg;jpeg;png;webp (any case); json:caption is the text of that key in a JSON member");
    field("kind", self.kind, "of the reader: image, audio, text, features ...");
    field("options", self.options, "of the reader");
  }
};

/// What to do about a shard that is missing, cut or damaged.
enum class BrokenShards { reject, skip };
constexpr auto enum_names(BrokenShards) {
  return std::to_array<std::pair<BrokenShards, std::string_view>>({{BrokenShards::reject, "reject"}, {BrokenShards::skip, "skip"}});
}

struct ShardDatasetOptions {
  std::vector<std::string> shards = {};
  std::vector<ShardModality> modalities = {};
  int64_t shuffle_buffer = 10'000;
  bool allow_missing = false;
  BrokenShards broken_shards = BrokenShards::reject;
  int64_t open_shards = 64;
  int64_t max_member_bytes = int64_t{2} << 30;
  static void describe(auto& self, auto&& field) {
    field("shards", self.shards, "tar files, folders of them, and names with {000..009} or {a,b}");
    field("modalities", self.modalities, "what to read of a sample, at least one");
    field("shuffle_buffer", self.shuffle_buffer, "samples among which the next one is drawn, > 0; as large as the set = any order, and reading all over the disk");
    field("allow_missing", self.allow_missing, "keeps samples that lack some of the modalities; else they are skipped");
    field("broken_shards", self.broken_shards, "on a shard that is missing, cut or damaged: reject, or log a warning and skip what is behind the fault");
    field("open_shards", self.open_shards, "files held open at a time, > 0");
    field("max_member_bytes", self.max_member_bytes, "1..2 GiB, larger members are skipped");
  }
  ALLOY_API void validate() const;
};

/// Holds about 100 bytes a sample, which copies share. Thread safe. Shards must stay as they are while they are in use: one that has
/// another size than before, is cut or is gone makes its samples unusable.
class ALLOY_API ShardDataset final : public Dataset {
 public:
  /// @param readers  in place of `kind`, for the modalities named; each must have `read_bytes`
  /// @throws ConfigError; DataError for a broken shard, naming file and byte, and if no sample is left, with the causes;
  ///         IoError for a shard that cannot be opened; CancelledError
  explicit ShardDataset(ShardDatasetOptions options, ModalityMap<std::shared_ptr<const ModalityReader>> readers = {},
                        const ProgressCallback& progress = {}, const CancelToken& cancel = {});

  int64_t size() const override;
  /// Reads the sample's members and no others. Its id is `shard file:key`; it has no target.
  Sample get(int64_t index, Random& random) const override;
  /// Shards in random order, and their samples, in the order of the archive, through a buffer of `shuffle_buffer` from
  /// which the next one is drawn: no sample is read more than that many places before its turn.
  std::vector<int64_t> order(Random& random) const override;

  /// Samples and members that are not used, by cause: "missing <modality>", "no modality", "duplicate key" (within a
  /// shard; the first sample stays), "duplicate member" (the first stays), "no key" (a name without stem or extension),
  /// "broken shard", and the causes of TarReader.
  const std::map<std::string, int64_t>& skipped() const;
  const std::vector<std::filesystem::path>& shards() const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace alloy

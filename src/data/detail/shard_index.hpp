// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Where the samples of tar shards are, found by the headers alone, in flat arrays: there may be hundreds of millions.

#include <alloy/io/tar.hpp>

#include <string>
#include <unordered_set>
#include <vector>

namespace alloy::detail {

/// One entry of a list of extensions: `jpg`, or `json:caption`.
struct MemberForm {
  std::string extension;  ///< lower case
  std::string json_key;   ///< empty = the member itself
};
/// For each modality its forms, the best one first.
using MemberForms = std::vector<std::vector<MemberForm>>;

/// A member that a sample's modality is read from.
struct Piece {
  static constexpr uint8_t kNone = 255;
  uint64_t offset = 0;
  uint32_t size = 0;
  uint8_t form = kNone;  ///< which of the modality's forms, kNone = the sample lacks the modality
};

class ShardIndex {
 public:
  ShardIndex(MemberForms forms, std::vector<std::string> modalities, bool allow_missing)
      : forms_(std::move(forms)), modalities_(std::move(modalities)), allow_missing_(allow_missing) {}

  /// Adds the samples of one shard.
  /// @throws as TarReader; the samples in front of the fault are in the index then, but for the last one, of which members
  ///         may be lost
  void add(const InputFile& file, const TarLimits& limits);
  /// In place of a shard that cannot be opened.
  void add_nothing();
  /// Gives back memory that was taken to grow into.
  void pack();
  void count(const std::string& cause, int64_t number = 1) { skipped[cause] += number; }

  int64_t size() const { return first_.back(); }
  int64_t num_shards() const { return static_cast<int64_t>(shard_bytes_.size()); }
  /// Samples [begin, end) of a shard.
  std::pair<int64_t, int64_t> samples_of(int64_t shard) const { return {first_[static_cast<size_t>(shard)], first_[static_cast<size_t>(shard) + 1]}; }
  int64_t shard_of(int64_t sample) const;
  /// Size of the file when it was indexed.
  uint64_t shard_bytes(int64_t shard) const { return shard_bytes_[static_cast<size_t>(shard)]; }
  std::string_view key(int64_t sample) const;
  Piece piece(int64_t sample, size_t modality) const;
  const MemberForm& form(size_t modality, uint8_t form) const { return forms_[modality][form]; }

  std::map<std::string, int64_t> skipped;

 private:
  struct Group;
  void take(const TarMember& member, Group& group);
  void finish(Group& group);

  MemberForms forms_;
  std::vector<std::string> modalities_;
  bool allow_missing_;
  std::vector<uint64_t> shard_bytes_;
  std::vector<int64_t> first_ = {0};  // the first sample of each shard, and the end
  std::string keys_;
  std::vector<uint64_t> key_ends_;
  std::vector<uint64_t> offsets_;  // [samples, modalities], as are the next two
  std::vector<uint32_t> sizes_;
  std::vector<uint8_t> used_forms_;
};

}  // namespace alloy::detail

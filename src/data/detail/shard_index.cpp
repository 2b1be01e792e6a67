// SPDX-License-Identifier: Apache-2.0
#include "data/detail/shard_index.hpp"

#include <algorithm>

namespace alloy::detail {

namespace {

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

/// Key and extension; both empty for a name that has no two such parts.
std::pair<std::string_view, std::string> split_name(std::string_view name) {
  const size_t slash = name.rfind('/');
  const size_t stem = slash == std::string_view::npos ? 0 : slash + 1;
  const size_t dot = name.find('.', stem);
  if (dot == std::string_view::npos || dot == stem || dot + 1 == name.size()) return {};
  return {name.substr(0, dot), lower_case(name.substr(dot + 1))};
}

}  // namespace

/// The sample that is being put together.
struct ShardIndex::Group {
  std::string key = {};
  bool is_repeated = false;
  std::vector<Piece> pieces = {};
  std::vector<std::string> extensions = {};
  std::unordered_set<std::string> seen_keys = {};  // of this shard
};

void ShardIndex::take(const TarMember& member, Group& group) {
  const auto [key, extension] = split_name(member.name);
  if (key.empty()) return count("no key");
  if (key != group.key) {
    finish(group);
    group.key = key;
    group.is_repeated = !group.seen_keys.insert(group.key).second;
    if (group.is_repeated) count("duplicate key");
  }
  if (group.is_repeated) return;
  if (std::ranges::find(group.extensions, extension) != group.extensions.end()) return count("duplicate member");
  bool is_used = false;
  for (size_t m = 0; m < forms_.size(); ++m) {
    const auto found = std::ranges::find(forms_[m], extension, &MemberForm::extension);
    const auto form = static_cast<uint8_t>(found - forms_[m].begin());
    if (found == forms_[m].end()) continue;
    is_used = true;
    if (form < group.pieces[m].form) group.pieces[m] = {.offset = member.offset, .size = static_cast<uint32_t>(member.size), .form = form};
  }
  // Others are of no interest, however many there are.
  if (is_used) group.extensions.push_back(extension);
}

/// Ends a sample, and takes it up if it is whole.
void ShardIndex::finish(Group& group) {
  const bool has_key = !group.key.empty() && !group.is_repeated;
  const auto lacks = [](const Piece& piece) { return piece.form == Piece::kNone; };
  const auto missing = std::ranges::find_if(group.pieces, lacks);
  const bool has_any = !std::ranges::all_of(group.pieces, lacks);
  if (has_key && !has_any) count("no modality");
  if (has_key && has_any && missing != group.pieces.end() && !allow_missing_) count("missing " + modalities_[static_cast<size_t>(missing - group.pieces.begin())]);
  if (has_key && has_any && (missing == group.pieces.end() || allow_missing_)) {
    keys_ += group.key;
    key_ends_.push_back(keys_.size());
    for (const Piece& piece : group.pieces) {
      offsets_.push_back(piece.offset);
      sizes_.push_back(piece.size);
      used_forms_.push_back(piece.form);
    }
    ++first_.back();
  }
  group.key.clear();
  group.extensions.clear();
  group.pieces.assign(forms_.size(), {});
}

void ShardIndex::add(const InputFile& file, const TarLimits& limits) {
  shard_bytes_.push_back(file.size());
  first_.push_back(first_.back());
  TarReader reader(file, limits);
  Group group;
  finish(group);
  try {
    while (const auto member = reader.next()) take(*member, group);
    finish(group);
  } catch (const Error&) {
    for (const auto& [cause, number] : reader.skipped()) count(cause, number);
    throw;
  }
  for (const auto& [cause, number] : reader.skipped()) count(cause, number);
}

void ShardIndex::add_nothing() {
  shard_bytes_.push_back(0);
  first_.push_back(first_.back());
}

void ShardIndex::pack() {
  keys_.shrink_to_fit();
  key_ends_.shrink_to_fit();
  offsets_.shrink_to_fit();
  sizes_.shrink_to_fit();
  used_forms_.shrink_to_fit();
}

int64_t ShardIndex::shard_of(int64_t sample) const { return std::upper_bound(first_.begin(), first_.end(), sample) - first_.begin() - 1; }

std::string_view ShardIndex::key(int64_t sample) const {
  const auto at = static_cast<size_t>(sample);
  const uint64_t begin = at == 0 ? 0 : key_ends_[at - 1];
  return std::string_view(keys_).substr(begin, key_ends_[at] - begin);
}

Piece ShardIndex::piece(int64_t sample, size_t modality) const {
  const size_t at = static_cast<size_t>(sample) * forms_.size() + modality;
  return {.offset = offsets_[at], .size = sizes_[at], .form = used_forms_[at]};
}

}  // namespace alloy::detail

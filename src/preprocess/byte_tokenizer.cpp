// SPDX-License-Identifier: Apache-2.0
#include <alloy/preprocess/byte_tokenizer.hpp>

#include "core/detail/utf8.hpp"

namespace alloy {

// The least length leaves room for begin, end and any one character: a text that is not empty then always says something.
void ByteTokenizerOptions::validate() const {
  check<ConfigError>(max_length >= 8 && max_length <= ByteTokenizer::kMaxTokens,
                     "[ByteTokenizer] expected max_length in 8..{}, got {}", {ByteTokenizer::kMaxTokens, max_length});
}

ByteTokenizer::ByteTokenizer(ByteTokenizerOptions options) : options_(options) { options_.validate(); }

std::vector<int64_t> ByteTokenizer::encode(std::string_view text) const {
  const auto room = static_cast<size_t>(options_.max_length - (options_.add_begin_end ? 2 : 0));
  const std::string bytes = detail::valid_utf8_prefix(text, room);
  std::vector<int64_t> ids;
  ids.reserve(bytes.size() + 2);
  if (options_.add_begin_end) ids.push_back(kBeginId);
  for (const char byte : bytes) ids.push_back(kFirstByteId + static_cast<uint8_t>(byte));
  if (options_.add_begin_end || ids.empty()) ids.push_back(kEndId);
  return ids;
}

TokenBatch ByteTokenizer::encode_batch(std::span<const std::string> texts) const {
  check<ShapeError>(!texts.empty(), "[ByteTokenizer::encode_batch] expected at least one text, got none");
  std::vector<std::vector<int64_t>> rows;
  rows.reserve(texts.size());
  for (const std::string& text : texts) rows.push_back(encode(text));
  return pad_token_rows(rows, kPadId);
}

std::string ByteTokenizer::decode(std::span<const int64_t> ids) const {
  std::string bytes;
  bytes.reserve(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    check<DataError>(ids[i] >= 0 && ids[i] < vocab_size(), "[ByteTokenizer::decode] expected ids in 0..{}, got {} at {}",
                     {vocab_size() - 1, ids[i], i});
    if (ids[i] >= kFirstByteId) bytes += static_cast<char>(ids[i] - kFirstByteId);
  }
  return detail::valid_utf8(bytes);
}

}  // namespace alloy

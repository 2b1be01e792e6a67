// SPDX-License-Identifier: Apache-2.0
#include <alloy/preprocess/hashed_ngrams.hpp>

#include "core/detail/utf8.hpp"

#include <utf8proc.h>

namespace alloy {

namespace {

constexpr size_t kPiece = 256;     // characters normalised at once: marks in a row are sorted in quadratic time
constexpr size_t kMaxExpand = 32;  // code points that one may become; the most in Unicode is 18

/// ASCII space, punctuation and controls: they join what follows (= and a stroke give an inequality sign), never what
/// stands before.
bool begins_piece(char32_t c) {
  const auto in = [c](char32_t low, char32_t high) { return c >= low && c <= high; };
  return c < 0x80 && !in('0', '9') && !in('A', 'Z') && !in('a', 'z');
}

bool is_mark(utf8proc_category_t category) { return category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME; }
bool is_letter_mark_or_digit(utf8proc_category_t category) {
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO;  // L, M and N stand in a row
}

/// Normalises text given as UTF-8.
class Normaliser {
 public:
  explicit Normaliser(bool fold_case) : buffer_(kPiece * kMaxExpand) {
    options_ = UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE | UTF8PROC_IGNORE | (fold_case ? UTF8PROC_CASEFOLD : 0);
  }
  std::span<const utf8proc_int32_t> operator()(const std::string& piece) {
    const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(piece.data());
    const auto option = static_cast<utf8proc_option_t>(options_);
    const auto room = static_cast<utf8proc_ssize_t>(buffer_.size());
    utf8proc_ssize_t length = utf8proc_decompose(bytes, static_cast<utf8proc_ssize_t>(piece.size()), buffer_.data(), room, option);
    if (length > 0 && length <= room) length = utf8proc_normalize_utf32(buffer_.data(), length, option);
    check<DataError>(length >= 0 && length <= room, "[HashedNgrams] expected text that can be normalised, got an error of utf8proc: {}", {length});
    return {buffer_.data(), static_cast<size_t>(length)};
  }

 private:
  int options_ = 0;
  std::vector<utf8proc_int32_t> buffer_;
};

uint64_t hash_bytes(char kind, std::string_view bytes) {
  uint64_t h = 0xcbf29ce484222325;  // FNV-1a
  const auto add = [&](char byte) { h = (h ^ static_cast<uint8_t>(byte)) * 0x100000001b3; };
  add(kind);
  for (const char byte : bytes) add(byte);
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9;  // its low bits alone are poor
  h = (h ^ (h >> 27)) * 0x94d049bb133111eb;
  return h ^ (h >> 31);
}

/// Collects the characters of a word and writes the ids of words that are complete.
class WordHasher {
 public:
  WordHasher(const HashedNgramsOptions& options, std::vector<int64_t>& ids) : o_(options), ids_(ids) { begin(); }
  bool full() const { return ids_.size() >= static_cast<size_t>(o_.max_ids); }
  void take(char32_t c) {
    const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
    if (!is_letter_mark_or_digit(category) || (is_mark(category) && length() == 1)) return finish();
    put(c);
    if (length() == 1 + HashedNgrams::kMaxWord) finish();
  }
  void finish() {
    if (length() == 1) return;
    if (o_.words) add('w', 1, length());
    put('>');
    const auto shortest = static_cast<size_t>(o_.min_n), longest = static_cast<size_t>(o_.max_n);
    for (size_t from = 0; from < length(); ++from)
      for (size_t n = shortest; n <= longest && from + n <= length(); ++n) add('n', from, from + n);
    begin();
  }

 private:
  size_t length() const { return bounds_.size() - 1; }  // characters, the leading mark included
  void begin() {
    marked_.clear();
    bounds_.assign(1, 0);
    put('<');
  }
  void put(char32_t c) {
    detail::append_utf8(marked_, c);
    bounds_.push_back(marked_.size());
  }
  void add(char kind, size_t from, size_t to) {
    if (full()) return;
    const uint64_t h = hash_bytes(kind, std::string_view(marked_).substr(bounds_[from], bounds_[to] - bounds_[from]));
    ids_.push_back(static_cast<int64_t>(1 + (h & static_cast<uint64_t>(o_.buckets - 1))));
  }
  const HashedNgramsOptions& o_;
  std::vector<int64_t>& ids_;
  std::string marked_;          // "<word" and in the end "<word>"
  std::vector<size_t> bounds_;  // character i is bytes bounds_[i] .. bounds_[i + 1]
};

}  // namespace

void HashedNgramsOptions::validate() const {
  check<ConfigError>(buckets >= 2 && buckets <= (int64_t{1} << 24) && (buckets & (buckets - 1)) == 0,
                     "[HashedNgrams] expected buckets to be a power of two in 2..16777216, got {}", {buckets});
  check<ConfigError>(max_n >= 0 && max_n <= 16 && min_n >= 1 && (max_n == 0 || min_n <= max_n),
                     "[HashedNgrams] expected 1 <= min_n <= max_n <= 16, or max_n 0, got min_n {} and max_n {}", {min_n, max_n});
  check<ConfigError>(words || max_n > 0, "[HashedNgrams] expected words or n-grams, got neither: words is false and max_n 0");
  check<ConfigError>(max_ids >= 1 && max_ids <= (int64_t{1} << 20), "[HashedNgrams] expected max_ids in 1..1048576, got {}", {max_ids});
}

HashedNgrams::HashedNgrams(HashedNgramsOptions options) : options_(options) { options_.validate(); }

std::vector<int64_t> HashedNgrams::encode(std::string_view text) const {
  std::vector<int64_t> ids;
  WordHasher hasher(options_, ids);
  Normaliser normalise(options_.fold_case);
  std::string piece;
  while (!text.empty() && !hasher.full()) {
    piece.clear();
    for (size_t i = 0; i < kPiece && !text.empty(); ++i) {
      std::string_view rest = text;
      const char32_t c = detail::next_code_point(rest);
      if (i > 0 && begins_piece(c)) break;
      detail::append_utf8(piece, c);
      text = rest;
    }
    for (const utf8proc_int32_t c : normalise(piece)) hasher.take(static_cast<char32_t>(c));
  }
  hasher.finish();
  if (ids.empty()) ids.push_back(empty_id());
  return ids;
}

TokenBatch HashedNgrams::encode_batch(std::span<const std::string> texts) const {
  check<ShapeError>(!texts.empty(), "[HashedNgrams::encode_batch] expected at least one text, got none");
  std::vector<std::vector<int64_t>> rows;
  rows.reserve(texts.size());
  for (const std::string& text : texts) rows.push_back(encode(text));
  return pad_token_rows(rows, kPadId);
}

}  // namespace alloy

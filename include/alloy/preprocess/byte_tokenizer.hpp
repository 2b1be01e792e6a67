// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Byte-level tokenizer: one id a byte of UTF-8, no vocabulary to fit or to ship (as in ByT5, Xue et al. 2022). The
/// first choice for short texts, for names and codes, for many languages at once, and where typing errors matter.

#include <alloy/core/options.hpp>
#include <alloy/preprocess/token_batch.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace alloy {

struct ByteTokenizerOptions {
  int64_t max_length = 512;
  bool add_begin_end = true;
  static void describe(auto& self, auto&& field) {
    field("max_length", self.max_length, "most tokens a text gives, begin and end included; 8..1048576, longer texts are cut");
    field("add_begin_end", self.add_begin_end, "puts a begin token before and an end token after each text");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Immutable after construction; any number of threads may share one.
class ALLOY_API ByteTokenizer {
 public:
  using Options = ByteTokenizerOptions;
  static constexpr auto kName = "byte";
  static constexpr int64_t kPadId = 0, kBeginId = 1, kEndId = 2, kMaskId = 3, kFirstByteId = 4;
  /// No text gives more tokens than this, whatever the options: 1 MiB.
  static constexpr int64_t kMaxTokens = int64_t{1} << 20;

  explicit ByteTokenizer(ByteTokenizerOptions options = {});

  /// Ids of a text: byte b is id 4 + b. Any bytes are accepted: each malformed sequence becomes U+FFFD (as Python's
  /// `decode("utf-8", "replace")`), NUL is an ordinary byte. A text that is too long loses its end, never half a
  /// character and never the end token. The time is linear in max_length, not in the text. An empty text without begin
  /// and end gives a lone end token, so that there always is a token.
  std::vector<int64_t> encode(std::string_view text) const;
  /// @return ids and mask [B, T], T that of the longest text
  /// @throws ShapeError if there are no texts
  TokenBatch encode_batch(std::span<const std::string> texts) const;
  /// The text of ids; pad, begin, end and mask are left out, bytes that are not UTF-8 become U+FFFD.
  /// @throws DataError if an id is not in 0..259
  std::string decode(std::span<const int64_t> ids) const;

  static constexpr int64_t vocab_size() { return kFirstByteId + 256; }
  const ByteTokenizerOptions& options() const { return options_; }

 private:
  ByteTokenizerOptions options_;
};

}  // namespace alloy

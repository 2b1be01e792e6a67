// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A text as a bag of its words and of their character n-grams (Bojanowski et al. 2017, "Enriching Word Vectors with
/// Subword Information"), each hashed to one of a fixed number of ids (Weinberger et al. 2009, "Feature Hashing for Large
/// Scale Multitask Learning"). Nothing to fit or to ship. The first choice for names, tags and short queries: order does
/// not matter, and words never seen, inflections and typing errors share most n-grams with what was seen.

#include <alloy/core/options.hpp>
#include <alloy/preprocess/token_batch.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace alloy {

struct HashedNgramsOptions {
  int64_t buckets = int64_t{1} << 16;
  int64_t min_n = 3;
  int64_t max_n = 4;
  bool words = true;
  bool fold_case = true;
  int64_t max_ids = 512;
  static void describe(auto& self, auto&& field) {
    field("buckets", self.buckets, "ids that words and n-grams are hashed to; a power of two, 2..16777216");
    field("min_n", self.min_n, "characters of the shortest n-grams, 1..max_n");
    field("max_n", self.max_n, "characters of the longest n-grams, up to 16; 0 = no n-grams");
    field("words", self.words, "whole words have ids too");
    field("fold_case", self.fold_case, "capital and small letters are the same");
    field("max_ids", self.max_ids, "most ids a text gives, 1..1048576; what comes later in the text is left out");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Immutable after construction; any number of threads may share one.
///
/// The text is brought to NFKC (Unicode 15, annex 15; as NFKC_Casefold, invisible characters such as variation selectors
/// are left out, and case is folded if asked for). A word is a run of letters, digits and, after the first, marks (general
/// categories L, N and M), at most kMaxWord code points of it: a longer run is several words. Ids come in the order of
/// the text: of each word its own id, then those of the n-grams of "<word>" by their place and, at one place, by their
/// length. "<" and ">" mark begin and end, as in fastText. What is there twice gives its ids twice.
///
/// An id is 1 + (h & (buckets - 1)), h being the 64-bit FNV-1a hash of one byte for the kind ('w' for a word, 'n' for an
/// n-gram) and the UTF-8 bytes, finished by the mixing function of SplitMix64. This is fixed: trained weights depend on it.
class ALLOY_API HashedNgrams {
 public:
  using Options = HashedNgramsOptions;
  static constexpr auto kName = "hashed_ngrams";
  static constexpr int64_t kPadId = 0;
  static constexpr size_t kMaxWord = 128;

  explicit HashedNgrams(HashedNgramsOptions options = {});

  /// Any bytes are accepted: malformed UTF-8 and NUL separate words. Stops reading at max_ids; the time is linear in what
  /// is read. Of more than 256 characters without an ASCII space or punctuation, each 256 are normalised alone.
  /// @return at least one id, each in 1..buckets; a text without any word gives the lone id empty_id()
  std::vector<int64_t> encode(std::string_view text) const;
  /// @return ids and mask [B, T], T that of the longest text
  /// @throws ShapeError if there are no texts
  TokenBatch encode_batch(std::span<const std::string> texts) const;

  /// The id of a text without words: buckets + 1, which nothing else has.
  int64_t empty_id() const { return options_.buckets + 1; }
  /// Ids are below this: buckets + 2.
  int64_t vocab_size() const { return options_.buckets + 2; }
  const HashedNgramsOptions& options() const { return options_; }

 private:
  HashedNgramsOptions options_;
};

}  // namespace alloy

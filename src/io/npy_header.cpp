// SPDX-License-Identifier: Apache-2.0
#include <alloy/core/check.hpp>

#include "io/detail/array_bytes.hpp"
#include "io/detail/message.hpp"
#include "io/detail/npy_header.hpp"

#include <bit>
#include <charconv>
#include <utility>

namespace alloy::detail {

namespace {

constexpr size_t kMaxRank = 64;

/// Reads the few forms of Python's literals that NumPy writes.
class Literal {
 public:
  Literal(std::string_view text, std::string_view where) : text_(text), where_(where) {}

  /// Skips space, then takes the character if it comes next.
  bool take_if(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take_if(c)) refuse();
  }
  std::string_view quoted() {
    const char quote = take_if('"') ? '"' : '\'';
    if (quote == '\'') expect('\'');
    const size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) refuse();
    const std::string_view word = text_.substr(at_, end - at_);
    if (word.find('\\') != std::string_view::npos) refuse();
    at_ = end + 1;
    return word;
  }
  bool boolean() {
    skip_space();
    for (const auto& [word, value] : {std::pair<std::string_view, bool>{"True", true}, {"False", false}}) {
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return value;
    }
    refuse();
  }
  std::vector<int64_t> tuple() {
    std::vector<int64_t> items;
    expect('(');
    bool comma = true;
    while (!take_if(')')) {
      check<DataError>(items.size() < kMaxRank, "[{}] expected at most {} axes, got more", {where_, kMaxRank});
      if (!comma) refuse();
      items.push_back(number());
      comma = take_if(',');
    }
    if (items.size() == 1 && !comma) refuse();  // (3) is a number, (3,) a tuple
    return items;
  }
  bool next_is(char c) {
    skip_space();
    return at_ < text_.size() && text_[at_] == c;
  }
  void expect_end() {
    skip_space();
    if (at_ != text_.size()) refuse();
  }
  [[noreturn]] void refuse() const {
    fail<DataError>("[{}] expected a header like {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }, got '{}' (stopped at byte {})",
                    {where_, shown(text_), at_});
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  int64_t number() {
    skip_space();
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc() || value < 0) refuse();
    at_ = static_cast<size_t>(end - text_.data());
    take_if('L');  // Python 2 wrote 3L
    return value;
  }

  std::string_view text_, where_;
  size_t at_ = 0;
};

void read_dtype(std::string_view descr, NpyHeader& header, std::string_view where) {
  check<DataError>(descr.find('O') == std::string_view::npos,
                   "[{}] expected numbers, got Python objects (dtype '{}'), which are code and are never loaded", {where, shown(descr)});
  constexpr std::string_view kKnown[] = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"};
  const char order = descr.empty() ? ' ' : descr[0];
  const bool has_order = std::string_view("<>|=").find(order) != std::string_view::npos;
  const std::string_view type = has_order ? descr.substr(1) : descr;
  check<DataError>(std::ranges::find(kKnown, type) != std::end(kKnown),
                   "[{}] expected a dtype of f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1, got '{}'", {where, shown(descr)});
  header.kind = type[0];
  header.item_size = static_cast<uint64_t>(type[1] - '0');
  header.big_endian = header.item_size > 1 && (order == '>' || (order != '<' && std::endian::native == std::endian::big));
}

}  // namespace

NpyHeader parse_npy_header(std::string_view text, std::string_view where) {
  NpyHeader header;
  Literal literal(text, where);
  bool seen_descr = false, seen_order = false, seen_shape = false;
  literal.expect('{');
  for (bool comma = true; !literal.take_if('}'); comma = literal.take_if(',')) {
    if (!comma) literal.refuse();
    const std::string_view key = literal.quoted();
    literal.expect(':');
    if (key == "descr" && !std::exchange(seen_descr, true)) {
      check<DataError>(!literal.next_is('['), "[{}] expected one number a value, got records: {}", {where, shown(text)});
      read_dtype(literal.quoted(), header, where);
    } else if (key == "fortran_order" && !std::exchange(seen_order, true)) {
      header.fortran_order = literal.boolean();
    } else if (key == "shape" && !std::exchange(seen_shape, true)) {
      header.shape = literal.tuple();
    } else {
      literal.refuse();
    }
  }
  literal.expect_end();
  if (!seen_descr || !seen_order || !seen_shape) literal.refuse();
  const auto bytes = array_bytes(header.shape, header.item_size);
  check<DataError>(bytes.has_value(), "[{}] expected an array of less than 2^63 bytes, got shape {}", {where, header.shape});
  header.bytes = *bytes;
  return header;
}

}  // namespace alloy::detail

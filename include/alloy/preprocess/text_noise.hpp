// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Typing errors at a stated rate, for measuring robustness and for making synthetic texts. The same seed gives the same
/// errors on every machine.

#include <alloy/core/options.hpp>
#include <alloy/core/random.hpp>

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alloy {

/// neighbour: an ASCII letter becomes one beside it on a QWERTY keyboard, in the same case. transposition: the character
/// changes places with the next. omission: it is left out. doubling: it is typed twice.
enum class TypingError { neighbour, transposition, omission, doubling };
constexpr auto enum_names(TypingError) {
  return std::to_array<std::pair<TypingError, std::string_view>>({{TypingError::neighbour, "neighbour"},
                                                                  {TypingError::transposition, "transposition"},
                                                                  {TypingError::omission, "omission"},
                                                                  {TypingError::doubling, "doubling"}});
}

struct TypingErrorOptions {
  double percent = 5.0;
  std::vector<TypingError> kinds = {TypingError::neighbour, TypingError::transposition, TypingError::omission,
                                    TypingError::doubling};
  static void describe(auto& self, auto&& field) {
    field("percent", self.percent, "0..100, of the characters, that are typed wrong");
    field("kinds", self.kinds, "errors that may happen, each as likely as the others; at least one");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Each character (code point) is typed wrong with the probability given, by a kind drawn from those that can happen to it:
/// only ASCII letters have neighbours, only a character before a different one can change places with it (which is then
/// left alone). Where no kind can happen, the character stays. The last character left of a text is never
/// omitted, so that no text becomes empty.
/// @param text  UTF-8; malformed bytes become U+FFFD
/// @return valid UTF-8; linear time
/// @throws ConfigError
ALLOY_API std::string add_typing_errors(std::string_view text, const TypingErrorOptions& options, Random& random);

}  // namespace alloy

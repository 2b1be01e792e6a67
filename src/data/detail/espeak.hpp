// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Speech of the `espeak-ng` program. It is run as a program of its own (it is under the GPL) and never linked.

#include <alloy/io/audio_file.hpp>

namespace alloy::detail {

enum class SpeechMarkup { none, ssml };

struct EspeakCall {
  std::string program = "espeak-ng";
  std::string voice = "en-us";
  int64_t speed_wpm = 175;
  int64_t pitch = 50;
  std::string text = {};
  SpeechMarkup markup = SpeechMarkup::none;
};

/// Name and version. @throws IoError if it is not installed, with the command that installs it
std::string espeak_version(const std::string& program, std::string_view where);

/// The samples that it says, with the silence around them.
/// @param where  the caller, @param what  the text and the voice; both for messages
/// @throws IoError if it is not installed; ConfigError for a voice that it does not know; DataError if it prints no sound
Audio espeak_say(const EspeakCall& call, std::string_view where, std::string_view what);

/// Removes what is quieter than 1 % of the peak at either end, but for 10 ms; of silence nothing is left.
void trim_silence(Audio& audio);

}  // namespace alloy::detail

// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Single words of a human voice: the voice prompts of the Asterisk telephone system, which Debian packages
/// (`apt-get install asterisk-core-sounds-en-wav`, CC-BY-SA, 8 kHz). Numbers, letters, days and months are known by the names of their files.

#include <alloy/data/speech_mixer.hpp>

#include <filesystem>

namespace alloy {

/// Where Debian puts the English prompts.
inline constexpr auto kPromptFolder = "/usr/share/asterisk/sounds/en_US_f_Allison";

/// The file of an English word below the folder of prompts, such as `digits/day-1.wav` for monday; empty for a word that has none.
/// Known are the words of `english_lexicon`.
ALLOY_API std::string prompt_file(std::string_view word);

/// All silence at either end cut off.
/// @throws IoError if a file is missing, with the command that installs them; DataError for a word without a prompt
ALLOY_API std::vector<RecordedWord> read_prompt_words(const std::filesystem::path& folder, const std::vector<std::string>& words);

struct PromptSentencesOptions {
  int64_t count = 60;
  int64_t min_words = 5;
  int64_t max_words = 9;
  double crossfade_seconds = 0.02;
  int64_t seed = 0;
};
/// Sentences of random words of the list, joined by `join_words`.
/// @param words  at least one @throws ConfigError unless count >= 0 and 1 <= min_words <= max_words
ALLOY_API std::vector<TimedSpeech> prompt_sentences(const std::vector<RecordedWord>& words, const PromptSentencesOptions& options);

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/prompt_words.hpp>

namespace alloy {

namespace {

/// Words whose files are numbered, in order.
struct Numbered {
  std::string_view prefix;
  int64_t first, step;
  std::vector<std::string_view> words;
};

}  // namespace

std::string prompt_file(std::string_view word) {
  if (word.size() == 1 && word[0] >= 'a' && word[0] <= 'z') return "letters/" + std::string(word) + ".wav";
  if (word == "hundred" || word == "thousand") return "digits/" + std::string(word) + ".wav";
  static const std::vector<Numbered> numbered = {
      {"digits/", 0, 1, {"zero", "one",    "two",    "three",    "four",     "five",    "six",     "seven",     "eight",    "nine",
                         "ten",  "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"}},
      {"digits/", 20, 10, {"twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"}},
      {"digits/day-", 0, 1, {"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}},
      {"digits/mon-",
       0,
       1,
       {"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"}},
  };
  for (const Numbered& series : numbered) {
    int64_t number = series.first;
    for (const std::string_view name : series.words) {
      if (name == word) return std::string(series.prefix) + std::to_string(number) + ".wav";
      number += series.step;
    }
  }
  return {};
}

std::vector<RecordedWord> read_prompt_words(const std::filesystem::path& folder, const std::vector<std::string>& words) {
  std::vector<RecordedWord> recorded;
  for (const std::string& word : words) {
    const std::string file = prompt_file(word);
    check<DataError>(!file.empty(), "[read_prompt_words] expected a word that has a prompt, got '{}'", {word});
    std::error_code ignored;
    check<IoError>(std::filesystem::exists(folder / file, ignored),
                   "[read_prompt_words] expected the prompt {}, got none; install them: apt-get install asterisk-core-sounds-en-wav",
                   {folder / file});
    recorded.push_back({.text = word, .audio = trim_silence(to_mono(read_audio(folder / file)))});
  }
  return recorded;
}

std::vector<TimedSpeech> prompt_sentences(const std::vector<RecordedWord>& words, const PromptSentencesOptions& o) {
  check<ConfigError>(o.count >= 0 && 1 <= o.min_words && o.min_words <= o.max_words,
                     "[prompt_sentences] expected count >= 0 and 1 <= min_words <= max_words, got {}, {} and {}",
                     {o.count, o.min_words, o.max_words});
  check<DataError>(!words.empty(), "[prompt_sentences] expected at least one word, got none");
  Random random(mix_seed({static_cast<uint64_t>(o.seed), 0x70726f}));
  std::vector<TimedSpeech> sentences;
  for (int64_t i = 0; i < o.count; ++i) {
    std::vector<RecordedWord> chosen;
    for (int64_t left = o.min_words + random.below(o.max_words - o.min_words + 1); left > 0; --left)
      chosen.push_back(words[static_cast<size_t>(random.below(std::ssize(words)))]);
    sentences.push_back(join_words(chosen, o.crossfade_seconds));
  }
  return sentences;
}

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/installed.hpp"
#include "support/tones.hpp"

#include <alloy/data/prompt_words.hpp>
#include <alloy/io/atomic_write.hpp>
#include <alloy/preprocess/lexicon.hpp>

#include <algorithm>
#include <set>

using namespace alloy;

TEST_CASE("every word of the English lexicon has a prompt of its own", "[data]") {
  std::set<std::string> files;
  for (const LexiconWord& entry : english_lexicon().words) files.insert(prompt_file(entry.word));
  CHECK(files.size() == english_lexicon().words.size());
  CHECK_FALSE(files.contains(""));
  CHECK(prompt_file("monday") == "digits/day-1.wav");
  CHECK(prompt_file("april") == "digits/mon-3.wav");
  CHECK(prompt_file("ninety") == "digits/90.wav");
  CHECK(prompt_file("q") == "letters/q.wav");
  CHECK(prompt_file("apple").empty());
}

TEST_CASE("prompts are read and put together", "[data]") {
  if (no_speech() == "built without audio files") ALLOY_SKIP(no_speech());
  const TempDir folder;
  std::filesystem::create_directories(folder / "digits");
  write_file(folder / "digits/1.wav", encode_wav(tones({{.seconds = 0.2}, {.seconds = 0.3, .hertz = 300}, {.seconds = 0.2}})));
  write_file(folder / "digits/2.wav", encode_wav(tones({{.seconds = 0.4, .hertz = 500}})));
  const std::vector<RecordedWord> words = read_prompt_words(folder.path(), {"one", "two"});
  REQUIRE(words.size() == 2);
  CHECK(static_cast<double>(words[0].audio.frames()) == Approx(2400).margin(90));
  const auto sentences = prompt_sentences(words, {.count = 12, .min_words = 2, .max_words = 3, .seed = 1});
  REQUIRE(sentences.size() == 12);
  for (const TimedSpeech& speech : sentences) CHECK((speech.words.size() == 2 || speech.words.size() == 3));
  CHECK(sentences[3].audio.samples == prompt_sentences(words, {.count = 12, .min_words = 2, .max_words = 3, .seed = 1})[3].audio.samples);
  CHECK_THROWS_WITH(read_prompt_words(folder.path(), {"three"}), ContainsSubstring("digits/3.wav") && ContainsSubstring("apt-get install"));
  CHECK_THROWS_WITH(read_prompt_words(folder.path(), {"apple"}), ContainsSubstring("'apple'"));
  CHECK_THROWS_AS(prompt_sentences({}, {}), DataError);
  CHECK_THROWS_AS(prompt_sentences(words, {.min_words = 4, .max_words = 3}), ConfigError);
}

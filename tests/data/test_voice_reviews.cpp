// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/installed.hpp"

#include <alloy/data/voice_reviews.hpp>
#include <alloy/io/atomic_write.hpp>
#include <alloy/io/audio_file.hpp>

#include <cmath>
#include <set>

using namespace alloy;

namespace {

VoiceReviewOptions small() { return {.train_size = 18, .test_size = 12, .seed = 3}; }

}  // namespace

TEST_CASE("voice review options", "[data]") {
  VoiceReviewOptions options = small();
  options.test_families = {"f2", "m6"};
  CHECK_THROWS_WITH(make_voice_reviews(options, VoiceSplit::train), ContainsSubstring("m6 in both"));
  options = small();
  options.unsteadiness = 2;
  CHECK_THROWS_AS(options.validate(), ConfigError);
  options = small();
  options.lowest_pitch = 90;
  CHECK_THROWS_AS(options.validate(), ConfigError);
  CHECK(prosody_labels().labels.size() == standard_prosodies().size());
  for (size_t k = 0; k < standard_prosodies().size(); ++k) CHECK(standard_prosodies()[k].first == prosody_labels().labels[k]);
  CHECK(prosody_labels().shared == sentiment_labels().shared);
}

TEST_CASE("voices and reviews", "[data]") {
  if (!no_speech().empty()) ALLOY_SKIP(no_speech());
  const VoiceReviewSet train = make_voice_reviews(small(), VoiceSplit::train), test = make_voice_reviews(small(), VoiceSplit::test);
  SECTION("are balanced and belong together by their shared label") {
    CHECK((train.size() == 18 && std::ssize(train.waveforms) == 18 && test.size() == 12));
    CHECK((at::bincount(train.voice_classes) == 3).all().item<bool>());
    CHECK(at::equal(prosody_labels().apply(train.voice_classes), sentiment_labels().apply(train.text_classes)));
    CHECK(at::equal(prosody_labels().apply(test.voice_classes), sentiment_labels().apply(test.text_classes)));
  }
  SECTION("share no family of voices between the splits") {
    const std::set<std::string> heard(train.speakers.begin(), train.speakers.end());
    for (const std::string& speaker : test.speakers) CHECK_FALSE(heard.contains(speaker));
  }
  SECTION("repeat with their seed") {
    const VoiceReviewSet again = make_voice_reviews(small(), VoiceSplit::test);
    CHECK(again.texts == test.texts);
    CHECK_THAT(again.waveforms[5], SameBits(test.waveforms[5]));
  }
  SECTION("features") {
    const VoiceReviewFeatures seen = voice_review_features(train, prosody_labels(), 256),
                              unseen = voice_review_features(test, prosody_labels(), 256, &seen);
    CHECK_THAT(seen.scores.mean(0), AllClose(torch::zeros({2}), 1e-5));
    CHECK_THAT(unseen.scores.to(torch::kDouble), AllClose((unseen.summaries - seen.summaries.mean(0)) / seen.summaries.std(0, false), 1e-5));
    const Tensor octaves = seen.summaries.select(1, 0), voiced = octaves.masked_select(octaves > 0);
    CHECK(voiced.size(0) >= 16);
    CHECK(voiced.min().item<double>() > std::log2(60));
    CHECK(voiced.max().item<double>() < std::log2(400));
    CHECK((voiced.max() - voiced.min()).item<double>() > 0.7);  // speakers differ by most of an octave
    Random random(0);
    const Sample sample = seen.by_melody()->get(4, random), plain = seen.by_pitch_and_rate()->get(4, random);
    CHECK((sample.values.at("voice").dim() == 2 && sample.values.at("voice").size(1) == 4));
    CHECK(plain.values.at("voice").sizes() == torch::IntArrayRef({2}));
    CHECK(sample.values.at("text").max().item<int64_t>() <= 257);
    CHECK(sample.target.item<int64_t>() == prosody_labels().apply(train.voice_classes)[4].item<int64_t>());
    CHECK_THROWS_AS(voice_review_features(train, sentiment_labels(), 256), ConfigError);
  }
}

TEST_CASE("recordings of one's own", "[data]") {
  const TempDir folder;
  try {
    Audio audio{.samples = std::vector<float>(8000), .channels = 2, .sample_rate_hz = 16000};
    for (size_t i = 0; i < 8000; ++i) audio.samples[i] = std::sin(0.1F * static_cast<float>(i / 2));
    for (const char* name : {"a.wav", "b.wav"}) write_file(folder / name, encode_wav(audio));
    read_audio(folder / "a.wav");
  } catch (const ConfigError&) {
    ALLOY_SKIP("built without audio files");
  }
  const auto table = [&](const std::string& text) {
    write_file(folder / "table.csv", text);
    return read_manifest(folder / "table.csv");
  };
  SECTION("split by speaker, every fourth of testing") {
    std::string rows = "path,label,text,speaker\n";
    for (const char* speaker : {"p", "q", "r", "s", "t"})
      for (const char* label : {"glad", "sad"}) rows += std::string(speaker[0] < 'r' ? "a" : "b") + ".wav," + label + ",some words," + speaker + "\n";
    const VoiceReviewSet train = read_voice_reviews(table(rows), VoiceSplit::train), test = read_voice_reviews(table(rows), VoiceSplit::test);
    CHECK(train.size() == 8);
    CHECK(test.speakers == std::vector<std::string>{"s", "s"});
    CHECK_THAT(train.speaker_groups(), SameBits(torch::tensor({0, 0, 1, 1, 2, 2, 3, 3}, torch::kLong)));
    CHECK_FALSE(test.speaker_groups().defined());  // of one speaker
    CHECK((train.voice_labels == std::vector<std::string>{"glad", "sad"} && train.text_labels == train.voice_labels));
    CHECK_THAT(test.voice_classes, SameBits(torch::tensor({0, 1}, torch::kLong)));
    CHECK(train.waveforms[0].size(0) == 2000);  // mono, 8000 Hz
  }
  SECTION("split as the table says, with labels of texts") {
    const Manifest given = table("path,label,text,text_label,split\na.wav,glad,fine,good,train\nb.wav,sad,poor,bad,train\na.wav,sad,so,bad,test\n");
    const VoiceReviewSet test = read_voice_reviews(given, VoiceSplit::test);
    CHECK(test.text_labels == std::vector<std::string>{"good", "bad"});
    CHECK((test.texts == std::vector<std::string>{"so"} && test.text_classes[0].item<int64_t>() == 1));
    CHECK_FALSE(test.speaker_groups().defined());
  }
  SECTION("every fourth row of a label otherwise") {
    std::string rows = "path,label,text\n";
    for (int k = 0; k < 8; ++k) rows += "a.wav,glad,x\nb.wav,sad,y\n";
    CHECK_THAT(at::bincount(read_voice_reviews(table(rows), VoiceSplit::test).voice_classes), SameBits(torch::tensor({2, 2}, torch::kLong)));
  }
  SECTION("refuses") {
    const auto read = [&](const std::string& text, VoiceSplit split = VoiceSplit::train) { return read_voice_reviews(table(text), split); };
    CHECK_THROWS_WITH(read("path,label,text\na.wav,,x\n"), ContainsSubstring("label in every row") && ContainsSubstring("line 2"));
    CHECK_THROWS_WITH(read("path,label\na.wav,glad\n"), ContainsSubstring("text"));
    CHECK_THROWS_WITH(read("path,label,text,split\na.wav,glad,x,dev\n"), ContainsSubstring("got 'dev'"));
    CHECK_THROWS_WITH(read("path,label,text,split\na.wav,glad,x,train\n", VoiceSplit::test),
                      ContainsSubstring("none of test") && ContainsSubstring("column split"));
    CHECK_THROWS_WITH(read("path,label,text,split\na.wav,glad,x,train\na.wav,sad,x,test\n", VoiceSplit::test), ContainsSubstring("no row of sad"));
    CHECK_THROWS_AS(read("path,label,text,split\nnone.wav,glad,x,train\n"), IoError);
    CHECK_THROWS_WITH(read("path,label,text,text_label\na.wav,glad,x,\n"), ContainsSubstring("text_label in every row"));
    CHECK_THROWS_WITH(read("path,label,text,speaker\na.wav,glad,x,\n"), ContainsSubstring("speaker in every row"));
    write_file(folder / "short.wav", encode_wav({.samples = std::vector<float>(800), .channels = 1, .sample_rate_hz = 8000}));
    write_file(folder / "long.wav", encode_wav({.samples = std::vector<float>(61 * 8000), .channels = 1, .sample_rate_hz = 8000}));
    CHECK_THROWS_WITH(read("path,label,text\na.wav,glad,x\nshort.wav,glad,x\n"), ContainsSubstring("got 0.1 in") && ContainsSubstring("line 3"));
    write_file(folder / "silent.wav", encode_wav({.samples = std::vector<float>(8000), .channels = 1, .sample_rate_hz = 8000}));
    CHECK_THROWS_WITH(read("path,label,text\nsilent.wav,glad,x\n"), ContainsSubstring("got silence in") && ContainsSubstring("line 2"));
    CHECK_THROWS_WITH(read("path,label,text,text_label,split\na.wav,glad,x,good,train\na.wav,glad,x,new,test\n"),
                      ContainsSubstring("every text_label") && ContainsSubstring("no row of new"));
    CHECK_THROWS_WITH(read("path,label,text\nlong.wav,glad,x\n"), ContainsSubstring("got 61 in") && ContainsSubstring("cut long ones"));
  }
}

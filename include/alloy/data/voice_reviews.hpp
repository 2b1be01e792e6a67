// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Voices and short reviews that share a feeling but not their labels: a neutral sentence said in one of six prosodies, and a text with
/// one of five sentiments, paired at random where both come to the same shared label (positive, neutral, negative). Or the same from a
/// table of recordings of one's own. Synthesised prosody is no emotion: see prosody.hpp.
///
/// Families of voices (a variant of espeak-ng with several accents) are either of training or of testing, and so are the words
/// of reviews. Speakers differ in pitch (by more than an octave) and speed (by half) far more than prosodies do.

#include <alloy/alignment/label_map.hpp>
#include <alloy/data/dataset.hpp>
#include <alloy/data/prosody.hpp>
#include <alloy/io/manifest.hpp>
#include <alloy/preprocess/pitch.hpp>

namespace alloy {

enum class VoiceSplit { train, test };
constexpr auto enum_names(VoiceSplit) {
  return std::to_array<std::pair<VoiceSplit, std::string_view>>({{VoiceSplit::train, "train"}, {VoiceSplit::test, "test"}});
}

struct VoiceReviewOptions {
  int64_t train_size = 240;
  int64_t test_size = 90;
  int64_t seed = 0;
  double unsteadiness = 0.5;
  std::vector<std::string> train_families = {"m6", "m7", "Alex", "Diogo", "Andy", "f1", "f3", "f5", "steph", "linda"};
  std::vector<std::string> test_families = {"m8", "Lee", "Hugo", "f2", "f4", "anika"};
  std::vector<std::string> accents = {"en-us", "en-gb-scotland", "en-gb-x-rp", "en-029", "en-gb-x-gbclan"};
  int64_t lowest_pitch = 20;
  int64_t highest_pitch = 80;
  int64_t lowest_wpm = 140;
  int64_t highest_wpm = 210;
  SpeakOptions speech = {};
  static void describe(auto& self, auto&& field) {
    field("train_size", self.train_size, "pairs to train on, 6..100000");
    field("test_size", self.test_size, "pairs to report on, 6..100000");
    field("seed", self.seed, "of pairing, speakers and words");
    field("unsteadiness", self.unsteadiness, "0..1, how much the same prosody differs from time to time: 1 = from nothing of it to twice as much");
    field("train_families", self.train_families, "variants of espeak-ng heard in training, see `espeak-ng --voices=variant`");
    field("test_families", self.test_families, "others, heard in testing alone");
    field("accents", self.accents, "voices that each variant is put on");
    field("lowest_pitch", self.lowest_pitch, "speakers' own pitches are drawn from there, 0..99");
    field("highest_pitch", self.highest_pitch, "to there");
    field("lowest_wpm", self.lowest_wpm, "speakers' own speeds in words a minute are drawn from there, 80..450");
    field("highest_wpm", self.highest_wpm, "to there");
    field("speech", self.speech, "how it is synthesised");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Pairs of a voice and a text. A value.
struct VoiceReviewSet {
  std::vector<Tensor> waveforms;  ///< [N_i] float each
  int64_t sample_rate_hz = 8000;
  std::vector<std::string> texts;
  std::vector<std::string> speakers;                   ///< family, or what the table says; empty = not named
  std::vector<std::string> voice_labels, text_labels;  ///< names of the classes
  Tensor voice_classes, text_classes;                  ///< int64 [N]
  int64_t size() const { return std::ssize(texts); }
  /// int64 [N], one number a speaker, for intervals over speakers rather than over what each says again and again; undefined where some are
  /// not named, and of fewer than three, over which there is no interval.
  ALLOY_API Tensor speaker_groups() const;
};

/// The prosodies by name: bright, warm, plain, level, weary, sharp.
ALLOY_API std::vector<std::pair<std::string, Prosody>> standard_prosodies();
/// What they and the sentiments of reviews come to: bright and warm, delighted and pleased to positive ...
ALLOY_API LabelMap prosody_labels();
ALLOY_API LabelMap sentiment_labels();

/// Prosodies are balanced; the sentiment is one of those with the prosody's shared label. @throws as speak
ALLOY_API VoiceReviewSet make_voice_reviews(const VoiceReviewOptions& options, VoiceSplit split, const ProgressCallback& progress = {},
                                            const CancelToken& cancel = {});

/// Recordings of one's own: a table with columns `path` (an audio file of 0.2..60 s), `label` (one name for voice and text alike) and `text`,
/// optional `text_label`, `speaker` and `split` (train or test). Without `split` every fourth speaker in order of appearance is of testing; without
/// `speaker` every fourth row of each label.
/// @throws IoError; DataError naming the row of a cell that is empty, and for a split without pairs or with a label that training lacks
ALLOY_API VoiceReviewSet read_voice_reviews(const Manifest& table, VoiceSplit split, int64_t sample_rate_hz = 8000);

/// Two views of each voice, and its text.
struct VoiceReviewFeatures {
  std::vector<Tensor> melodies;  ///< [N_i, 4] melody_series, 50 frames a second
  Tensor summaries;              ///< [N, 2] double: log2 mean_hz (0 without a voice), syllables a second
  Tensor scores;                 ///< [N, 2] float: the same less the mean of training, over its standard deviation
  std::vector<Tensor> texts;     ///< int64 ids of HashedNgrams
  Tensor targets;                ///< int64 [N] shared label of the voice
  /// Samples with "voice" (melody, or mean pitch and rate), "text" and the shared label as target.
  ALLOY_API std::shared_ptr<MemoryDataset> by_melody() const;
  ALLOY_API std::shared_ptr<MemoryDataset> by_pitch_and_rate() const;
};
/// @param training  features of the training set, whose means and deviations the z-scores take; null = this is the training set
/// @throws ShapeError, ConfigError for maps of other labels
ALLOY_API VoiceReviewFeatures voice_review_features(const VoiceReviewSet& set, const LabelMap& voices, int64_t text_buckets,
                                                    const VoiceReviewFeatures* training = nullptr);

}  // namespace alloy

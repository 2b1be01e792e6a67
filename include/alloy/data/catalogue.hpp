// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Recognise a product from a photo, a spoken name and a typed tag, each of them unreliable: a synthetic set on which
/// fusion can be tried and measured anywhere. The photos are real (Fashion-MNIST; Xiao et al. 2017, MIT licence), the speech is
/// synthesised, the tags are generated, and the three are paired by class at random: nothing here was observed together.
/// The same options give the same bits on the same machine and the same version of espeak-ng.

#include <alloy/data/catalogue_tag.hpp>
#include <alloy/data/dataset.hpp>
#include <alloy/data/speech_bank.hpp>

namespace alloy {

/// redundant: which class; photo, spoken name and tag are all of it.
/// unique: which class; but the photo of a pullover, coat or shirt is of any of these three, and what is said and typed
///   for a sandal, sneaker or ankle boot names any of those three, so that names alone tell apart the former and photos
///   alone the latter.
/// synergy: do name and photo match (1) or not (0)? Spoken and typed name agree, half the pairs match, and neither photo nor
///   name alone says anything about it. Noise is halved.
enum class CatalogueTask { redundant, unique, synergy };
constexpr auto enum_names(CatalogueTask) {
  return std::to_array<std::pair<CatalogueTask, std::string_view>>(
      {{CatalogueTask::redundant, "redundant"}, {CatalogueTask::unique, "unique"}, {CatalogueTask::synergy, "synergy"}});
}

/// Each split has photos, voices and shortened forms of its own; test's photos are Fashion-MNIST's own test set. valid
/// differs from train as test does, since weights fitted on the voices and forms of training trust them too much.
/// (Fashion-MNIST's training set serves train and valid, without a photo in both.)
enum class CatalogueSplit { train, valid, test };
constexpr auto enum_names(CatalogueSplit) {
  return std::to_array<std::pair<CatalogueSplit, std::string_view>>(
      {{CatalogueSplit::train, "train"}, {CatalogueSplit::valid, "valid"}, {CatalogueSplit::test, "test"}});
}

/// What each level does to a modality alone is measured by bench/catalogue_noise.cpp.
struct CatalogueNoise {
  double image_sigma = 0.5;
  double image_erase = 0.12;
  double speech_snr_db = -9;
  TagNoise tag = {};
  static void describe(auto& self, auto&& field) {
    field("image_sigma", self.image_sigma, "standard deviation of white Gaussian noise on pixels 0..1, 0..10; nothing is clipped");
    field("image_erase", self.image_erase, "0..0.9, share of the photo under a black square at a random place, before the noise");
    field("speech_snr_db", self.speech_snr_db, "-60..100, white Gaussian noise throughout; speech power is that of the word itself, without silence around it");
    field("tag", self.tag, "what happens to typed tags");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Half the amplitude: sigma, erased share and percentages halved, 20 log10(2) = 6.02 dB more.
ALLOY_API CatalogueNoise halve(const CatalogueNoise& noise);

struct CatalogueOptions {
  CatalogueTask task = CatalogueTask::redundant;
  int64_t train_size = 8000;
  int64_t valid_size = 2000;
  int64_t test_size = 4000;
  int64_t seed = 0;
  CatalogueNoise noise = {};
  std::filesystem::path photos = "/usr/share/datasets/fashion-mnist";
  std::filesystem::path cache = {};
  std::vector<std::string> train_voices = {"en-us",     "en-gb",     "en-gb-scotland",    "en-gb-x-rp",    "en-029",            "en-gb-x-gbclan",    "en-us-nyc",
                                           "en-us+m1",  "en-us+f1",  "en-gb-scotland+f3", "en-gb-x-rp+m7", "en-gb-x-gbcwmd",    "en-gb-x-gbcwmd+m4", "en-us-nyc+m2",
                                           "en-029+m6", "en-029+f3", "en-gb-x-rp+f1",     "en-us+anika",   "en-gb-x-gbclan+m3", "en-gb-scotland+linda"};
  std::vector<std::string> valid_voices = {"en-us+m4", "en-gb-scotland+f1", "en-029+m2", "en-gb-x-gbclan+f5", "en-us-nyc+f4", "en-gb-x-rp+m3"};
  std::vector<std::string> test_voices = {"en-us+f2", "en-gb-scotland+m5", "en-029+f4", "en-gb-x-rp+croak", "en-gb-x-gbclan+norbert", "en-us-nyc+steph"};
  std::vector<int64_t> speeds_wpm = {150, 175, 200};
  std::vector<int64_t> pitches = {35, 65};
  static void describe(auto& self, auto&& field) {
    field("task", self.task, "what is asked");
    field("train_size", self.train_size, "samples to train on, 1..50000");
    field("valid_size", self.valid_size, "samples to choose settings by, 1..10000");
    field("test_size", self.test_size, "samples to report on, 1..10000");
    field("seed", self.seed, "of pairing and noise");
    field("noise", self.noise, "how unreliable each modality is; halved in the task synergy");
    field("photos", self.photos, "folder of the four Fashion-MNIST files");
    field("cache", self.cache, "folder that keeps the synthesised speech; empty = it is made each time");
    field("train_voices", self.train_voices, "espeak-ng voices of train");
    field("valid_voices", self.valid_voices, "espeak-ng voices of valid, none of them in train");
    field("test_voices", self.test_voices, "espeak-ng voices of test, none of them in train or valid");
    field("speeds_wpm", self.speeds_wpm, "speeds of every voice, words a minute");
    field("pitches", self.pitches, "pitches of every voice, 0..99");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// What tasks, splits, sizes, seeds and levels of noise share: it depends on folders, voices, speeds and pitches alone.
struct CatalogueSource {
  Tensor train_photos;  ///< uint8 [60000, 28, 28]
  Tensor train_labels;  ///< int64 [60000]
  Tensor test_photos;   ///< uint8 [10000, 28, 28]
  Tensor test_labels;   ///< int64 [10000]
  SpeechBank speech;    ///< voices: train_voices, valid_voices, test_voices; words: catalogue_class_names
};

/// @throws IoError naming the cure if the photos or espeak-ng are not there; DataError if the photos are damaged
ALLOY_API std::shared_ptr<const CatalogueSource> load_catalogue_source(const CatalogueOptions& options, const ProgressCallback& progress = {},
                                                                       const CancelToken& cancel = {});

/// Where a sample came from.
struct CatalogueRecord {
  int64_t target = 0;
  int64_t photo_class = 0;  ///< of the photo shown
  int64_t name_class = 0;   ///< of the name said and typed
  int64_t photo = 0;        ///< its index in Fashion-MNIST's training file, for test in its test file
  int64_t voice = 0, speed = 0, pitch = 0;  ///< places in the speech bank
  int64_t offset = 0;       ///< samples of noise before the word begins
  Tag tag = {};
};

/// One split, made in the constructor and held in memory (10 KB a sample). Classes are balanced: sample i is of class i mod
/// 10 (synergy: its photo is). All noise depends on seed, split and index alone, not on the epoch: the noisy sample is the data.
/// Immutable; any number of threads may share one.
class ALLOY_API Catalogue final : public Dataset {
 public:
  static constexpr int64_t kImageSide = 28, kAudioFrames = 51, kMelBins = 40, kMaxTagTokens = 32, kSampleRateHz = 16000;

  /// @throws ConfigError for options that the source was not made for
  Catalogue(CatalogueOptions options, CatalogueSplit split, std::shared_ptr<const CatalogueSource> source);

  int64_t size() const override { return static_cast<int64_t>(records_.size()); }
  /// @return views: "image" float [1, 28, 28], "audio" float [51, 40], one frame each 20 ms, both of about zero mean and unit
  ///         variance; "text" int64 [L] of ByteTokenizer, L in 2..32; target scalar int64
  Sample get(int64_t index, Random& random) const override;

  int64_t num_classes() const { return options_.task == CatalogueTask::synergy ? 2 : kCatalogueClasses; }
  /// In the order of targets.
  std::vector<std::string> class_names() const;
  const CatalogueRecord& record(int64_t index) const;
  /// The voice that spoke, as espeak-ng names it.
  const std::string& voice(int64_t index) const;
  /// The noisy photo to look at, clipped: uint8 [28, 28].
  Tensor picture(int64_t index) const;
  /// The noisy speech: float [16000], the word at a root mean square of 0.1, the noise where the SNR puts it.
  Tensor waveform(int64_t index) const;
  /// Options of the reader that turns a file or text of a user's into what `get` gives (make_modality_reader, whose kinds are
  /// named as the modalities): a grey photo on black, a word of about a second, a tag.
  Config reader_options(std::string_view modality) const;
  CatalogueSplit split() const { return split_; }
  const CatalogueOptions& options() const { return options_; }
  /// What was applied: that of the options, halved for synergy.
  const CatalogueNoise& noise() const { return noise_; }

 private:
  double image_mean() const;
  double image_std() const;
  void plan();
  Random random(int64_t index, int64_t purpose) const;
  void fill_image(int64_t index, float* out) const;
  void fill_waveform(int64_t index, float* out) const;
  CatalogueOptions options_;
  CatalogueSplit split_;
  CatalogueNoise noise_;
  std::shared_ptr<const CatalogueSource> source_;
  std::vector<CatalogueRecord> records_;
  Tensor images_;        // float [N, 1, 28, 28]
  Tensor audio_;         // float [N, 51, 40]
  Tensor text_;          // int64 [N, 32]
  std::vector<int64_t> text_lengths_;
  Tensor targets_;       // int64 [N]
};

}  // namespace alloy

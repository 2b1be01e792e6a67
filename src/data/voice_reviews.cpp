// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/voice_reviews.hpp>

#include <alloy/core/jobs.hpp>
#include <alloy/core/threads.hpp>
#include <alloy/data/reviews.hpp>
#include <alloy/io/audio_file.hpp>
#include <alloy/preprocess/hashed_ngrams.hpp>

#include <ATen/Functions.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace alloy {

namespace {

std::vector<std::string> sentiment_names() {
  std::vector<std::string> names;
  for (const auto& [value, name] : enum_names(Sentiment{})) names.emplace_back(name);
  return names;
}

/// The same prosody said once more: all of its courses stronger or weaker, every point off by a little.
Prosody vary(Prosody p, double unsteadiness, Random& random) {
  const double strength = 1 + unsteadiness * random.uniform(-1, 1);
  for (auto* course : {&p.pitch, &p.volume})
    for (double& x : *course) x = x * strength + unsteadiness * random.uniform(-10, 10);
  p.range *= 1 + 0.4 * unsteadiness * random.uniform(-1, 1);
  p.rate *= 1 + 0.2 * unsteadiness * random.uniform(-1, 1);
  return p;
}

int64_t between(int64_t low, int64_t high, Random& random) { return low + random.below(high - low + 1); }

int64_t place_of(std::vector<std::string>& names, const std::string& name) {
  const auto found = std::ranges::find(names, name);
  if (found != names.end()) return found - names.begin();
  names.push_back(name);
  return std::ssize(names) - 1;
}

/// Which rows of a table are of testing.
std::vector<bool> test_rows(const Manifest& table) {
  const auto rows = static_cast<size_t>(table.num_rows());
  std::vector<bool> test(rows, false);
  std::vector<std::string> names;
  std::vector<int64_t> seen;
  for (size_t i = 0; i < rows; ++i) {
    const auto row = static_cast<int64_t>(i);
    if (table.has_column("split")) {
      const std::string& split = table.cell(row, "split");
      check<DataError>(split == "train" || split == "test", "[read_voice_reviews] expected split train or test, got '{}' in {}",
                       {split, table.place(row)});
      test[i] = split == "test";
    } else if (table.has_column("speaker")) {
      test[i] = place_of(names, table.cell(row, "speaker")) % 4 == 3;
    } else {
      const auto label = static_cast<size_t>(place_of(names, table.cell(row, "label")));
      seen.resize(names.size());
      test[i] = seen[label]++ % 4 == 3;
    }
  }
  return test;
}

/// Of a recording that a sentence can be in.
Tensor samples_of(const Manifest& table, int64_t row, int64_t sample_rate_hz) {
  constexpr double kLeastSeconds = 0.2, kMostSeconds = 60;
  const Audio audio = resample(to_mono(read_audio(table.folder / table.cell(row, "path"))), sample_rate_hz);
  const double seconds = static_cast<double>(audio.samples.size()) / static_cast<double>(sample_rate_hz);
  check<DataError>(seconds >= kLeastSeconds && seconds <= kMostSeconds,
                   "[read_voice_reviews] expected recordings of {}..{} seconds, got {} in {}; cut long ones into sentences",
                   {kLeastSeconds, kMostSeconds, seconds, table.place(row)});
  check<DataError>(std::ranges::any_of(audio.samples, [](float x) { return x != 0; }), "[read_voice_reviews] expected sound, got silence in {}",
                   {table.place(row)});
  return at::tensor(audio.samples, at::kFloat);
}

}  // namespace

void VoiceReviewOptions::validate() const {
  for (const int64_t size : {train_size, test_size})
    check<ConfigError>(size >= 6 && size <= 100000, "[VoiceReviews] expected sizes in 6..100000, got {}", {size});
  check<ConfigError>(unsteadiness >= 0 && unsteadiness <= 1, "[VoiceReviews] expected unsteadiness in 0..1, got {}", {unsteadiness});
  check<ConfigError>(!train_families.empty() && !test_families.empty() && !accents.empty(),
                     "[VoiceReviews] expected families of both splits and accents, got {}, {} and {} of them",
                     {train_families.size(), test_families.size(), accents.size()});
  for (const std::string& family : test_families)
    check<ConfigError>(std::ranges::find(train_families, family) == train_families.end(),
                       "[VoiceReviews] expected families that are of one split, got {} in both", {family});
  check<ConfigError>(lowest_pitch >= 0 && lowest_pitch <= highest_pitch && highest_pitch <= 99,
                     "[VoiceReviews] expected pitches in 0..99, got {}..{}", {lowest_pitch, highest_pitch});
  check<ConfigError>(lowest_wpm >= 80 && lowest_wpm <= highest_wpm && highest_wpm <= 450, "[VoiceReviews] expected speeds in 80..450, got {}..{}",
                     {lowest_wpm, highest_wpm});
  speech.validate();
}

Tensor VoiceReviewSet::speaker_groups() const {
  if (std::ranges::find(speakers, "") != speakers.end()) return {};
  std::vector<std::string> names;
  std::vector<int64_t> groups;
  for (const std::string& speaker : speakers) groups.push_back(place_of(names, speaker));
  return names.size() < 3 ? Tensor() : at::tensor(groups, at::kLong);
}

std::vector<std::pair<std::string, Prosody>> standard_prosodies() {
  return {{"bright", {.pitch = {-20, 25}, .range = 130, .rate = 105}},                         // rises
          {"warm", {.pitch = {-15, 25, -20}, .range = 120, .rate = 97}},                       // rises and falls
          {"plain", {}},                                                                       // as the voice speaks anyway
          {"level", {.pitch = {6}, .range = 25, .rate = 103}},                                 // hardly moves
          {"weary", {.pitch = {28, -18}, .volume = {10, -40}, .rate = 95}},                    // falls and fades
          {"sharp", {.pitch = {20, -25, 15}, .volume = {-20}, .range = 140, .emphasis = 2}}};  // falls and rises, every second word stressed
}

LabelMap prosody_labels() {
  return map_labels(
      {{"bright", "positive"}, {"warm", "positive"}, {"plain", "neutral"}, {"level", "neutral"}, {"weary", "negative"}, {"sharp", "negative"}},
      {"positive", "neutral", "negative"});
}

LabelMap sentiment_labels() {
  return map_labels({{"delighted", "positive"}, {"pleased", "positive"}, {"unmoved", "neutral"}, {"disappointed", "negative"}, {"angry", "negative"}},
                    {"positive", "neutral", "negative"});
}

VoiceReviewSet make_voice_reviews(const VoiceReviewOptions& options, VoiceSplit split, const ProgressCallback& progress, const CancelToken& cancel) {
  options.validate();
  const bool train = split == VoiceSplit::train;
  const auto& families = train ? options.train_families : options.test_families;
  const auto prosodies = standard_prosodies();
  const Tensor shared_of_voice = prosody_labels().index(), shared_of_text = sentiment_labels().index();
  VoiceReviewSet set{.waveforms = {}, .sample_rate_hz = options.speech.sample_rate_hz, .text_labels = sentiment_names()};
  for (const auto& [name, prosody] : prosodies) set.voice_labels.push_back(name);
  std::vector<Utterance> utterances;
  std::vector<int64_t> voice_classes, text_classes;
  for (int64_t i = 0; i < (train ? options.train_size : options.test_size); ++i) {
    Random random(mix_seed({static_cast<uint64_t>(options.seed), static_cast<uint64_t>(split), static_cast<uint64_t>(i)}));
    const int64_t voice = i % std::ssize(prosodies);
    int64_t text = random.below(std::ssize(set.text_labels));
    while (shared_of_text[text].item<int64_t>() != shared_of_voice[voice].item<int64_t>()) text = random.below(std::ssize(set.text_labels));
    const std::string& family = families[static_cast<size_t>(random.below(std::ssize(families)))];
    const std::string& accent = options.accents[static_cast<size_t>(random.below(std::ssize(options.accents)))];
    const std::string sentence = make_neutral_sentence(random);
    utterances.push_back({.text = sentence,
                          .voice = accent + "+" + family,
                          .pitch = between(options.lowest_pitch, options.highest_pitch, random),
                          .speed_wpm = between(options.lowest_wpm, options.highest_wpm, random),
                          .prosody = vary(prosodies[static_cast<size_t>(voice)].second, options.unsteadiness, random)});
    set.texts.push_back(make_review(static_cast<Sentiment>(text), train ? ReviewWords::seen : ReviewWords::held_out, random));
    set.speakers.push_back(family);
    voice_classes.push_back(voice), text_classes.push_back(text);
  }
  set.waveforms = speak(utterances, options.speech, progress, cancel);
  set.voice_classes = at::tensor(voice_classes, at::kLong), set.text_classes = at::tensor(text_classes, at::kLong);
  return set;
}

VoiceReviewSet read_voice_reviews(const Manifest& table, VoiceSplit split, int64_t sample_rate_hz) {
  std::vector<std::string> needed = {"path", "label", "text"};
  for (const char* column : {"text_label", "speaker"})
    if (table.has_column(column)) needed.emplace_back(column);
  for (const std::string& column : needed)
    for (int64_t i = 0; i < table.num_rows(); ++i)
      check<DataError>(!table.cell(i, column).empty(), "[read_voice_reviews] expected {} in every row, got an empty cell in {}",
                       {column, table.place(i)});
  VoiceReviewSet set{.waveforms = {}, .sample_rate_hz = sample_rate_hz};
  const std::vector<bool> test = test_rows(table);
  std::vector<int64_t> voice_classes, text_classes;
  std::set<std::string> trained, trained_texts;
  for (int64_t i = 0; i < table.num_rows(); ++i) {  // classes over both splits, so that they have the same numbers
    const std::string& label = table.cell(i, "label");
    const int64_t voice = place_of(set.voice_labels, label),
                  text = place_of(set.text_labels, table.has_column("text_label") ? table.cell(i, "text_label") : label);
    const bool of_test = test[static_cast<size_t>(i)];
    if (!of_test) trained.insert(label), trained_texts.insert(set.text_labels[static_cast<size_t>(text)]);
    if (of_test != (split == VoiceSplit::test)) continue;
    set.waveforms.push_back(samples_of(table, i, sample_rate_hz));
    set.texts.push_back(table.cell(i, "text"));
    set.speakers.push_back(table.has_column("speaker") ? table.cell(i, "speaker") : "");
    voice_classes.push_back(voice), text_classes.push_back(text);
  }
  check<DataError>(
      !set.texts.empty(),
      "[read_voice_reviews] expected rows of both splits, got none of {} among {}; give a column split, or more speakers (every fourth is "
      "of testing)",
      {split, table.num_rows()});
  for (const std::string& label : set.voice_labels)
    check<DataError>(trained.contains(label), "[read_voice_reviews] expected every label among the rows of training, got no row of {}", {label});
  for (const std::string& label : set.text_labels)
    check<DataError>(trained_texts.contains(label), "[read_voice_reviews] expected every text_label among the rows of training, got no row of {}",
                     {label});
  set.voice_classes = at::tensor(voice_classes, at::kLong), set.text_classes = at::tensor(text_classes, at::kLong);
  return set;
}

VoiceReviewFeatures voice_review_features(const VoiceReviewSet& set, const LabelMap& voices, int64_t text_buckets,
                                          const VoiceReviewFeatures* training) {
  check<ConfigError>(voices.labels == set.voice_labels, "[voice_review_features] expected a map of the labels {}, got one of {}",
                     {set.voice_labels, voices.labels});
  const auto count = static_cast<size_t>(set.size());
  const HashedNgrams ngrams({.buckets = text_buckets});
  VoiceReviewFeatures out{.melodies = std::vector<Tensor>(count),
                          .summaries = at::zeros({set.size(), 2}, at::kDouble),
                          .texts = std::vector<Tensor>(count),
                          .targets = voices.apply(set.voice_classes)};
  const ThreadScope one(1);
  run_jobs(set.size(), num_cores(), [&](int64_t i) {
    const auto place = static_cast<size_t>(i);
    const PitchTrack track = pitch_track(set.waveforms[place], {.sample_rate_hz = set.sample_rate_hz, .hop_size = set.sample_rate_hz / 50});
    const PitchAndRate summary = mean_pitch_and_rate(track);
    out.summaries[i][0].fill_(summary.mean_hz > 0 ? std::log2(summary.mean_hz) : 0.0);
    out.summaries[i][1].fill_(summary.syllables_per_second);
    out.melodies[place] = melody_series(track);
    out.texts[place] = at::tensor(ngrams.encode(set.texts[place]), at::kLong);
  });
  const Tensor known = training != nullptr ? training->summaries : out.summaries;
  out.scores = ((out.summaries - known.mean(0)) / known.std(0, /*unbiased=*/false).clamp_min(1e-6)).to(at::kFloat);
  return out;
}

namespace {

template <class VoiceOf>
std::shared_ptr<MemoryDataset> pairs_of(const VoiceReviewFeatures& features, const VoiceOf& voice) {
  std::vector<Sample> samples(features.texts.size());
  for (size_t i = 0; i < samples.size(); ++i) {
    samples[i].id = std::to_string(i);
    samples[i].values.insert("voice", voice(i));
    samples[i].values.insert("text", features.texts[i]);
    samples[i].target = features.targets[static_cast<int64_t>(i)];
  }
  return std::make_shared<MemoryDataset>(std::move(samples));
}

}  // namespace

std::shared_ptr<MemoryDataset> VoiceReviewFeatures::by_melody() const {
  return pairs_of(*this, [&](size_t i) { return melodies[i]; });
}
std::shared_ptr<MemoryDataset> VoiceReviewFeatures::by_pitch_and_rate() const {
  return pairs_of(*this, [&](size_t i) { return scores[static_cast<int64_t>(i)]; });
}

}  // namespace alloy

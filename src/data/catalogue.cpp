// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/catalogue.hpp>
#include <alloy/data/modality_reader.hpp>

#include <alloy/io/idx.hpp>
#include <alloy/preprocess/byte_tokenizer.hpp>
#include <alloy/preprocess/log_mel.hpp>

#include <ATen/Functions.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <set>

namespace alloy {

namespace {

constexpr int64_t kPixels = Catalogue::kImageSide * Catalogue::kImageSide;
constexpr int64_t kSamples = Catalogue::kSampleRateHz;  // one second
constexpr int64_t kValidPhotos = 1000;                  // of each class, the last of a seeded order; the rest is for training
constexpr double kSpeechRms = 0.1;

// Mean and standard deviation of the pixels of Fashion-MNIST, and of the log-mel values of noisy speech, whose loudness is
// fixed, measured at an SNR of -10 dB.
constexpr double kPixelMean = 0.286, kPixelStd = 0.353;
constexpr double kLogMelMean = -2.93, kLogMelStd = 0.62;

constexpr std::array<int64_t, 3> kPhotosAlike = {2, 4, 6};  // pullover, coat, shirt
constexpr std::array<int64_t, 3> kNamesAlike = {5, 7, 9};   // sandal, sneaker, ankle boot

LogMelOptions log_mel_options() {
  return {.sample_rate_hz = Catalogue::kSampleRateHz, .window_size = 512, .fft_size = 512, .hop_size = kSamples / (Catalogue::kAudioFrames - 1),
          .mel_bins = Catalogue::kMelBins};
}

/// What a stream of random numbers is for: each has its own, so that a level of noise changes nothing else.
enum Purpose : int64_t { kPairing, kPhotoOrder, kTag, kPhotoNoise, kSpeechNoise };

/// Adds `sigma` times a standard normal number to each value; Box-Muller, both numbers of a pair.
void add_normal(float* out, int64_t count, double sigma, Random& random) {
  for (int64_t i = 0; i < count; i += 2) {
    const double radius = sigma * std::sqrt(-2.0 * std::log(1.0 - random.uniform())), angle = 2.0 * std::numbers::pi * random.uniform();
    out[i] += static_cast<float>(radius * std::cos(angle));
    if (i + 1 < count) out[i + 1] += static_cast<float>(radius * std::sin(angle));
  }
}

double rms(const float* x, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(x[i]) * x[i];
  return std::sqrt(sum / static_cast<double>(count));
}

template <class List>
bool holds(const List& list, int64_t value) {
  return std::ranges::find(list, value) != std::end(list);
}

Tensor read_fashion(const CatalogueOptions& o, const std::string& name, at::IntArrayRef sizes) {
  const std::filesystem::path file = o.photos / name;
  std::error_code ignored;
  check<IoError>(std::filesystem::exists(file, ignored), "[Catalogue] expected Fashion-MNIST in {}, got no {}; install it: apt-get install dataset-fashion-mnist", {o.photos, name});
  const Tensor values = read_idx(file);
  check<DataError>(values.sizes() == sizes && values.scalar_type() == at::kByte, "[Catalogue] expected uint8 {} in {}, got {}", {sizes, file, values});
  if (sizes.size() == 3) return values;
  check<DataError>(values.max().item<int64_t>() < kCatalogueClasses, "[Catalogue] expected labels in 0..9 in {}, got {}", {file, values.max().item<int64_t>()});
  return values.to(at::kLong);
}

SpeechBankOptions speech_options(const CatalogueOptions& o) {
  SpeechBankOptions speech{.voices = o.train_voices, .speeds_wpm = o.speeds_wpm, .pitches = o.pitches, .sample_rate_hz = kSamples, .samples = kSamples, .cache = o.cache};
  for (const auto* more : {&o.valid_voices, &o.test_voices}) speech.voices.insert(speech.voices.end(), more->begin(), more->end());
  for (const std::string_view name : catalogue_class_names()) speech.words.emplace_back(name);
  return speech;
}

}  // namespace

void CatalogueNoise::validate() const {
  check<ConfigError>(image_sigma >= 0 && image_sigma <= 10, "[Catalogue] expected image_sigma in 0..10, got {}", {image_sigma});
  check<ConfigError>(image_erase >= 0 && image_erase <= 0.9, "[Catalogue] expected image_erase in 0..0.9, got {}", {image_erase});
  check<ConfigError>(speech_snr_db >= -60 && speech_snr_db <= 100, "[Catalogue] expected speech_snr_db in -60..100, got {}", {speech_snr_db});
  tag.validate();
}

CatalogueNoise halve(const CatalogueNoise& noise) {
  return {.image_sigma = noise.image_sigma / 2,
          .image_erase = noise.image_erase / 2,
          .speech_snr_db = std::min(100.0, noise.speech_snr_db + 20 * std::log10(2.0)),
          .tag = {.typing_error_percent = noise.tag.typing_error_percent / 2, .shorten_percent = noise.tag.shorten_percent / 2, .empty_percent = noise.tag.empty_percent / 2}};
}

void CatalogueOptions::validate() const {
  const auto size = [](std::string_view name, int64_t value, int64_t most) {
    check<ConfigError>(value >= 1 && value <= most, "[Catalogue] expected {} in 1..{}, got {}", {name, most, value});
  };
  size("train_size", train_size, 50000);
  size("valid_size", valid_size, 10000);
  size("test_size", test_size, 10000);
  noise.validate();
  std::set<std::string> heard;
  for (const auto* voices : {&train_voices, &valid_voices, &test_voices}) {
    check<ConfigError>(!voices->empty(), "[Catalogue] expected train_voices, valid_voices and test_voices, got none of one");
    for (const std::string& voice : *voices) check<ConfigError>(heard.insert(voice).second, "[Catalogue] expected each voice once and in one split, got {} again", {voice});
  }
  speech_options(*this).validate();
}

std::shared_ptr<const CatalogueSource> load_catalogue_source(const CatalogueOptions& options, const ProgressCallback& progress, const CancelToken& cancel) {
  options.validate();
  auto source = std::make_shared<CatalogueSource>();
  const int64_t side = Catalogue::kImageSide;
  source->train_photos = read_fashion(options, "train-images-idx3-ubyte.gz", {60000, side, side});
  source->train_labels = read_fashion(options, "train-labels-idx1-ubyte.gz", {60000});
  source->test_photos = read_fashion(options, "t10k-images-idx3-ubyte.gz", {10000, side, side});
  source->test_labels = read_fashion(options, "t10k-labels-idx1-ubyte.gz", {10000});
  source->speech = make_speech_bank(speech_options(options), progress, cancel);
  return source;
}

Catalogue::Catalogue(CatalogueOptions options, CatalogueSplit split, std::shared_ptr<const CatalogueSource> source)
    : options_(std::move(options)), split_(split), source_(std::move(source)) {
  options_.validate();
  const SpeechBankOptions wanted = speech_options(options_), &found = source_->speech.options;
  check<ConfigError>(wanted.voices == found.voices && wanted.speeds_wpm == found.speeds_wpm && wanted.pitches == found.pitches,
                     "[Catalogue] expected a source with the voices, speeds and pitches of the options, got one with voices {}", {found.voices});
  noise_ = options_.task == CatalogueTask::synergy ? halve(options_.noise) : options_.noise;
  plan();

  const int64_t count = size();
  images_ = at::empty({count, 1, kImageSide, kImageSide});
  audio_ = at::empty({count, kAudioFrames, kMelBins});
  text_ = at::zeros({count, kMaxTagTokens}, at::kLong);
  text_lengths_.resize(static_cast<size_t>(count));
  targets_ = at::empty({count}, at::kLong);
  const LogMel log_mel(log_mel_options());
  const ByteTokenizer tokenizer({.max_length = kMaxTagTokens});

  // Blocks of a fixed size, inside a parallel region however many there are: the same operations whatever the threads.
  constexpr int64_t kBlock = 16;
  const auto block = [&](int64_t first, int64_t last) {
    Tensor waves = at::empty({last - first, kSamples});
    for (int64_t i = first; i < last; ++i) {
      const auto at = static_cast<size_t>(i);
      fill_image(i, images_.data_ptr<float>() + i * kPixels);
      float* wave = waves.data_ptr<float>() + (i - first) * kSamples;
      fill_waveform(i, wave);
      const auto gain = static_cast<float>(kSpeechRms / rms(wave, kSamples));  // as an automatic level control does
      for (int64_t t = 0; t < kSamples; ++t) wave[t] *= gain;
      const std::vector<int64_t> ids = tokenizer.encode(records_[at].tag.text);
      std::ranges::copy(ids, text_.data_ptr<int64_t>() + i * kMaxTagTokens);
      text_lengths_[at] = std::ssize(ids);
      targets_.data_ptr<int64_t>()[i] = records_[at].target;
    }
    audio_.slice(0, first, last).copy_((log_mel(waves) - kLogMelMean) / kLogMelStd);
  };
  const int64_t blocks = std::max<int64_t>(2, (count + kBlock - 1) / kBlock);
  at::parallel_for(0, blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b)
      if (b * kBlock < count) block(b * kBlock, std::min(count, (b + 1) * kBlock));
  });
  images_.sub_(image_mean()).div_(image_std());
}

Random Catalogue::random(int64_t index, int64_t purpose) const {
  return Random(mix_seed({static_cast<uint64_t>(options_.seed), static_cast<uint64_t>(split_), static_cast<uint64_t>(purpose), static_cast<uint64_t>(index)}));
}

void Catalogue::plan() {
  const bool test = split_ == CatalogueSplit::test;
  const int64_t* labels = (test ? source_->test_labels : source_->train_labels).const_data_ptr<int64_t>();
  const int64_t num_photos = (test ? source_->test_labels : source_->train_labels).numel();
  std::array<std::vector<int64_t>, kCatalogueClasses> pools;  // photos of each class; train and valid cut the same order in two
  Random order(mix_seed({static_cast<uint64_t>(options_.seed), test ? 1U : 0U, kPhotoOrder}));
  for (const int64_t photo : order.permutation(num_photos)) pools[static_cast<size_t>(labels[photo])].push_back(photo);
  for (auto& pool : pools) {
    check<DataError>(std::ssize(pool) >= (test ? 1 : kValidPhotos + 1), "[Catalogue] expected photos of each class, got {} of one", {pool.size()});
    if (split_ == CatalogueSplit::train) pool.resize(pool.size() - static_cast<size_t>(kValidPhotos));
    if (split_ == CatalogueSplit::valid) pool.erase(pool.begin(), pool.end() - kValidPhotos);
  }

  const int64_t count = test ? options_.test_size : split_ == CatalogueSplit::valid ? options_.valid_size : options_.train_size;
  const auto part = static_cast<size_t>(split_);
  const std::array<int64_t, 3> voices = {std::ssize(options_.train_voices), std::ssize(options_.valid_voices), std::ssize(options_.test_voices)};
  const int64_t first_voice = std::accumulate(voices.begin(), voices.begin() + static_cast<std::ptrdiff_t>(part), int64_t{0});
  const std::array<std::span<const TagForm>, 3> forms = {kTrainForms, kValidForms, kTestForms};
  std::array<size_t, kCatalogueClasses> used{};
  for (int64_t i = 0; i < count; ++i) {
    Random draw = random(i, kPairing), tag = random(i, kTag);
    CatalogueRecord r;
    r.photo_class = r.name_class = r.target = i % kCatalogueClasses;
    if (options_.task == CatalogueTask::unique) {
      if (holds(kPhotosAlike, r.target)) r.photo_class = kPhotosAlike[static_cast<size_t>(draw.below(3))];
      if (holds(kNamesAlike, r.target)) r.name_class = kNamesAlike[static_cast<size_t>(draw.below(3))];
    } else if (options_.task == CatalogueTask::synergy) {
      r.target = i / kCatalogueClasses % 2;
      if (r.target == 0) r.name_class = (r.photo_class + 1 + draw.below(kCatalogueClasses - 1)) % kCatalogueClasses;
    }
    const auto& pool = pools[static_cast<size_t>(r.photo_class)];
    r.photo = pool[used[static_cast<size_t>(r.photo_class)]++ % pool.size()];
    r.voice = first_voice + draw.below(voices[part]);
    r.speed = draw.below(std::ssize(options_.speeds_wpm));
    r.pitch = draw.below(std::ssize(options_.pitches));
    const int64_t length = source_->speech.lengths[r.voice][r.speed][r.pitch][r.name_class].item<int64_t>();
    r.offset = draw.below(kSamples - length + 1);
    r.tag = type_tag(r.name_class, forms[part], noise_.tag, tag);
    records_.push_back(std::move(r));
  }
}

void Catalogue::fill_image(int64_t index, float* out) const {
  const CatalogueRecord& r = record(index);
  const Tensor& photos = split_ == CatalogueSplit::test ? source_->test_photos : source_->train_photos;
  const uint8_t* photo = photos.const_data_ptr<uint8_t>() + r.photo * kPixels;
  for (int64_t i = 0; i < kPixels; ++i) out[i] = static_cast<float>(photo[i]) / 255.0F;
  Random draw = random(index, kPhotoNoise);
  const auto side = std::llround(std::sqrt(noise_.image_erase) * kImageSide);
  const int64_t top = draw.below(kImageSide - side + 1), left = draw.below(kImageSide - side + 1);
  for (int64_t y = top; y < top + side; ++y) std::fill_n(out + y * kImageSide + left, side, 0.0F);
  add_normal(out, kPixels, noise_.image_sigma, draw);
}

void Catalogue::fill_waveform(int64_t index, float* out) const {
  const CatalogueRecord& r = record(index);
  const SpeechBank& bank = source_->speech;
  const int64_t row = ((r.voice * bank.lengths.size(1) + r.speed) * bank.lengths.size(2) + r.pitch) * bank.lengths.size(3) + r.name_class;
  const int16_t* word = bank.waveforms.const_data_ptr<int16_t>() + row * kSamples;
  const int64_t length = bank.lengths.const_data_ptr<int64_t>()[row];
  std::fill_n(out, kSamples, 0.0F);
  std::copy_n(word, length, out + r.offset);
  const auto gain = static_cast<float>(kSpeechRms / rms(out + r.offset, length));
  for (int64_t t = r.offset; t < r.offset + length; ++t) out[t] *= gain;
  Random draw = random(index, kSpeechNoise);
  add_normal(out, kSamples, kSpeechRms * std::pow(10.0, -noise_.speech_snr_db / 20), draw);
}

const CatalogueRecord& Catalogue::record(int64_t index) const {
  check<DataError>(index >= 0 && index < size(), "[Catalogue] expected an index below {}, got {}", {size(), index});
  return records_[static_cast<size_t>(index)];
}

const std::string& Catalogue::voice(int64_t index) const { return source_->speech.options.voices[static_cast<size_t>(record(index).voice)]; }

Tensor Catalogue::picture(int64_t index) const {
  Tensor pixels = at::empty({kImageSide, kImageSide});
  fill_image(index, pixels.data_ptr<float>());
  return pixels.mul_(255).round_().clamp_(0, 255).to(at::kByte);
}

Tensor Catalogue::waveform(int64_t index) const {
  Tensor wave = at::empty({kSamples});
  fill_waveform(index, wave.data_ptr<float>());
  return wave;
}

std::vector<std::string> Catalogue::class_names() const {
  if (options_.task == CatalogueTask::synergy) return {"no match", "match"};
  const auto names = catalogue_class_names();
  return {names.begin(), names.end()};
}

// The square lies within the photo and so hides its bright middle more often than its dark edges: 1.4 times its share.
double Catalogue::image_mean() const { return kPixelMean * (1 - 1.4 * std::min(noise_.image_erase, 0.5)); }

double Catalogue::image_std() const { return std::hypot(kPixelStd, noise_.image_sigma); }

Config Catalogue::reader_options(std::string_view modality) const {
  if (modality == "image")
    return to_config(ImageTransformOptions{.size = kImageSide, .resize = ResizeMode::squash, .channels = 1, .mean = {image_mean()}, .std = {image_std()}});
  if (modality == "audio")
    return to_config(AudioReaderOptions{.log_mel = log_mel_options(), .seconds = 1.0, .rms = kSpeechRms, .mean = kLogMelMean, .std = kLogMelStd});
  check<ConfigError>(modality == "text", "[Catalogue] expected image, audio or text, got '{}'", {modality});
  return to_config(ByteTokenizerOptions{.max_length = kMaxTagTokens});
}

Sample Catalogue::get(int64_t index, Random&) const {
  check<DataError>(index >= 0 && index < size(), "[Catalogue] expected an index below {}, got {}", {size(), index});
  std::string number = std::to_string(index);
  number.insert(0, 5 - std::min<size_t>(5, number.size()), '0');
  Sample sample{.id = std::string(name_of(split_)) + "-" + number, .values = {}, .target = targets_[index]};
  sample.values.insert("image", images_[index]);
  sample.values.insert("audio", audio_[index]);
  sample.values.insert("text", text_[index].narrow(0, 0, text_lengths_[static_cast<size_t>(index)]));
  return sample;
}

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/modality_reader.hpp>

#include <alloy/io/audio_file.hpp>
#include <alloy/io/image_file.hpp>
#include <alloy/io/npy.hpp>
#include <alloy/io/safetensors.hpp>
#include <alloy/preprocess/waveform.hpp>

#include <ATen/Functions.h>
#include <torch/types.h>

#include <cmath>
#include <cstring>

namespace alloy {

namespace {

std::filesystem::path resolve(const std::string& value, const std::filesystem::path& folder) {
  const std::filesystem::path path(value);
  return path.is_absolute() || folder.empty() ? path : folder / path;
}

class ImageReader final : public ModalityReader {
 public:
  ImageReader(ImageTransformOptions options, ImageAugmentOptions augment) : transform_(std::move(options)), augment_(augment) {}
  Tensor read(const std::string& value, const std::filesystem::path& folder) const override { return transform_(pixels(value, folder)); }
  Tensor read_augmented(const std::string& value, const std::filesystem::path& folder, Random& random) const override {
    return augment_image(pixels(value, folder), transform_, augment_, random);
  }

 private:
  static Tensor pixels(const std::string& value, const std::filesystem::path& folder) {
    const Image image = read_image(resolve(value, folder), ImageMode::stored);  // the transform knows what to do with alpha
    const Tensor pixels = at::empty({image.height, image.width, image.channels}, at::kByte);
    std::memcpy(pixels.mutable_data_ptr(), image.pixels.data(), image.pixels.size());
    return pixels;
  }
  ImageTransform transform_;
  ImageAugmentOptions augment_;
};

class AudioReader final : public ModalityReader {
 public:
  AudioReader(const AudioReaderOptions& options, const AudioAugmentOptions& augment) : options_(options), augment_(augment), log_mel_(options.log_mel) {}
  Tensor read(const std::string& value, const std::filesystem::path& folder) const override { return scaled(log_mel_(waveform(value, folder))); }
  Tensor read_augmented(const std::string& value, const std::filesystem::path& folder, Random& random) const override {
    const Tensor wave = augment_waveform(waveform(value, folder), options_.log_mel.sample_rate_hz, augment_, random);
    return scaled(spec_augment(log_mel_(wave), augment_.spec_augment, random));
  }

 private:
  Tensor waveform(const std::string& value, const std::filesystem::path& folder) const {  // [samples]
    const auto path = resolve(value, folder);
    const Audio audio = resample(to_mono(read_audio(path)), options_.log_mel.sample_rate_hz);
    check<DataError>(!audio.samples.empty(), "[{}] expected audio of at least one frame, got none", {path});
    Tensor wave = at::empty({static_cast<int64_t>(audio.samples.size())}, at::kFloat);
    std::memcpy(wave.mutable_data_ptr(), audio.samples.data(), audio.samples.size() * sizeof(float));
    if (options_.seconds > 0) wave = pad_or_crop(wave, std::llround(options_.seconds * static_cast<double>(options_.log_mel.sample_rate_hz)));
    return options_.rms > 0 ? normalise_rms(wave, options_.rms) : wave;
  }
  Tensor scaled(const Tensor& spectrogram) const { return (spectrogram - options_.mean) / options_.std; }  // [T, F]
  AudioReaderOptions options_;
  AudioAugmentOptions augment_;
  LogMel log_mel_;
};

template <class Tokenizer>
class TextReader final : public ModalityReader {
 public:
  TextReader(typename Tokenizer::Options options, TextAugmentOptions augment) : tokenizer_(options), augment_(std::move(augment)) {}
  Tensor read(const std::string& value, const std::filesystem::path&) const override { return torch::tensor(tokenizer_.encode(value), torch::kLong); }
  Tensor read_augmented(const std::string& value, const std::filesystem::path& folder, Random& random) const override {
    return read(augment_text(value, augment_, random), folder);
  }

 private:
  Tokenizer tokenizer_;
  TextAugmentOptions augment_;
};

class FeatureReader final : public ModalityReader {
 public:
  explicit FeatureReader(FeatureReaderOptions options) : options_(std::move(options)) {}
  Tensor read(const std::string& value, const std::filesystem::path& folder) const override {
    const auto path = resolve(value, folder);
    Tensor tensor;
    if (path.extension() == ".npy") {
      tensor = read_npy(path);
    } else if (path.extension() == ".npz") {
      tensor = pick(read_npz(path), path);
    } else if (path.extension() == ".safetensors") {
      tensor = pick(load_safetensors(path, {.non_finite = NonFinite::reject}), path);
    } else {
      fail<DataError>("[{}] expected features in a .npy, .npz or .safetensors file", {path});
    }
    tensor = tensor.to(at::kFloat);
    check<DataError>(tensor.isfinite().all().item<bool>(), "[{}] expected finite features, got NaN or infinity", {path});
    return tensor;
  }

 private:
  Tensor pick(const std::vector<std::pair<std::string, Tensor>>& tensors, const std::filesystem::path& path) const {
    if (options_.tensor.empty() && tensors.size() == 1) return tensors.front().second;
    std::vector<std::string> names;
    for (const auto& [name, tensor] : tensors) {
      if (name == options_.tensor) return tensor;
      names.push_back(name);
    }
    if (options_.tensor.empty()) fail<DataError>("[{}] expected one tensor, or its name in the option 'tensor', got: {}", {path, names});
    fail<DataError>("[{}] expected a tensor '{}', got: {}", {path, options_.tensor, names});
  }
  FeatureReaderOptions options_;
};

}  // namespace

void AudioReaderOptions::validate() const {
  log_mel.validate();
  check<ConfigError>(seconds >= 0 && seconds <= 3600, "[AudioReader] expected seconds in 0..3600, got {}", {seconds});
  check<ConfigError>(rms >= 0 && rms <= 1, "[AudioReader] expected rms in 0..1, got {}", {rms});
  check<ConfigError>(std > 0 && std::isfinite(mean), "[AudioReader] expected a finite mean and std > 0, got {} and {}", {mean, std});
}

std::vector<std::string> modality_kinds() { return {"image", "audio", "text", "features", "hashed_text"}; }

std::shared_ptr<const ModalityReader> make_modality_reader(const std::string& kind, const Config& options, const std::string& path) {
  return make_augmenting_reader(kind, options, Config(), path);
}

std::shared_ptr<const ModalityReader> make_augmenting_reader(const std::string& kind, const Config& options, const Config& augment, const std::string& path,
                                                             const std::string& augment_path) {
  const auto made = [&]<class Reader, class ReadOptions, class Augment>() {
    return std::make_shared<Reader>(from_config<ReadOptions>(options, path), from_config<Augment>(augment, augment_path));
  };
  if (kind == "image") return made.operator()<ImageReader, ImageTransformOptions, ImageAugmentOptions>();
  if (kind == "audio") return made.operator()<AudioReader, AudioReaderOptions, AudioAugmentOptions>();
  if (kind == "text") return made.operator()<TextReader<ByteTokenizer>, ByteTokenizerOptions, TextAugmentOptions>();
  if (kind == "hashed_text") return made.operator()<TextReader<HashedNgrams>, HashedNgramsOptions, TextAugmentOptions>();
  check<ConfigError>(kind == "features", "{}: unknown kind '{}', known: {}", {path, kind, modality_kinds()});
  check<ConfigError>(augment.is_null() || augment.as_object(augment_path).empty(), "{}: expected nothing, got options: features are read as they are", {augment_path});
  return std::make_shared<FeatureReader>(from_config<FeatureReaderOptions>(options, path));
}

}  // namespace alloy

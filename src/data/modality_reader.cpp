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
  explicit ImageReader(ImageTransformOptions options) : transform_(std::move(options)) {}
  Tensor read(const std::string& value, const std::filesystem::path& folder) const override {
    const Image image = read_image(resolve(value, folder), transform_.options().channels == 1 ? ImageMode::gray : ImageMode::rgb);
    const Tensor pixels = at::empty({image.height, image.width, image.channels}, at::kByte);
    std::memcpy(pixels.mutable_data_ptr(), image.pixels.data(), image.pixels.size());
    return transform_(pixels);
  }

 private:
  ImageTransform transform_;
};

class AudioReader final : public ModalityReader {
 public:
  explicit AudioReader(const AudioReaderOptions& options) : options_(options), log_mel_(options.log_mel) {}
  Tensor read(const std::string& value, const std::filesystem::path& folder) const override {
    const auto path = resolve(value, folder);
    const Audio audio = resample(to_mono(read_audio(path)), options_.log_mel.sample_rate_hz);
    check<DataError>(!audio.samples.empty(), "[{}] expected audio of at least one frame, got none", {path});
    Tensor wave = at::empty({static_cast<int64_t>(audio.samples.size())}, at::kFloat);
    std::memcpy(wave.mutable_data_ptr(), audio.samples.data(), audio.samples.size() * sizeof(float));
    if (options_.seconds > 0) wave = pad_or_crop(wave, std::llround(options_.seconds * static_cast<double>(options_.log_mel.sample_rate_hz)));
    if (options_.rms > 0) wave = normalise_rms(wave, options_.rms);
    return (log_mel_(wave) - options_.mean) / options_.std;  // [T, F]
  }

 private:
  AudioReaderOptions options_;
  LogMel log_mel_;
};

class TextReader final : public ModalityReader {
 public:
  explicit TextReader(ByteTokenizerOptions options) : tokenizer_(options) {}
  Tensor read(const std::string& value, const std::filesystem::path&) const override {
    return torch::tensor(tokenizer_.encode(value), torch::kLong);
  }

 private:
  ByteTokenizer tokenizer_;
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

std::vector<std::string> modality_kinds() { return {"image", "audio", "text", "features"}; }

std::shared_ptr<const ModalityReader> make_modality_reader(const std::string& kind, const Config& options, const std::string& path) {
  if (kind == "image") return std::make_shared<ImageReader>(from_config<ImageTransformOptions>(options, path));
  if (kind == "audio") return std::make_shared<AudioReader>(from_config<AudioReaderOptions>(options, path));
  if (kind == "text") return std::make_shared<TextReader>(from_config<ByteTokenizerOptions>(options, path));
  if (kind == "features") return std::make_shared<FeatureReader>(from_config<FeatureReaderOptions>(options, path));
  fail<ConfigError>("{}: unknown kind '{}', known: {}", {path, kind, modality_kinds()});
}

}  // namespace alloy

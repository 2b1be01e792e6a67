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

/// The text of a file, without the line end that editors put at its end.
std::string text_of(std::span<const std::byte> bytes) {
  std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

class ImageReader final : public ModalityReader {
 public:
  explicit ImageReader(ImageTransformOptions options) : transform_(std::move(options)) {}
  Tensor read(const std::string& value, const std::filesystem::path& folder) const override {
    return transformed(read_image(resolve(value, folder), mode()));
  }
  Tensor read_bytes(std::span<const std::byte> bytes, const std::string& name) const override { return transformed(decode_image(bytes, name, mode())); }

 private:
  ImageMode mode() const { return transform_.options().channels == 1 ? ImageMode::gray : ImageMode::rgb; }
  Tensor transformed(const Image& image) const {
    const Tensor pixels = at::empty({image.height, image.width, image.channels}, at::kByte);
    std::memcpy(pixels.mutable_data_ptr(), image.pixels.data(), image.pixels.size());
    return transform_(pixels);
  }

  ImageTransform transform_;
};

class AudioReader final : public ModalityReader {
 public:
  explicit AudioReader(const AudioReaderOptions& options) : options_(options), log_mel_(options.log_mel) {}
  Tensor read(const std::string& value, const std::filesystem::path& folder) const override {
    const auto path = resolve(value, folder);
    return spectrogram(read_audio(path), path.string());
  }
  Tensor read_bytes(std::span<const std::byte> bytes, const std::string& name) const override { return spectrogram(decode_audio(bytes, name), name); }

 private:
  Tensor spectrogram(const Audio& stored, const std::string& where) const {
    const Audio audio = resample(to_mono(stored), options_.log_mel.sample_rate_hz);
    check<DataError>(!audio.samples.empty(), "[{}] expected audio of at least one frame, got none", {where});
    Tensor wave = at::empty({static_cast<int64_t>(audio.samples.size())}, at::kFloat);
    std::memcpy(wave.mutable_data_ptr(), audio.samples.data(), audio.samples.size() * sizeof(float));
    if (options_.seconds > 0) wave = pad_or_crop(wave, std::llround(options_.seconds * static_cast<double>(options_.log_mel.sample_rate_hz)));
    if (options_.rms > 0) wave = normalise_rms(wave, options_.rms);
    return (log_mel_(wave) - options_.mean) / options_.std;  // [T, F]
  }

  AudioReaderOptions options_;
  LogMel log_mel_;
};

class TextReader final : public ModalityReader {
 public:
  explicit TextReader(ByteTokenizerOptions options) : tokenizer_(options) {}
  Tensor read(const std::string& value, const std::filesystem::path&) const override {
    return torch::tensor(tokenizer_.encode(value), torch::kLong);
  }
  Tensor read_bytes(std::span<const std::byte> bytes, const std::string&) const override { return read(text_of(bytes), {}); }

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
    return finite(tensor, path);
  }
  Tensor read_bytes(std::span<const std::byte> bytes, const std::string& name) const override {
    check<ConfigError>(std::filesystem::path(name).extension() == ".npy", "[{}] expected features in .npy, the only one of their formats that is read from memory", {name});
    return finite(decode_npy(bytes, name), name);
  }

 private:
  static Tensor finite(const Tensor& stored, const std::filesystem::path& where) {
    Tensor tensor = stored.to(at::kFloat);
    check<DataError>(tensor.isfinite().all().item<bool>(), "[{}] expected finite features, got NaN or infinity", {where});
    return tensor;
  }
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

Tensor ModalityReader::read_bytes(std::span<const std::byte>, const std::string& name) const {
  fail<ConfigError>("[{}] expected a reader that reads from memory, got one without read_bytes", {name});
}

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

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

/// A reader in two steps, so that files, memory and augmentation share them: what is stored is decoded to `Stored`, which
/// is then made into a tensor, with random changes if there is a `Random`.
template <class Stored>
class DecodingReader : public ModalityReader {
 public:
  Tensor read(const std::string& value, const std::filesystem::path& folder) const final { return finish(load(value, folder), nullptr); }
  Tensor read_bytes(std::span<const std::byte> bytes, const std::string& name) const final { return finish(decode(bytes, name), nullptr); }
  Tensor read_augmented(const std::string& value, const std::filesystem::path& folder, Random& random) const final { return finish(load(value, folder), &random); }
  Tensor read_bytes_augmented(std::span<const std::byte> bytes, const std::string& name, Random& random) const final { return finish(decode(bytes, name), &random); }

 private:
  virtual Stored load(const std::string& value, const std::filesystem::path& folder) const = 0;
  virtual Stored decode(std::span<const std::byte> bytes, const std::string& name) const = 0;
  virtual Tensor finish(const Stored& stored, Random* random) const = 0;
};

class ImageReader final : public DecodingReader<Image> {
 public:
  ImageReader(ImageTransformOptions options, ImageAugmentOptions augment) : transform_(std::move(options)), augment_(augment) {}

 private:
  // As stored: the transform knows what to do with alpha.
  Image load(const std::string& value, const std::filesystem::path& folder) const override { return read_image(resolve(value, folder), ImageMode::stored); }
  Image decode(std::span<const std::byte> bytes, const std::string& name) const override { return decode_image(bytes, name, ImageMode::stored); }
  Tensor finish(const Image& image, Random* random) const override {
    const Tensor pixels = at::empty({image.height, image.width, image.channels}, at::kByte);
    std::memcpy(pixels.mutable_data_ptr(), image.pixels.data(), image.pixels.size());
    return random != nullptr ? augment_image(pixels, transform_, augment_, *random) : transform_(pixels);
  }
  ImageTransform transform_;
  ImageAugmentOptions augment_;
};

class AudioReader final : public DecodingReader<Tensor> {
 public:
  AudioReader(const AudioReaderOptions& options, const AudioAugmentOptions& augment) : options_(options), augment_(augment), log_mel_(options.log_mel) {}

 private:
  Tensor load(const std::string& value, const std::filesystem::path& folder) const override {
    const auto path = resolve(value, folder);
    return waveform(read_audio(path), path.string());
  }
  Tensor decode(std::span<const std::byte> bytes, const std::string& name) const override { return waveform(decode_audio(bytes, name), name); }
  Tensor finish(const Tensor& wave, Random* random) const override {
    if (random == nullptr) return scaled(log_mel_(wave));
    const Tensor changed = augment_waveform(wave, options_.log_mel.sample_rate_hz, augment_, *random);
    return scaled(spec_augment(log_mel_(changed), augment_.spec_augment, *random));
  }
  Tensor waveform(const Audio& stored, const std::string& where) const {  // [samples]
    const Audio audio = resample(to_mono(stored), options_.log_mel.sample_rate_hz);
    check<DataError>(!audio.samples.empty(), "[{}] expected audio of at least one frame, got none", {where});
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
class TextReader final : public DecodingReader<std::string> {
 public:
  TextReader(typename Tokenizer::Options options, TextAugmentOptions augment) : tokenizer_(options), augment_(std::move(augment)) {}

 private:
  std::string load(const std::string& value, const std::filesystem::path&) const override { return value; }
  std::string decode(std::span<const std::byte> bytes, const std::string&) const override { return text_of(bytes); }
  Tensor finish(const std::string& text, Random* random) const override {
    return torch::tensor(tokenizer_.encode(random != nullptr ? augment_text(text, augment_, *random) : text), torch::kLong);
  }
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

// SPDX-License-Identifier: Apache-2.0
#pragma once

/// From what a person has (a file name, a text) to what an encoder reads, by the `preprocess` record of a model folder.

#include <alloy/core/options.hpp>
#include <alloy/core/random.hpp>
#include <alloy/core/tensor.hpp>
#include <alloy/preprocess/augment.hpp>
#include <alloy/preprocess/byte_tokenizer.hpp>
#include <alloy/preprocess/hashed_ngrams.hpp>
#include <alloy/preprocess/image.hpp>
#include <alloy/preprocess/log_mel.hpp>

#include <filesystem>
#include <memory>
#include <span>

namespace alloy {

/// How an audio file becomes a spectrogram: mono, the right sample rate, one length, one loudness, log-mel, (x - mean) / std.
struct AudioReaderOptions {
  LogMelOptions log_mel = {};
  double seconds = 0.0;
  double rms = 0.0;
  double mean = 0.0;
  double std = 1.0;
  static void describe(auto& self, auto&& field) {
    field("log_mel", self.log_mel, "the spectrogram");
    field("seconds", self.seconds, "cut or padded to this length, 0 = as long as it is");
    field("rms", self.rms, "root mean square that the waveform is scaled to, 0 = as it is");
    field("mean", self.mean, "subtracted from the spectrogram");
    field("std", self.std, "divides after that, > 0");
  }
  ALLOY_API void validate() const;
};

/// Features made elsewhere: .npy, or one tensor of .npz or .safetensors.
struct FeatureReaderOptions {
  std::string tensor = "";
  static void describe(auto& self, auto&& field) {
    field("tensor", self.tensor, "name of the tensor in .npz and .safetensors files; empty = the only one");
  }
};

/// Reads one modality. Immutable; any number of threads may share one.
class ALLOY_API ModalityReader {
 public:
  virtual ~ModalityReader() = default;
  /// @param value  text kinds: the text itself; others: a path, relative to `folder`
  /// @return without batch axis: image [C, H, W], audio [T, F], text [L] int64, features as in the file, in float
  /// @throws IoError or DataError for a file that cannot be used
  virtual Tensor read(const std::string& value, const std::filesystem::path& folder = {}) const = 0;
  /// The same from memory: what a file holds; for text kinds the text in UTF-8, of which line ends at its end are left out.
  /// @param name  what the bytes are (a member of an archive), for messages and, where the content does not tell it, for
  ///              the format
  /// @throws DataError for content that cannot be used; ConfigError if the kind, or this format, is not read from memory
  virtual Tensor read_bytes(std::span<const std::byte> bytes, const std::string& name) const;
  /// Both again with the random changes that the reader was made with (make_augmenting_reader); other readers change
  /// nothing. What datasets call.
  virtual Tensor read_augmented(const std::string& value, const std::filesystem::path& folder, Random& /*random*/) const { return read(value, folder); }
  virtual Tensor read_bytes_augmented(std::span<const std::byte> bytes, const std::string& name, Random& /*random*/) const { return read_bytes(bytes, name); }
};

/// Kinds: image (ImageTransformOptions), audio (AudioReaderOptions), text (ByteTokenizerOptions), features
/// (FeatureReaderOptions), hashed_text (HashedNgramsOptions).
/// @param path  where the options stand, for messages
/// @throws ConfigError for an unknown kind or option
ALLOY_API std::shared_ptr<const ModalityReader> make_modality_reader(const std::string& kind, const Config& options, const std::string& path = "");
/// A reader for training data, whose `read_augmented` changes what it reads. `read` does not, so that validation and use
/// are never augmented by such a reader either.
/// @param augment  image: ImageAugmentOptions; audio: AudioAugmentOptions; text and hashed_text: TextAugmentOptions; features
///                 have none. Null or empty = nothing is changed
/// @param augment_path  where they stand, for messages
ALLOY_API std::shared_ptr<const ModalityReader> make_augmenting_reader(const std::string& kind, const Config& options, const Config& augment, const std::string& path = "",
                                                                       const std::string& augment_path = "");
/// The kinds that make_modality_reader knows.
ALLOY_API std::vector<std::string> modality_kinds();

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#include "train/detail/job_parts.hpp"

#include <alloy/core/random.hpp>
#include <alloy/data/modality_reader.hpp>

#include <algorithm>
#include <span>

namespace alloy::detail {

Config default_encoder(const std::string& kind, const Config& preprocess, int64_t dim, const Tensor& example) {
  Config options = Config::object(), encoder = Config::object();
  options.set("dim", dim);
  if (kind == "image") {
    encoder.set("type", "conv_image");
    options.set("channels", from_config<ImageTransformOptions>(preprocess).channels);
  } else if (kind == "audio") {
    encoder.set("type", "spectrogram");
    options.set("mel_bins", from_config<AudioReaderOptions>(preprocess).log_mel.mel_bins);
  } else if (kind == "text") {
    encoder.set("type", "text");
    options.set("max_length", from_config<ByteTokenizerOptions>(preprocess).max_length);
  } else if (kind == "hashed_text") {
    encoder.set("type", "hashed_text");
    options.set("buckets", from_config<HashedNgramsOptions>(preprocess).buckets);
  } else {
    encoder.set("type", "features");
    options.set("in_dim", example.size(-1));
  }
  encoder.set("options", options);
  return encoder;
}

Manifest rows_of_split(const Manifest& manifest, const std::string& name) {
  if (!manifest.has_column("split")) return manifest;
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < manifest.num_rows(); ++row)
    if (manifest.cell(row, "split") == name) rows.push_back(row);
  return manifest.select(rows);
}

Manifest split_off(Manifest& manifest, double share, int64_t seed) {
  const auto order = Random(mix_seed({static_cast<uint64_t>(seed), 0x73706c})).permutation(manifest.num_rows());
  const auto count = static_cast<size_t>(share * static_cast<double>(manifest.num_rows()));
  Manifest part = manifest.select(std::span(order).first(count));
  manifest = manifest.select(std::span(order).subspan(count));
  return part;
}

void check_splits(const Manifest& manifest) {
  if (!manifest.has_column("split")) return;
  for (int64_t row = 0; row < manifest.num_rows(); ++row) {
    const std::string& split = manifest.cell(row, "split");
    check<DataError>(split == "train" || split == "valid" || split == "test" || split.empty(), "[{}] expected split to be train, valid, test or empty, got '{}'",
                     {manifest.place(row), split});
  }
}

void check_modality(const std::string& name, const std::string& kind, const std::string& path) {
  for (const char* reserved : {"label", "id", "split"})
    check<ConfigError>(name != reserved, "{}/name: expected a modality, got '{}', which is a column of its own kind: its content would give the answer away", {path, name});
  const auto kinds = modality_kinds();
  check<ConfigError>(std::ranges::find(kinds, kind) != kinds.end(), "{}/kind: unknown kind '{}', known: {}", {path, kind, kinds});
}

}  // namespace alloy::detail

// SPDX-License-Identifier: Apache-2.0
#include <alloy/core/json.hpp>
#include <alloy/core/log.hpp>
#include <alloy/data/shard_dataset.hpp>

#include "data/detail/open_files.hpp"
#include "data/detail/shard_index.hpp"

#include <chrono>

namespace alloy {

namespace {

constexpr size_t kMaxJson = 16 << 20;

using Readers = ModalityMap<std::shared_ptr<const ModalityReader>>;

/// `jpg;png` or `json:caption`
std::vector<detail::MemberForm> parse_extensions(const ShardModality& modality) {
  std::vector<detail::MemberForm> forms;
  const std::string& text = modality.extensions;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(';', begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    begin = end + 1;
    const size_t colon = part.find(':');
    detail::MemberForm form{.extension = part.substr(0, colon), .json_key = colon == std::string::npos ? "" : part.substr(colon + 1)};
    for (char& c : form.extension) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool has_key = colon == std::string::npos || (!form.json_key.empty() && (form.extension == "json" || form.extension.ends_with(".json")));
    check<ConfigError>(!form.extension.empty() && form.extension.find('/') == std::string::npos && !form.extension.starts_with('.') && has_key,
                       "[ShardDataset] expected extensions as in jpg;png or json:caption for modality '{}', got '{}'", {modality.name, text});
    for (const auto& other : forms)
      check<ConfigError>(other.extension != form.extension, "[ShardDataset] expected each extension once for modality '{}', got '{}'", {modality.name, text});
    forms.push_back(std::move(form));
  }
  check<ConfigError>(forms.size() < detail::Piece::kNone, "[ShardDataset] expected fewer than 255 extensions for modality '{}', got {}", {modality.name, forms.size()});
  return forms;
}

detail::ShardIndex empty_index(const ShardDatasetOptions& options) {
  detail::MemberForms forms;
  std::vector<std::string> names;
  for (const ShardModality& modality : options.modalities) {
    forms.push_back(parse_extensions(modality));
    names.push_back(modality.name);
  }
  return {std::move(forms), std::move(names), options.allow_missing};
}

/// In the order of the options.
Readers make_readers(const ShardDatasetOptions& options, const Readers& given) {
  Readers readers;
  for (size_t m = 0; m < options.modalities.size(); ++m) {
    const ShardModality& modality = options.modalities[m];
    const auto* own = given.find(modality.name);
    const std::string path = format_message("[ShardDataset] /modalities/{}", {m});
    readers.insert(modality.name, own != nullptr ? *own : make_modality_reader(modality.kind, modality.options, path));
    check<ConfigError>(readers.at(modality.name) != nullptr, "[ShardDataset] expected a reader for modality '{}', got none", {modality.name});
  }
  for (const auto& item : given)
    check<ConfigError>(readers.contains(item.first), "[ShardDataset] expected readers of the modalities {}, got '{}'", {readers.names(), item.first});
  return readers;
}

/// The text at a key of an object; nothing if there is none.
std::optional<std::string> json_text(std::span<const std::byte> bytes, const std::string& key, const std::string& where) {
  check<DataError>(bytes.size() <= kMaxJson, "[{}] expected JSON of at most {} bytes, got {}", {where, kMaxJson, bytes.size()});
  const Config object = parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, where);
  check<DataError>(object.is_object(), "[{}] expected a JSON object, got {}", {where, object.kind()});
  const Config* value = object.find(key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  check<DataError>(value->is_string(), "[{}] expected text for '{}', got {}", {where, key, value->kind()});
  return value->as_string();
}

}  // namespace

void ShardDatasetOptions::validate() const {
  check<ConfigError>(!shards.empty(), "[ShardDataset] expected at least one shard, got none");
  check<ConfigError>(!modalities.empty(), "[ShardDataset] expected at least one modality, got none");
  for (const ShardModality& modality : modalities) {
    check<ConfigError>(!modality.name.empty(), "[ShardDataset] expected a name for each modality, got an empty one");
    parse_extensions(modality);
  }
  check<ConfigError>(shuffle_buffer > 0 && open_shards > 0, "[ShardDataset] expected shuffle_buffer and open_shards > 0, got {} and {}", {shuffle_buffer, open_shards});
  check<ConfigError>(max_member_bytes > 0 && max_member_bytes <= int64_t{2} << 30, "[ShardDataset] expected max_member_bytes of 1 .. 2 GiB, got {}", {max_member_bytes});
}

struct ShardDataset::Impl {
  ShardDatasetOptions options;
  Readers readers;
  std::vector<std::filesystem::path> shards;
  detail::ShardIndex index;
  mutable detail::OpenFiles files;

  Impl(ShardDatasetOptions given, const Readers& own)
      : options(std::move(given)), readers(make_readers(options, own)), shards(expand_shards(options.shards)),
        index(empty_index(options)), files(static_cast<size_t>(options.open_shards)) {}

  void scan(const std::filesystem::path& path) {
    const int64_t before = index.num_shards();
    const auto skip = [&](const Error& error) {
      if (options.broken_shards == BrokenShards::reject) throw;
      log_message(LogLevel::warning, error.what());
      index.count("broken shard");
      if (index.num_shards() == before) index.add_nothing();
    };
    try {
      index.add(InputFile(path), {.max_member_bytes = static_cast<uint64_t>(options.max_member_bytes)});
    } catch (const DataError& error) {
      skip(error);
    } catch (const IoError& error) {
      skip(error);
    }
  }

  void scan_all(const ProgressCallback& progress, const CancelToken& cancel) {
    const auto start = std::chrono::steady_clock::now();
    for (size_t i = 0; i < shards.size(); ++i) {
      cancel.check("ShardDataset");
      scan(shards[i]);
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
      if (progress) progress({.stage = "index shards", .done = static_cast<int64_t>(i) + 1, .total = static_cast<int64_t>(shards.size()), .seconds = took.count()});
    }
    index.pack();
    std::vector<std::string> causes;
    for (const auto& [cause, number] : index.skipped) causes.push_back(format_message("{}: {}", {cause, number}));
    check<DataError>(index.size() > 0, "[ShardDataset] expected samples with the modalities {} in {} shards, got none; not used: {} (members of a sample must follow each other)",
                     {readers.names(), shards.size(), causes});
  }

  std::shared_ptr<const InputFile> open(int64_t shard) const {
    const auto file = files.open(shard, shards[static_cast<size_t>(shard)]);
    check<DataError>(file->size() == index.shard_bytes(shard), "[{}] expected the {} bytes that it had when it was indexed, got {}: it was changed since",
                     {file->path(), index.shard_bytes(shard), file->size()});
    return file;
  }

  /// @return nothing where a JSON member lacks the key
  std::optional<Tensor> read(const InputFile& file, int64_t sample, size_t modality, Random& random) const {
    const detail::Piece piece = index.piece(sample, modality);
    if (piece.form == detail::Piece::kNone) return std::nullopt;
    const detail::MemberForm& form = index.form(modality, piece.form);
    std::vector<std::byte> bytes(piece.size);
    file.read(piece.offset, bytes);
    const std::string name = format_message("{}:{}.{}", {file.path(), index.key(sample), form.extension});
    const ModalityReader& reader = *(readers.begin() + static_cast<std::ptrdiff_t>(modality))->second;
    if (form.json_key.empty()) return reader.read_bytes_augmented(bytes, name, random);
    const auto text = json_text(bytes, form.json_key, name);
    if (text) return reader.read_bytes_augmented(std::as_bytes(std::span(*text)), name + ":" + form.json_key, random);
    check<DataError>(options.allow_missing, "[{}] expected text for '{}', got none", {name, form.json_key});
    return std::nullopt;
  }
};

ShardDataset::ShardDataset(ShardDatasetOptions options, Readers readers, const ProgressCallback& progress, const CancelToken& cancel) {
  options.validate();
  auto impl = std::make_shared<Impl>(std::move(options), readers);
  impl->scan_all(progress, cancel);
  impl_ = std::move(impl);
}

int64_t ShardDataset::size() const { return impl_->index.size(); }
const std::map<std::string, int64_t>& ShardDataset::skipped() const { return impl_->index.skipped; }
const std::vector<std::filesystem::path>& ShardDataset::shards() const { return impl_->shards; }

Sample ShardDataset::get(int64_t index, Random& random) const {
  check<DataError>(index >= 0 && index < size(), "[ShardDataset] expected an index below {}, got {}", {size(), index});
  const auto file = impl_->open(impl_->index.shard_of(index));
  Sample sample{.id = format_message("{}:{}", {file->path().filename(), impl_->index.key(index)}), .values = {}, .target = {}};
  size_t modality = 0;
  for (const auto& item : impl_->readers)
    if (auto value = impl_->read(*file, index, modality++, random)) sample.values.insert(item.first, std::move(*value));
  check<DataError>(!sample.values.empty(), "[{}] expected at least one modality, got none in sample '{}'", {file->path(), impl_->index.key(index)});
  return sample;
}

std::vector<int64_t> ShardDataset::order(Random& random) const {
  const auto capacity = static_cast<size_t>(std::min(impl_->options.shuffle_buffer, size()));
  std::vector<int64_t> order, buffer;
  order.reserve(static_cast<size_t>(size()));
  buffer.reserve(capacity);
  for (const int64_t shard : random.permutation(impl_->index.num_shards())) {
    const auto [begin, end] = impl_->index.samples_of(shard);
    for (int64_t sample = begin; sample < end; ++sample) {
      if (buffer.size() < capacity) {
        buffer.push_back(sample);
        continue;
      }
      int64_t& drawn = buffer[static_cast<size_t>(random.below(static_cast<int64_t>(capacity)))];
      order.push_back(std::exchange(drawn, sample));
    }
  }
  for (const int64_t place : random.permutation(static_cast<int64_t>(buffer.size()))) order.push_back(buffer[static_cast<size_t>(place)]);
  return order;
}

}  // namespace alloy

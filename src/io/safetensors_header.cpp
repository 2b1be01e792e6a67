// SPDX-License-Identifier: Apache-2.0
#include <alloy/core/check.hpp>

#include "io/detail/message.hpp"
#include "io/detail/safetensors_header.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <nlohmann/json.hpp>

namespace alloy {

namespace {

using detail::shown;
using Json = nlohmann::json;

constexpr uint64_t kMaxHeader = 100'000'000;
constexpr size_t kMaxTensors = 100'000;
constexpr size_t kMaxRank = 64;
constexpr size_t kMaxName = 4096;
constexpr uint64_t kMaxToken = 8 << 20;
constexpr uint64_t kMaxContent = 32 << 20;  // names, metadata and sizes together, as held in memory

struct Dtype {
  std::string_view name;
  uint64_t size;
};
/// In the order that the format's own writer lays data out, backwards.
constexpr auto kDtypes = std::to_array<Dtype>({{"BOOL", 1}, {"U8", 1}, {"I8", 1}, {"F8_E5M2", 1}, {"F8_E4M3", 1}, {"I16", 2},
                                               {"U16", 2}, {"F16", 2}, {"BF16", 2}, {"I32", 4}, {"U32", 4}, {"F32", 4},
                                               {"C64", 8}, {"F64", 8}, {"I64", 8}, {"U64", 8}});

/// Reads the header as it is parsed. A tree of the whole text would hold a million tensors before the first was refused.
class Reader final : public nlohmann::json_sax<Json> {
 public:
  explicit Reader(std::string_view where) : where_(where) {}

  bool start_object(std::size_t) override {
    if (place_ == Place::start) return go(Place::top);
    expect(place_ == Place::tensor_value, "an object");
    if (metadata_next_) return go(Place::metadata);
    seen_dtype_ = seen_shape_ = seen_offsets_ = false;
    return go(Place::tensor);
  }
  bool end_object() override {
    if (place_ == Place::tensor) {
      check<DataError>(seen_dtype_ && seen_shape_ && seen_offsets_, "[{}] expected dtype, shape and data_offsets for tensor '{}', got {}",
                       {where_, shown(header.tensors.back().name), seen_dtype_ + seen_shape_ + seen_offsets_});
    }
    return go(place_ == Place::top ? Place::start : Place::top);
  }
  bool key(string_t& name) override {
    if (place_ == Place::tensor) return tensor_key(name);
    check<DataError>(name.size() <= kMaxName && std::ranges::none_of(name, [](unsigned char c) { return c < 0x20; }),
                     "[{}] expected names of at most {} bytes without control characters, got '{}'", {where_, kMaxName, shown(name)});
    spend(name.size());
    if (place_ == Place::metadata) {
      check<DataError>(header.metadata.size() < kMaxTensors, "[{}] expected at most {} entries of metadata, got more", {where_, kMaxTensors});
      header.metadata.emplace_back(std::move(name), "");
      return go(Place::metadata_value);
    }
    metadata_next_ = name == "__metadata__";
    if (metadata_next_) {
      check<DataError>(!std::exchange(seen_metadata_, true), "[{}] expected each name once, got '__metadata__' twice", {where_});
    } else {
      check<DataError>(header.tensors.size() < kMaxTensors, "[{}] expected at most {} tensors, got more", {where_, kMaxTensors});
      header.tensors.push_back({.name = std::move(name)});
    }
    return go(Place::tensor_value);
  }
  bool string(string_t& value) override {
    if (place_ == Place::metadata_value) {
      spend(value.size());
      header.metadata.back().second = std::move(value);
      return go(Place::metadata);
    }
    expect(place_ == Place::dtype, "a string");
    TensorInfo& tensor = header.tensors.back();
    check<DataError>(detail::safetensors_dtype_rank(value) >= 0, "[{}] expected a known dtype for tensor '{}', got '{}'",
                     {where_, shown(tensor.name), shown(value)});
    tensor.dtype = std::move(value);
    return go(Place::tensor);
  }
  bool start_array(std::size_t) override {
    if (place_ == Place::shape) return go(Place::shape_items);
    expect(place_ == Place::offsets, "an array");
    offsets_ = 0;
    return go(Place::offset_items);
  }
  bool end_array() override {
    if (place_ == Place::offset_items)
      check<DataError>(offsets_ == 2, "[{}] expected two data_offsets for tensor '{}', got {}", {where_, shown(header.tensors.back().name), offsets_});
    return go(Place::tensor);
  }
  bool number_unsigned(number_unsigned_t value) override {
    expect(place_ == Place::shape_items || place_ == Place::offset_items, "a number");
    TensorInfo& tensor = header.tensors.back();
    check<DataError>(value <= static_cast<uint64_t>(INT64_MAX), "[{}] expected sizes and offsets below 2^63 for tensor '{}', got {}",
                     {where_, shown(tensor.name), value});
    if (place_ == Place::shape_items) {
      check<DataError>(tensor.shape.size() < kMaxRank, "[{}] expected at most {} axes for tensor '{}', got more", {where_, kMaxRank, shown(tensor.name)});
      spend(sizeof(int64_t));
      tensor.shape.push_back(static_cast<int64_t>(value));
    } else {
      (offsets_ == 0 ? tensor.begin : tensor.end) = value;
      check<DataError>(++offsets_ <= 2, "[{}] expected two data_offsets for tensor '{}', got more", {where_, shown(tensor.name)});
    }
    return true;
  }
  bool number_integer(number_integer_t) override { unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { unexpected("a fraction or a number of 2^64 or more"); }
  bool null() override { unexpected("null"); }
  bool boolean(bool) override { unexpected("a boolean"); }
  bool binary(binary_t&) override { unexpected("binary"); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    fail<DataError>("[{}] expected a header of JSON in UTF-8, got an error at byte {} of it", {where_, position});
  }

  SafetensorsHeader header;

 private:
  enum class Place { start, top, tensor_value, metadata, metadata_value, tensor, dtype, shape, shape_items, offsets, offset_items };

  bool go(Place place) {
    place_ = place;
    return true;
  }
  [[noreturn]] void unexpected(std::string_view what) const {
    const std::string last = header.tensors.empty() ? "none" : shown(header.tensors.back().name);
    fail<DataError>("[{}] expected an object of tensors with dtype, shape and data_offsets (or __metadata__, an object of strings), "
                    "got {} (last name: '{}')",
                    {where_, what, last});
  }
  void expect(bool fits, std::string_view what) const {
    if (!fits) unexpected(what);
  }
  void spend(uint64_t bytes) {
    content_ += bytes;
    check<DataError>(content_ <= kMaxContent, "[{}] expected names, metadata and shapes of at most {} bytes, got more", {where_, kMaxContent});
  }
  bool tensor_key(const std::string& name) {
    const auto first = [&](bool& seen, Place place) {
      check<DataError>(!std::exchange(seen, true), "[{}] expected {} once for tensor '{}', got it twice", {where_, name, shown(header.tensors.back().name)});
      return go(place);
    };
    if (name == "dtype") return first(seen_dtype_, Place::dtype);
    if (name == "shape") return first(seen_shape_, Place::shape);
    if (name == "data_offsets") return first(seen_offsets_, Place::offsets);
    fail<DataError>("[{}] expected dtype, shape and data_offsets for tensor '{}', got '{}'", {where_, shown(header.tensors.back().name), shown(name)});
  }

  std::string_view where_;
  Place place_ = Place::start;
  uint64_t content_ = 0;
  bool metadata_next_ = false, seen_metadata_ = false, seen_dtype_ = false, seen_shape_ = false, seen_offsets_ = false;
  int offsets_ = 0;
};

/// The parser gathers a string or number as a whole, in a buffer that doubles, before anyone may refuse it.
void check_tokens(std::string_view text, std::string_view where) {
  uint64_t length = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') quoted = !quoted;
    if (quoted && c == '\\') ++i;
    const bool apart = c == '"' || (!quoted && std::string_view(",:[]{} \n\r\t").find(c) != std::string_view::npos);
    length = apart ? 0 : length + 1;
    check<DataError>(length <= kMaxToken, "[{}] expected words of at most {} bytes in the header, got more", {where, kMaxToken});
  }
}

template <class Item, class Name>
void check_names(const std::vector<Item>& items, Name name_of_item, std::string_view where) {
  std::vector<std::string_view> names;
  names.reserve(items.size());
  for (const Item& item : items) names.push_back(std::invoke(name_of_item, item));
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  if (twice != names.end()) fail<DataError>("[{}] expected each name once, got '{}' twice", {where, shown(*twice)});
}

/// Bytes of a tensor. The product of the sizes without zeros must fit too: strides are made of it.
uint64_t bytes_of(const TensorInfo& tensor, std::string_view where) {
  uint64_t count = kDtypes[static_cast<size_t>(detail::safetensors_dtype_rank(tensor.dtype))].size;
  bool empty = false;
  for (const int64_t size : tensor.shape) {
    empty = empty || size == 0;
    check<DataError>(!__builtin_mul_overflow(count, static_cast<uint64_t>(std::max<int64_t>(size, 1)), &count) && count <= static_cast<uint64_t>(INT64_MAX),
                     "[{}] expected tensor '{}' of less than 2^63 bytes, got {} of shape {}", {where, shown(tensor.name), tensor.dtype, tensor.shape});
  }
  return empty ? 0 : count;
}

void check_layout(const std::vector<TensorInfo>& tensors, uint64_t data_size, std::string_view where) {
  std::vector<const TensorInfo*> by_place;
  by_place.reserve(tensors.size());
  for (const TensorInfo& tensor : tensors) {
    check<DataError>(tensor.begin <= tensor.end && tensor.end <= data_size, "[{}] expected tensor '{}' inside the {} bytes of data, got bytes {} to {}",
                     {where, shown(tensor.name), data_size, tensor.begin, tensor.end});
    const uint64_t bytes = bytes_of(tensor, where);
    check<DataError>(bytes == tensor.end - tensor.begin, "[{}] expected {} bytes for tensor '{}' ({} of shape {}), got {}",
                     {where, bytes, shown(tensor.name), tensor.dtype, tensor.shape, tensor.end - tensor.begin});
    by_place.push_back(&tensor);
  }
  std::ranges::sort(by_place, {}, [](const TensorInfo* tensor) { return std::pair(tensor->begin, tensor->end); });
  uint64_t next = 0;
  for (const TensorInfo* tensor : by_place) {
    check<DataError>(tensor->begin == next, "[{}] expected tensors without overlap or hole, got '{}' at byte {} instead of {}",
                     {where, shown(tensor->name), tensor->begin, next});
    next = tensor->end;
  }
  check<DataError>(next == data_size, "[{}] expected {} bytes of data, got {}", {where, next, data_size});
}

}  // namespace

namespace detail {

int safetensors_dtype_rank(std::string_view dtype) {
  const auto found = std::ranges::find(kDtypes, dtype, &Dtype::name);
  return found == kDtypes.end() ? -1 : static_cast<int>(found - kDtypes.begin());
}

SafetensorsHeader parse_safetensors_header(std::string_view text, uint64_t data_size, std::string_view where) {
  // The parser would skip a byte order mark, and take a NUL for the end.
  check<DataError>(text.starts_with('{') && text.find('\0') == std::string_view::npos, "[{}] expected a header that starts with {", {where});
  check_tokens(text, where);
  Reader reader(where);
  check<DataError>(Json::sax_parse(text.begin(), text.end(), &reader), "[{}] expected a header of JSON", {where});
  check_names(reader.header.tensors, &TensorInfo::name, where);
  check_names(reader.header.metadata, &SafetensorsMetadata::value_type::first, where);
  check_layout(reader.header.tensors, data_size, where);
  reader.header.data_start = 8 + text.size();
  return std::move(reader.header);
}

std::string safetensors_header_text(const SafetensorsHeader& header, std::string_view where) {
  std::string text(8, '\0');
  const auto quoted = [&](const std::string& name) {
    try {
      return Json(name).dump();
    } catch (const Json::exception&) {
      fail<DataError>("[{}] expected names and metadata in UTF-8, got '{}'", {where, shown(name)});
    }
  };
  const char* separator = "{";
  if (!header.metadata.empty()) {
    text += "{\"__metadata__\":";
    for (const auto& [key, value] : header.metadata) {
      text += std::exchange(separator, ",");
      text += quoted(key);
      text += ':';
      text += quoted(value);
    }
    text += '}';
  }
  for (const TensorInfo& tensor : header.tensors) {
    text += std::exchange(separator, ",");
    text += quoted(tensor.name);
    text += ":{\"dtype\":\"" + tensor.dtype + "\",\"shape\":[";
    for (size_t axis = 0; axis < tensor.shape.size(); ++axis) {
      if (axis > 0) text += ',';
      text += std::to_string(tensor.shape[axis]);
    }
    text += "],\"data_offsets\":[" + std::to_string(tensor.begin) + "," + std::to_string(tensor.end) + "]}";
  }
  text += *separator == '{' ? "{}" : "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const uint64_t length = text.size() - 8;
  check<DataError>(length <= kMaxHeader, "[{}] expected a header of at most {} bytes, got {}", {where, kMaxHeader, length});
  for (size_t byte = 0; byte < 8; ++byte) text[byte] = static_cast<char>(length >> (8 * byte) & 0xff);
  uint64_t data_size = 0;
  for (const TensorInfo& tensor : header.tensors) data_size = std::max(data_size, tensor.end);
  parse_safetensors_header(std::string_view(text).substr(8), data_size, where);
  return text;
}

SafetensorsHeader read_safetensors_header(const InputFile& file) {
  const std::string where = file.path().string();
  check<DataError>(file.size() >= 8, "[{}] expected a safetensors file, got {} bytes", {where, file.size()});
  std::array<unsigned char, 8> field{};
  file.read(0, std::as_writable_bytes(std::span(field)));
  uint64_t length = 0;
  for (size_t byte = 0; byte < 8; ++byte) length |= static_cast<uint64_t>(field[byte]) << (8 * byte);
  check<DataError>(length <= kMaxHeader && length <= file.size() - 8,
                   "[{}] expected a safetensors header of at most {} bytes inside a file of {}, got {}: this is no safetensors file, or it is cut",
                   {where, kMaxHeader, file.size(), length});
  std::string text(static_cast<size_t>(length), '\0');
  file.read(8, std::as_writable_bytes(std::span(text)));
  return parse_safetensors_header(text, file.size() - 8 - length, where);
}

}  // namespace detail

SafetensorsHeader read_safetensors_header(const std::filesystem::path& path) { return detail::read_safetensors_header(InputFile(path)); }

}  // namespace alloy

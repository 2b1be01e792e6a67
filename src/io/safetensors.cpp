// SPDX-License-Identifier: Apache-2.0
#include <alloy/core/log.hpp>
#include <alloy/io/atomic_write.hpp>
#include <alloy/io/file.hpp>
#include <alloy/io/safetensors.hpp>

#include "io/detail/message.hpp"
#include "io/detail/safetensors_dtype.hpp"
#include "io/detail/safetensors_header.hpp"

#include <ATen/Functions.h>
#include <bit>

namespace alloy {

namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian and is read as it stands");

std::span<std::byte> bytes_of(const Tensor& tensor) { return {static_cast<std::byte*>(tensor.mutable_data_ptr()), tensor.nbytes()}; }

template <class Bits>
bool any_with_exponent(std::span<const std::byte> bytes, Bits exponent, Bits magnitude) {
  const auto* values = reinterpret_cast<const Bits*>(bytes.data());
  bool found = false;
  for (size_t i = 0; i < bytes.size() / sizeof(Bits); ++i) found |= (values[i] & exponent) == exponent && (values[i] & magnitude) >= exponent;
  return found;
}

/// Looks at the bits: it needs no second copy of the weights, and works for dtypes without arithmetic.
bool has_non_finite(const Tensor& tensor) {
  const auto bytes = bytes_of(tensor);
  switch (tensor.scalar_type()) {
    case at::kFloat:
    case at::kComplexFloat: return any_with_exponent<uint32_t>(bytes, 0x7f800000, 0x7fffffff);
    case at::kDouble: return any_with_exponent<uint64_t>(bytes, 0x7ff0000000000000, 0x7fffffffffffffff);
    case at::kHalf: return any_with_exponent<uint16_t>(bytes, 0x7c00, 0x7fff);
    case at::kBFloat16: return any_with_exponent<uint16_t>(bytes, 0x7f80, 0x7fff);
    case at::kFloat8_e5m2: return any_with_exponent<uint8_t>(bytes, 0x7c, 0x7f);
    case at::kFloat8_e4m3fn: return any_with_exponent<uint8_t>(bytes, 0x7f, 0x7f);  // it has no infinities, and one NaN
    default: return false;
  }
}

Tensor empty_tensor(const TensorInfo& info, std::string_view where) {
  const auto type = detail::scalar_type_of(info.dtype);
  check<DataError>(type.has_value(), "[{}] expected a supported dtype for tensor '{}', got {}", {where, detail::shown(info.name), info.dtype});
  try {
    return at::empty(info.shape, at::TensorOptions().dtype(*type));
  } catch (const c10::Error&) {
    fail<DataError>("[{}] expected tensor '{}' to fit into memory, got {} of shape {}", {where, detail::shown(info.name), info.dtype, info.shape});
  }
}

}  // namespace

NamedTensors load_safetensors(const std::filesystem::path& path, const SafetensorsOptions& options) {
  const InputFile file(path);
  const SafetensorsHeader header = detail::read_safetensors_header(file);
  const std::string where = path.string();
  const uint64_t total = file.size() - header.data_start;
  check<DataError>(options.max_bytes >= 0 && total <= static_cast<uint64_t>(options.max_bytes),
                   "[{}] expected at most {} bytes of tensors (option max_bytes), got {}", {where, options.max_bytes, total});
  NamedTensors tensors;
  std::vector<std::string> non_finite;
  for (const TensorInfo& info : header.tensors) {
    Tensor tensor = empty_tensor(info, where);
    const auto bytes = bytes_of(tensor);
    file.read(header.data_start + info.begin, bytes);
    if (tensor.scalar_type() == at::kBool) {  // any other byte in a bool is undefined behaviour later
      const bool fits = std::ranges::all_of(bytes, [](std::byte byte) { return byte <= std::byte{1}; });
      check<DataError>(fits, "[{}] expected bytes 0 and 1 in the BOOL tensor '{}', got another", {where, detail::shown(info.name)});
    }
    if (options.non_finite != NonFinite::allow && has_non_finite(tensor)) non_finite.push_back(detail::shown(info.name));
    tensors.emplace_back(info.name, std::move(tensor));
  }
  if (!non_finite.empty()) {
    const size_t count = non_finite.size();
    if (count > 10) {
      non_finite.resize(10);
      non_finite.emplace_back("...");
    }
    check<DataError>(options.non_finite == NonFinite::warn,
                     "[{}] expected finite values, got NaN or infinite ones in {} tensors: {}", {where, count, non_finite});
    log_message(LogLevel::warning, format_message("[{}] NaN or infinite values in {} tensors: {}", {where, count, non_finite}));
  }
  return tensors;
}

void save_safetensors(const std::filesystem::path& path, const NamedTensors& tensors, const SafetensorsMetadata& metadata) {
  struct Entry {
    const std::string* name;
    const Tensor* tensor;
    std::string_view dtype;
    int rank;
  };
  const std::string where = path.string();
  std::vector<Entry> entries;
  for (const auto& [name, tensor] : tensors) {
    check<DataError>(tensor.defined() && tensor.layout() == at::kStrided && !tensor.is_quantized(), "[{}] expected dense tensors, got {} for '{}'",
                     {where, tensor, detail::shown(name)});
    const std::string_view dtype = detail::safetensors_dtype_of(tensor.scalar_type());
    check<DataError>(!dtype.empty(), "[{}] expected a dtype that the format knows, got {} for '{}'", {where, tensor, detail::shown(name)});
    entries.push_back({&name, &tensor, dtype, detail::safetensors_dtype_rank(dtype)});
  }
  std::ranges::sort(entries, [](const Entry& a, const Entry& b) { return a.rank != b.rank ? a.rank > b.rank : *a.name < *b.name; });
  SafetensorsHeader header{.tensors = {}, .metadata = metadata};
  uint64_t offset = 0;
  for (const Entry& entry : entries) {
    const uint64_t end = offset + entry.tensor->nbytes();
    header.tensors.push_back({*entry.name, std::string(entry.dtype), entry.tensor->sizes().vec(), offset, end});
    offset = end;
  }
  const std::string text = detail::safetensors_header_text(header, where);
  AtomicFile file(path);
  file.write(text);
  for (const Entry& entry : entries) {
    const Tensor dense = entry.tensor->detach().resolve_conj().resolve_neg().cpu().contiguous();
    file.write(bytes_of(dense));
  }
  file.commit();
}

}  // namespace alloy

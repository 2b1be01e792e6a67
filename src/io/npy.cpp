// SPDX-License-Identifier: Apache-2.0
#include <alloy/io/npy.hpp>

#include "io/detail/array_bytes.hpp"
#include "io/detail/message.hpp"
#include "io/detail/npy_header.hpp"
#include "io/detail/zip.hpp"

#include <ATen/Functions.h>
#include <bit>
#include <functional>
#include <numeric>

namespace alloy {

namespace {

constexpr uint64_t kMaxHeader = 64 << 10;

using Read = std::function<void(std::span<std::byte>)>;

at::ScalarType scalar_type_of(const detail::NpyHeader& header) {
  const auto by_size = [&](at::ScalarType one, at::ScalarType two, at::ScalarType four, at::ScalarType eight) {
    return header.item_size == 1 ? one : header.item_size == 2 ? two : header.item_size == 4 ? four : eight;
  };
  switch (header.kind) {
    case 'f': return by_size(at::kFloat, at::kHalf, at::kFloat, at::kDouble);
    case 'i': return by_size(at::kChar, at::kShort, at::kInt, at::kLong);
    case 'u': return by_size(at::kByte, at::kUInt16, at::kUInt32, at::kUInt64);
    default: return at::kBool;
  }
}

/// Reads one array of `size` bytes, header and data, from front to back.
Tensor read_array(const Read& read, uint64_t size, std::string_view where) {
  const auto fits = [&](uint64_t bytes) {
    check<DataError>(bytes <= size, "[{}] expected at least {} bytes, got {}: it is cut or damaged", {where, bytes, size});
  };
  std::array<uint8_t, 8> start{};
  fits(start.size());
  read(std::as_writable_bytes(std::span(start)));
  check<DataError>(std::string_view(reinterpret_cast<const char*>(start.data()), 6) == "\x93NUMPY",
                   "[{}] expected NumPy's format, got another", {where});
  check<DataError>(start[6] >= 1 && start[6] <= 3 && start[7] == 0, "[{}] expected version 1.0, 2.0 or 3.0, got {}.{}", {where, start[6], start[7]});
  std::array<uint8_t, 4> field{};
  const size_t width = start[6] == 1 ? 2 : 4;
  fits(start.size() + width);
  read(std::as_writable_bytes(std::span(field)).first(width));
  const uint64_t length = uint64_t{field[0]} | uint64_t{field[1]} << 8 | uint64_t{field[2]} << 16 | uint64_t{field[3]} << 24;
  check<DataError>(length <= kMaxHeader, "[{}] expected a header of at most {} bytes, got {}", {where, kMaxHeader, length});
  const uint64_t data_start = start.size() + width + length;
  fits(data_start);
  std::string text(static_cast<size_t>(length), '\0');
  read(std::as_writable_bytes(std::span(text)));
  const detail::NpyHeader header = detail::parse_npy_header(text, where);
  check<DataError>(header.bytes == size - data_start,
                   "[{}] expected {} bytes of data for shape {}, got {}", {where, header.bytes, header.shape, size - data_start});

  std::vector<int64_t> shape = header.shape;
  if (header.fortran_order) std::ranges::reverse(shape);
  Tensor values = at::empty(shape, at::TensorOptions().dtype(scalar_type_of(header)));
  const std::span<std::byte> memory(static_cast<std::byte*>(values.mutable_data_ptr()), values.nbytes());
  read(memory);
  if (header.big_endian != (std::endian::native == std::endian::big)) detail::swap_bytes(memory, header.item_size);
  if (header.kind == 'b') {  // any other byte in a bool is undefined behaviour later
    const bool valid = std::ranges::all_of(memory, [](std::byte byte) { return byte <= std::byte{1}; });
    check<DataError>(valid, "[{}] expected bytes 0 and 1 in an array of b1, got another", {where});
  }
  if (!header.fortran_order) return values;
  std::vector<int64_t> axes(shape.size());
  std::iota(axes.rbegin(), axes.rend(), 0);
  return values.permute(axes).contiguous();
}

}  // namespace

Tensor read_npy(const std::filesystem::path& path, const NpyLimits& limits) {
  const InputFile file(path);
  check<DataError>(file.size() <= limits.max_bytes, "[read_npy] expected {} of at most {} bytes, got {}", {path, limits.max_bytes, file.size()});
  uint64_t position = 0;
  const Read read = [&](std::span<std::byte> out) {
    file.read(position, out);
    position += out.size();
  };
  return read_array(read, file.size(), path.string());
}

Tensor decode_npy(std::span<const std::byte> bytes, std::string_view where, const NpyLimits& limits) {
  check<DataError>(bytes.size() <= limits.max_bytes, "[{}] expected at most {} bytes, got {}", {where, limits.max_bytes, bytes.size()});
  const Read read = [&](std::span<std::byte> out) {  // read_array asks for no more than there is
    std::copy_n(bytes.begin(), out.size(), out.begin());
    bytes = bytes.subspan(out.size());
  };
  return read_array(read, bytes.size(), where);
}

std::vector<std::pair<std::string, Tensor>> read_npz(const std::filesystem::path& path, const NpyLimits& limits) {
  detail::ZipReader zip(path);
  uint64_t total = 0;
  for (const auto& member : zip.members()) {
    check<DataError>(member.name.ends_with(".npy"), "[read_npz] expected members named *.npy in {}, got '{}'", {path, detail::shown(member.name)});
    check<DataError>(!__builtin_add_overflow(total, member.size, &total) && total <= limits.max_bytes,
                     "[read_npz] expected {} to unpack to at most {} bytes, got more", {path, limits.max_bytes});
  }
  std::vector<std::pair<std::string, Tensor>> arrays;
  for (size_t index = 0; index < zip.members().size(); ++index) {
    const auto& member = zip.members()[index];
    zip.open(index);
    Tensor array = read_array([&](std::span<std::byte> out) { zip.read(out); }, member.size, path.string() + ":" + detail::shown(member.name));
    zip.expect_end();
    arrays.emplace_back(member.name.substr(0, member.name.size() - 4), std::move(array));
  }
  return arrays;
}

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#include <alloy/io/idx.hpp>

#include "io/detail/array_bytes.hpp"
#include "io/detail/gzip.hpp"

#include <ATen/Functions.h>
#include <array>
#include <bit>

namespace alloy {

namespace {

struct IdxType {
  uint8_t code;
  at::ScalarType dtype;
};
constexpr auto kTypes = std::to_array<IdxType>(
    {{0x08, at::kByte}, {0x09, at::kChar}, {0x0b, at::kShort}, {0x0c, at::kInt}, {0x0d, at::kFloat}, {0x0e, at::kDouble}});
constexpr size_t kMaxRank = 64;

}  // namespace

at::Tensor read_idx(const std::filesystem::path& path, const IdxLimits& limits) {
  detail::ByteStream stream(path);
  std::array<uint8_t, 4> magic{};
  stream.read(std::as_writable_bytes(std::span(magic)));
  const auto type = std::ranges::find(kTypes, magic[2], &IdxType::code);
  check<DataError>(magic[0] == 0 && magic[1] == 0 && type != kTypes.end(),
                   "[read_idx] expected {} to start with 0, 0 and a type of 8, 9, 11, 12, 13 or 14, got {}, {} and {}: this is no IDX file",
                   {path, magic[0], magic[1], magic[2]});
  const size_t rank = magic[3];
  check<DataError>(rank >= 1 && rank <= kMaxRank, "[read_idx] expected 1 to {} axes in {}, got {}", {kMaxRank, path, rank});
  std::vector<std::array<uint8_t, 4>> fields(rank);
  stream.read(std::as_writable_bytes(std::span(fields)));
  std::vector<int64_t> shape;
  for (const auto& field : fields) shape.push_back(int64_t{field[0]} << 24 | int64_t{field[1]} << 16 | int64_t{field[2]} << 8 | int64_t{field[3]});

  const size_t item_size = c10::elementSize(type->dtype);
  const auto bytes = detail::array_bytes(shape, item_size);
  check<DataError>(bytes && *bytes <= limits.max_bytes, "[read_idx] expected at most {} bytes of values in {}, got {} of shape {}",
                   {limits.max_bytes, path, type->dtype, shape});
  check<DataError>(*bytes <= stream.max_content(),
                   "[read_idx] expected {} to hold the {} bytes that its header says, but it cannot: it is cut or damaged", {path, *bytes});
  at::Tensor values = at::empty(shape, at::TensorOptions().dtype(type->dtype));
  const std::span<std::byte> memory(static_cast<std::byte*>(values.mutable_data_ptr()), values.nbytes());
  stream.read(memory);
  stream.expect_end();
  if constexpr (std::endian::native == std::endian::little) detail::swap_bytes(memory, item_size);
  return values;
}

}  // namespace alloy

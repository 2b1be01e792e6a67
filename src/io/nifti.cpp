// SPDX-License-Identifier: Apache-2.0
#include <alloy/io/nifti.hpp>

#include "io/detail/array_bytes.hpp"
#include "io/detail/gzip.hpp"

#include <ATen/Functions.h>
#include <bit>
#include <cmath>
#include <limits>

namespace alloy {

namespace {

at::ScalarType dtype_of(NiftiType type) {
  switch (type) {
    case NiftiType::uint8:
      return at::kByte;
    case NiftiType::int8:
      return at::kChar;
    case NiftiType::int16:
      return at::kShort;
    case NiftiType::uint16:
      return at::kUInt16;
    case NiftiType::int32:
      return at::kInt;
    case NiftiType::uint32:
      return at::kUInt32;
    case NiftiType::int64:
      return at::kLong;
    case NiftiType::uint64:
      return at::kUInt64;
    case NiftiType::float32:
      return at::kFloat;
    default:
      return at::kDouble;
  }
}

template <class In, class Out>
void scale_into(const In* in, Tensor& out, const NiftiHeader& header) {
  auto* to = out.mutable_data_ptr<Out>();
  for (int64_t i = 0, n = out.numel(); i < n; ++i) to[i] = static_cast<Out>(header.slope * static_cast<double>(in[i]) + header.intercept);
}

/// In double, as the reference readers do, then rounded once.
Tensor scaled(const Tensor& stored, const NiftiHeader& header, const std::filesystem::path& path) {
  const void* in = stored.const_data_ptr();
  if (header.type == NiftiType::float64) {
    Tensor out = at::empty_like(stored);
    scale_into<double, double>(static_cast<const double*>(in), out, header);
    return out;
  }
  if (header.type != NiftiType::float32) {
    const double most = std::abs(header.slope) * std::exp2(static_cast<double>(8 * nifti_item_bytes(header.type))) + std::abs(header.intercept);
    check<DataError>(most <= static_cast<double>(std::numeric_limits<float>::max()),
                     "[read_nifti] expected scaled values within a float's range in {}, got slope {} and intercept {}",
                     {path, header.slope, header.intercept});
  }
  Tensor out = at::empty_like(stored, at::kFloat);
  switch (header.type) {
    case NiftiType::uint8:
      scale_into<uint8_t, float>(static_cast<const uint8_t*>(in), out, header);
      break;
    case NiftiType::int8:
      scale_into<int8_t, float>(static_cast<const int8_t*>(in), out, header);
      break;
    case NiftiType::int16:
      scale_into<int16_t, float>(static_cast<const int16_t*>(in), out, header);
      break;
    case NiftiType::uint16:
      scale_into<uint16_t, float>(static_cast<const uint16_t*>(in), out, header);
      break;
    case NiftiType::int32:
      scale_into<int32_t, float>(static_cast<const int32_t*>(in), out, header);
      break;
    case NiftiType::uint32:
      scale_into<uint32_t, float>(static_cast<const uint32_t*>(in), out, header);
      break;
    case NiftiType::int64:
      scale_into<int64_t, float>(static_cast<const int64_t*>(in), out, header);
      break;
    case NiftiType::uint64:
      scale_into<uint64_t, float>(static_cast<const uint64_t*>(in), out, header);
      break;
    default:
      scale_into<float, float>(static_cast<const float*>(in), out, header);
  }
  return out;
}

}  // namespace

NiftiVolume read_nifti(const std::filesystem::path& path, const NiftiOptions& options) {
  detail::ByteStream stream(path);
  std::array<std::byte, kNiftiHeaderBytes> start{};
  stream.read(start);
  NiftiVolume volume{.header = parse_nifti_header(start, path.string()), .values = {}};
  const NiftiHeader& header = volume.header;
  check<DataError>(header.data_bytes <= options.max_bytes, "[read_nifti] expected at most {} bytes of values in {}, got {} of shape {}",
                   {options.max_bytes, path, header.data_bytes, header.shape});
  check<DataError>(header.data_offset + header.data_bytes <= stream.max_content(),
                   "[read_nifti] expected {} to hold the {} bytes that its header says, but it cannot: it is cut or damaged",
                   {path, header.data_offset + header.data_bytes});
  std::vector<std::byte> extensions(header.data_offset - kNiftiHeaderBytes);
  stream.read(extensions);
  check_nifti_extensions(extensions, header, path.string());

  const std::vector<int64_t> shape(header.shape.rbegin(), header.shape.rend());
  Tensor stored = at::empty(shape, at::TensorOptions().dtype(dtype_of(header.type)));
  const std::span<std::byte> memory(static_cast<std::byte*>(stored.mutable_data_ptr()), stored.nbytes());
  stream.read(memory);
  stream.expect_end();
  if (header.big_endian != (std::endian::native == std::endian::big)) detail::swap_bytes(memory, nifti_item_bytes(header.type));
  const bool has_scaling = header.slope != 1 || header.intercept != 0;
  if (has_scaling && options.scaling == NiftiScaling::apply) stored = scaled(stored, header, path);
  std::vector<int64_t> axes;  // the file's first axis is the tensor's last
  for (int64_t axis = stored.dim(); axis-- > 0;) axes.push_back(axis);
  volume.values = stored.permute(axes);
  return volume;
}

}  // namespace alloy

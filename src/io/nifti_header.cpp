// SPDX-License-Identifier: Apache-2.0
#include <alloy/core/check.hpp>
#include <alloy/io/nifti_header.hpp>

#include "io/detail/array_bytes.hpp"
#include "io/detail/message.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace alloy {

namespace {

// Where fields stand in the header of 348 bytes (nifti1.h).
constexpr size_t kDim = 40, kDatatype = 70, kBitpix = 72, kPixdim = 76, kVoxOffset = 108, kSlope = 112, kIntercept = 116, kUnits = 123,
                 kDescription = 148, kQformCode = 252, kSformCode = 254, kQuaternion = 256, kQOffset = 268, kSform = 280, kMagic = 344;
constexpr size_t kDescriptionBytes = 80;
constexpr uint64_t kMaxOffset = uint64_t{64} << 20;  ///< header and extensions
constexpr int64_t kMaxRank = 7;

struct TypeInfo {
  int16_t code;
  NiftiType type;
  uint64_t bytes;
};
constexpr auto kTypes = std::to_array<TypeInfo>({{2, NiftiType::uint8, 1},
                                                 {256, NiftiType::int8, 1},
                                                 {4, NiftiType::int16, 2},
                                                 {512, NiftiType::uint16, 2},
                                                 {8, NiftiType::int32, 4},
                                                 {768, NiftiType::uint32, 4},
                                                 {1024, NiftiType::int64, 8},
                                                 {1280, NiftiType::uint64, 8},
                                                 {16, NiftiType::float32, 4},
                                                 {64, NiftiType::float64, 8}});

/// Fields of the header in its byte order.
class Fields {
 public:
  Fields(std::span<const std::byte> bytes, bool big_endian) : bytes_(bytes), swap_(big_endian != (std::endian::native == std::endian::big)) {}
  template <class T>
  T at(size_t offset, size_t index = 0) const {
    std::array<std::byte, sizeof(T)> raw{};
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset + index * sizeof(T)), sizeof(T), raw.begin());
    if (swap_) std::ranges::reverse(raw);
    return std::bit_cast<T>(raw);
  }
  double real(size_t offset, size_t index = 0) const { return static_cast<double>(at<float>(offset, index)); }

 private:
  std::span<const std::byte> bytes_;
  bool swap_;
};

/// @throws DataError for what is another format
bool find_byte_order(std::span<const std::byte> bytes, std::string_view where) {
  constexpr int32_t kNifti2Bytes = 540;
  for (const bool big : {false, true}) {
    const auto size = Fields(bytes, big).at<int32_t>(0);
    check<DataError>(size != kNifti2Bytes, "[{}] expected NIfTI-1, got NIfTI-2: convert it, for example with nibabel.Nifti1Image.from_image",
                     {where});
    if (size == static_cast<int32_t>(kNiftiHeaderBytes)) return big;
  }
  fail<DataError>("[{}] expected a file that starts with the size of NIfTI-1's header, 348, got {}: this is no NIfTI-1 file",
                  {where, Fields(bytes, false).at<int32_t>(0)});
}

void check_magic(std::span<const std::byte> bytes, std::string_view where) {
  std::string magic(4, '\0');
  std::memcpy(magic.data(), bytes.data() + kMagic, magic.size());
  check<DataError>(magic != std::string_view("ni1\0", 4),
                   "[{}] expected a volume in one file, got a header whose values are in a file beside it (.hdr, .img): join them, for example by "
                   "loading and saving as .nii with nibabel",
                   {where});
  check<DataError>(magic == std::string_view("n+1\0", 4), "[{}] expected the mark 'n+1' of NIfTI-1, got '{}'{}",
                   {where, detail::shown(magic), magic == std::string(4, '\0') ? ": this may be Analyze 7.5, whose sides are not known" : ""});
}

void read_shape(const Fields& fields, NiftiHeader& header, std::string_view where) {
  const int64_t rank = fields.at<int16_t>(kDim);
  check<DataError>(rank >= 1 && rank <= kMaxRank, "[{}] expected 1 to {} axes, got {}", {where, kMaxRank, rank});
  for (int64_t axis = 1; axis <= rank; ++axis) header.shape.push_back(fields.at<int16_t>(kDim, static_cast<size_t>(axis)));
  check<DataError>(std::ranges::all_of(header.shape, [](int64_t size) { return size >= 1; }), "[{}] expected sizes of at least 1, got {}",
                   {where, header.shape});

  const auto code = fields.at<int16_t>(kDatatype);
  const auto type = std::ranges::find(kTypes, code, &TypeInfo::code);
  check<DataError>(type != kTypes.end(), "[{}] expected a datatype of 2 4 8 16 64 256 512 768 1024 1280 (one real number a voxel), got {}",
                   {where, int64_t{code}});
  const int64_t bits = fields.at<int16_t>(kBitpix);
  check<DataError>(bits == static_cast<int64_t>(8 * type->bytes), "[{}] expected {} bits a voxel for datatype {}, got {}",
                   {where, 8 * type->bytes, int64_t{code}, bits});
  header.type = type->type;
  const auto bytes = detail::array_bytes(header.shape, type->bytes);
  check<DataError>(bytes.has_value(), "[{}] expected a volume of less than 2^63 bytes, got shape {}", {where, header.shape});
  header.data_bytes = *bytes;
}

/// The rotation of a unit quaternion whose first part follows from the others.
std::array<double, 9> rotation_of(double b, double c, double d, std::string_view where) {
  double square = b * b + c * c + d * d;
  constexpr double kMostSquare = 1.001;  // writers round to floats
  check<DataError>(square <= kMostSquare, "[{}] expected a unit quaternion in the qform, got parts whose squares sum to {}",
                   {where, square});  // NaN too
  if (square > 1) {
    const double shrink = 1 / std::sqrt(square);
    b *= shrink, c *= shrink, d *= shrink, square = 1;
  }
  const double a = std::sqrt(1 - square);
  return {a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c), 2 * (b * c + a * d),          a * a + c * c - b * b - d * d,
          2 * (c * d - a * b),           2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c};
}

double determinant(const std::array<double, 12>& m) {
  return m[0] * (m[5] * m[10] - m[6] * m[9]) - m[1] * (m[4] * m[10] - m[6] * m[8]) + m[2] * (m[4] * m[9] - m[5] * m[8]);
}

void read_affine(const Fields& fields, NiftiHeader& header, std::string_view where) {
  constexpr int kMetre = 1, kMicrometre = 3, kSpaceUnits = 7;
  const int unit = std::to_integer<int>(fields.at<std::byte>(kUnits)) & kSpaceUnits;
  const double to_mm = unit == kMetre ? 1e3 : unit == kMicrometre ? 1e-3 : 1;
  auto& m = header.affine;
  if (fields.at<int16_t>(kSformCode) > 0) {
    header.placement = NiftiPlacement::sform;
    for (size_t i = 0; i < m.size(); ++i) m[i] = to_mm * fields.real(kSform, i);
  } else {
    const bool placed = fields.at<int16_t>(kQformCode) > 0;
    header.placement = placed ? NiftiPlacement::qform : NiftiPlacement::none;
    const auto turn = placed ? rotation_of(fields.real(kQuaternion, 0), fields.real(kQuaternion, 1), fields.real(kQuaternion, 2), where)
                             : std::array<double, 9>{1, 0, 0, 0, 1, 0, 0, 0, 1};
    for (size_t column = 0; column < 3; ++column) {
      double step = column < header.shape.size() ? std::abs(fields.real(kPixdim, column + 1)) : 1;
      if (column == 2 && placed && fields.real(kPixdim) < 0) step = -step;  // qfac: a left-handed grid
      for (size_t row = 0; row < 3; ++row) m[row * 4 + column] = to_mm * step * turn[row * 3 + column];
    }
    for (size_t row = 0; placed && row < 3; ++row) m[row * 4 + 3] = to_mm * fields.real(kQOffset, row);
  }
  check<DataError>(std::ranges::all_of(m, [](double v) { return std::isfinite(v); }), "[{}] expected a finite affine, got NaN or infinity in it",
                   {where});
  for (size_t column = 0; column < 3; ++column) header.voxel_mm[column] = std::hypot(m[column], m[4 + column], m[8 + column]);
  const auto& size = header.voxel_mm;
  const double volume = size[0] * size[1] * size[2];
  check<DataError>(volume > 0 && std::isfinite(volume) && std::abs(determinant(m)) > 1e-6 * volume,
                   "[{}] expected an affine that keeps three dimensions, got one of voxels of {} x {} x {} mm and determinant {}",
                   {where, size[0], size[1], size[2], determinant(m)});
}

}  // namespace

uint64_t nifti_item_bytes(NiftiType type) { return std::ranges::find(kTypes, type, &TypeInfo::type)->bytes; }

Point3 NiftiHeader::to_mm(const Point3& v) const {
  Point3 out{};
  for (size_t row = 0; row < 3; ++row)
    out[row] = affine[row * 4] * v[0] + affine[row * 4 + 1] * v[1] + affine[row * 4 + 2] * v[2] + affine[row * 4 + 3];
  return out;
}

Point3 NiftiHeader::to_voxel(const Point3& mm) const {
  const auto& m = affine;
  const double x = mm[0] - m[3], y = mm[1] - m[7], z = mm[2] - m[11], d = determinant(m);  // Cramer's rule
  return {(x * (m[5] * m[10] - m[6] * m[9]) - y * (m[1] * m[10] - m[2] * m[9]) + z * (m[1] * m[6] - m[2] * m[5])) / d,
          (-x * (m[4] * m[10] - m[6] * m[8]) + y * (m[0] * m[10] - m[2] * m[8]) - z * (m[0] * m[6] - m[2] * m[4])) / d,
          (x * (m[4] * m[9] - m[5] * m[8]) - y * (m[0] * m[9] - m[1] * m[8]) + z * (m[0] * m[5] - m[1] * m[4])) / d};
}

NiftiHeader parse_nifti_header(std::span<const std::byte> bytes, std::string_view where) {
  check<DataError>(bytes.size() >= kNiftiHeaderBytes, "[{}] expected a header of {} bytes, got {}", {where, kNiftiHeaderBytes, bytes.size()});
  NiftiHeader header;
  header.big_endian = find_byte_order(bytes, where);
  check_magic(bytes, where);
  const Fields fields(bytes, header.big_endian);
  read_shape(fields, header, where);
  read_affine(fields, header, where);

  const double offset = fields.real(kVoxOffset);
  check<DataError>(offset >= kNiftiHeaderBytes + 4 && offset <= static_cast<double>(kMaxOffset) && offset == std::floor(offset),
                   "[{}] expected values that start at a byte in {}..{}, got {}", {where, kNiftiHeaderBytes + 4, kMaxOffset, offset});
  header.data_offset = static_cast<uint64_t>(offset);

  const double slope = fields.real(kSlope), intercept = fields.real(kIntercept);
  if (std::isfinite(slope) && slope != 0) {
    check<DataError>(std::isfinite(intercept), "[{}] expected a finite intercept beside slope {}, got {}", {where, slope, intercept});
    header.slope = slope, header.intercept = intercept;
  }
  std::string text(kDescriptionBytes, '\0');
  std::memcpy(text.data(), bytes.data() + kDescription, text.size());
  header.description = detail::shown(text.substr(0, text.find('\0')));
  return header;
}

void check_nifti_extensions(std::span<const std::byte> bytes, const NiftiHeader& header, std::string_view where) {
  constexpr uint64_t kMark = 4, kExtensionHead = 8;
  check<DataError>(bytes.size() >= kMark, "[{}] expected {} bytes behind the header, got {}", {where, kMark, bytes.size()});
  if (bytes[0] == std::byte{0}) return;
  const Fields fields(bytes, header.big_endian);
  uint64_t at = kMark;
  while (bytes.size() - at >= kExtensionHead) {
    const int64_t size = fields.at<int32_t>(at);
    check<DataError>(size >= static_cast<int64_t>(kExtensionHead) && static_cast<uint64_t>(size) <= bytes.size() - at,
                     "[{}] expected an extension of {}..{} bytes at byte {}, got {}",
                     {where, kExtensionHead, bytes.size() - at, kNiftiHeaderBytes + at, size});
    at += static_cast<uint64_t>(size);
  }
}

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/memory.hpp"
#include "support/mutations.hpp"

#include <alloy/io/file.hpp>
#include <alloy/io/label_table.hpp>
#include <alloy/io/nifti.hpp>
#include <alloy/io/npy.hpp>

#include <zlib.h>

using namespace alloy;
namespace fs = std::filesystem;

namespace {

/// Bytes of a number in the machine's order: that of the files made here.
template <class T>
std::string raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(T)};
}
std::string with(std::string bytes, size_t at, const std::string& field) { return bytes.replace(at, field.size(), field); }

/// A volume [2, 3, 2] of uint8 1 .. 12, scanner's affine of 2 mm voxels with its origin at (-2, -3, -1).
std::string small_file() {
  std::string bytes(352, '\0');
  bytes = with(bytes, 0, raw(int32_t{348}));
  for (const auto& [at, value] : std::vector<std::pair<size_t, int16_t>>{{40, 3}, {42, 2}, {44, 3}, {46, 2}, {48, 1}, {70, 2}, {72, 8}, {252, 1}})
    bytes = with(bytes, at, raw(value));
  for (const auto& [at, value] :
       std::vector<std::pair<size_t, float>>{{76, 1.f}, {80, 2.f}, {84, 2.f}, {88, 2.f}, {108, 352.f}, {268, -2.f}, {272, -3.f}, {276, -1.f}})
    bytes = with(bytes, at, raw(value));
  bytes = with(bytes, 344, std::string("n+1\0", 4));
  for (char value = 1; value <= 12; ++value) bytes += value;
  return bytes;
}

void write_gzip(const fs::path& path, const std::string& bytes) {
  const gzFile file = gzopen(path.c_str(), "wb9");
  REQUIRE(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) == static_cast<int>(bytes.size()));
  REQUIRE(gzclose(file) == Z_OK);
}

NiftiVolume read_bytes(const TempDir& dir, const std::string& bytes, const NiftiOptions& options = {}) {
  write_raw(dir / "x", bytes);
  return read_nifti(dir / "x", options);
}

constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInfinity = std::numeric_limits<float>::infinity();

}  // namespace

TEST_CASE("read_nifti reads what nibabel reads", "[io]") {
  std::map<std::string, Tensor> expected;
  for (auto& [name, array] : read_npz(fixture("nifti/expected.npz"))) expected[name] = array;
  int volumes = 0;
  for (const auto& entry : fs::directory_iterator(fixture("nifti"))) {
    const std::string file = entry.path().filename().string(), name = file.substr(0, file.find('.'));
    if (!expected.contains(name + ".values")) continue;
    INFO(name);
    ++volumes;
    const NiftiVolume volume = read_nifti(entry.path());
    const NiftiHeader& header = volume.header;
    const Tensor values = expected[name + ".values"], affine = expected[name + ".affine"].to(at::kDouble);
    CHECK(header.shape == values.sizes().vec());
    CHECK_THAT(volume.values.to(at::kDouble).contiguous(), AllClose(values, 0, name.starts_with("scaled") ? 1e-7 : 0));
    CHECK(header.big_endian == name.ends_with("_big"));
    CHECK(header.description == name);
    CHECK(header.placement == (name.starts_with("qform") ? NiftiPlacement::qform : NiftiPlacement::sform));
    CHECK_THAT(torch::tensor(std::vector<double>(header.affine.begin(), header.affine.end()), at::kDouble).view({3, 4}),
               AllClose(affine.slice(0, 0, 3), 1e-6, 1e-6));
    CHECK_THAT(torch::tensor(std::vector<double>(header.voxel_mm.begin(), header.voxel_mm.end()), at::kDouble),
               AllClose(expected[name + ".zooms"], 1e-6, 1e-6));
  }
  CHECK(volumes == 30);
  CHECK(read_nifti(fixture("nifti/u2.nii")).values.scalar_type() == at::kUInt16);
  CHECK(read_nifti(fixture("nifti/scaled.nii")).values.scalar_type() == at::kFloat);
  CHECK(read_nifti(fixture("nifti/scaled_double.nii")).values.scalar_type() == at::kDouble);
  CHECK(read_nifti(fixture("nifti/scaled.nii"), {.scaling = NiftiScaling::ignore}).values.scalar_type() == at::kShort);
  CHECK_THROWS_WITH(read_nifti(fixture("nifti/nifti2.nii")), ContainsSubstring("NIfTI-2"));
  CHECK_THROWS_WITH(read_nifti(fixture("nifti/pair.hdr")), ContainsSubstring(".img"));
}

TEST_CASE("read_nifti", "[io]") {
  const TempDir dir;
  const std::string good = small_file();
  SECTION("axes, places and points") {
    const NiftiVolume volume = read_bytes(dir, good);
    CHECK(volume.values.sizes() == at::IntArrayRef({2, 3, 2}));
    CHECK(volume.values[1][0][0].item<int>() == 2);  // the first axis is the fastest
    CHECK(volume.values[0][1][0].item<int>() == 3);
    CHECK(volume.values[1][2][1].item<int>() == 12);
    CHECK(volume.header.placement == NiftiPlacement::qform);
    CHECK(volume.header.to_mm({1, 2, 1}) == Point3{0, 1, 1});
    CHECK(volume.header.to_voxel({0, 1, 1}) == Point3{1, 2, 1});
    write_gzip(dir / "z", good);
    CHECK_THAT(read_nifti(dir / "z").values, SameBits(volume.values));
  }
  SECTION("to_voxel inverts to_mm of any grid") {
    const NiftiHeader header = read_nifti(fixture("nifti/sform_first.nii")).header;
    const Point3 there = header.to_voxel(header.to_mm({0.5, -7, 12}));
    CHECK_THAT(torch::tensor({there[0], there[1], there[2]}, at::kDouble), AllClose(torch::tensor({0.5, -7.0, 12.0}, at::kDouble)));
  }
  SECTION("units become millimetres") {
    CHECK(read_bytes(dir, with(good, 123, "\x01")).header.voxel_mm == Point3{2000, 2000, 2000});
    CHECK_THAT(read_bytes(dir, with(good, 123, "\x13")).header.to_mm({0, 0, 0})[1], WithinAbs(-0.003, 1e-12));  // micrometres; time in other bits
  }
  SECTION("without codes, sides are not known") {
    const NiftiHeader header = read_bytes(dir, with(good, 252, raw(int16_t{0}))).header;
    CHECK(header.placement == NiftiPlacement::none);
    CHECK(header.to_mm({1, 1, 1}) == Point3{2, 2, 2});
  }
  SECTION("scaling that means none") {
    for (const float slope : {0.f, kNan, kInfinity}) {
      const NiftiVolume volume = read_bytes(dir, with(with(good, 112, raw(slope)), 116, raw(7.f)));
      CHECK(volume.header.slope == 1);
      CHECK(volume.values.scalar_type() == at::kByte);
    }
    CHECK_THAT(read_bytes(dir, with(with(good, 112, raw(2.f)), 116, raw(-1.f))).values[1][2][1], AllClose(torch::tensor(23.f)));
  }
  SECTION("extensions are stepped over") {
    const std::string extension = raw(int32_t{16}) + raw(int32_t{6}) + "comment.";
    const std::string longer = with(with(good.substr(0, 352), 348, "\x01"), 108, raw(368.f)) + extension + good.substr(352);
    CHECK_THAT(read_bytes(dir, longer).values, SameBits(read_bytes(dir, good).values));
  }
}

TEST_CASE("NIfTI files that must be rejected", "[io]") {
  const TempDir dir;
  const std::string good = small_file(), data = good.substr(352);
  const auto shape = [&](const std::vector<int16_t>& sizes) {
    std::string bytes = with(good, 40, raw(static_cast<int16_t>(sizes.size())));
    for (size_t axis = 0; axis < sizes.size() && axis < 7; ++axis) bytes = with(bytes, 42 + 2 * axis, raw(sizes[axis]));
    return bytes;
  };
  const auto type = [&](int16_t code, int16_t bits) { return with(with(good, 70, raw(code)), 72, raw(bits)); };
  const auto extended = [&](int32_t size) {
    return with(with(good.substr(0, 352), 348, "\x01"), 108, raw(368.f)) + raw(size) + std::string(12, 'e') + data;
  };
  const std::string sform = with(with(with(good, 254, raw(int16_t{1})), 280, raw(1.f)), 300, raw(1.f));  // its third column is 0
  struct Case {
    std::string what, bytes, message;
  };
  const std::vector<Case> cases = {
      {"empty", "", "348 more bytes"},
      {"a header cut", good.substr(0, 347), "more bytes"},
      {"a picture", "\x89PNG\r\n" + std::string(400, 'x'), "no NIfTI-1 file"},
      {"no size of the header", with(good, 0, raw(int32_t{0})), "no NIfTI-1 file"},
      {"NIfTI-2", with(good, 0, raw(int32_t{540})), "NIfTI-2"},
      {"NIfTI-2, the other order", with(good, 0, raw(int32_t{0x1c020000})), "NIfTI-2"},
      {"no mark", with(good, 344, std::string(4, '\0')), "Analyze"},
      {"another mark", with(good, 344, "n+2"), "'n+2"},
      {"a mark that is not closed", with(good, 344, "n+1x"), "'n+1x'"},
      {"escape sequences are not echoed", with(good, 344, "\x1b[2J"), "'?[2J'"},
      {"a pair of files", with(good, 344, "ni1"), ".img"},
      {"no axes", with(good, 40, raw(int16_t{0})), "got 0"},
      {"8 axes", with(good, 40, raw(int16_t{8})), "got 8"},
      {"-3 axes", with(good, 40, raw(int16_t{-3})), "got -3"},
      {"a size of 0", shape({2, 0, 2}), "[2, 0, 2]"},
      {"a size below 0", shape({2, 3, -2}), "[2, 3, -2]"},
      {"a product that wraps", shape({32767, 32767, 32767, 32767, 32767, 32767, 32767}), "2^63"},
      {"a product of 2^62", shape({0x4000, 0x4000, 0x4000, 0x4000, 64}), "at most"},
      {"32 TB in twelve bytes", shape({32767, 32767, 32767}), "at most"},
      {"1 GB in twelve bytes", shape({1024, 1024, 1023}), "it is cut"},
      {"a byte more than there is", shape({13}), "it is cut"},
      {"binary", type(1, 1), "got 1"},
      {"complex", type(32, 64), "got 32"},
      {"RGB", type(128, 24), "got 128"},
      {"long double", type(1536, 128), "got 1536"},
      {"no type", type(0, 0), "got 0"},
      {"a type below 0", type(-2, 8), "got -2"},
      {"bits of another type", type(4, 8), "16 bits"},
      {"values inside the header", with(good, 108, raw(0.f)), "got 0"},
      {"values at 351", with(good, 108, raw(351.f)), "got 351"},
      {"values between bytes", with(good, 108, raw(352.5f)), "got 352.5"},
      {"values at NaN", with(good, 108, raw(kNan)), "got nan"},
      {"values before the start", with(good, 108, raw(-352.f)), "got -352"},
      {"values at 1e30", with(good, 108, raw(1e30f)), "e+30"},
      {"values at 16 MiB", with(good, 108, raw(16777216.f)), "it is cut"},
      {"an extension past the end", extended(32), "got 32"},
      {"an extension of 0 bytes", extended(0), "got 0"},
      {"an extension below 0", extended(-16), "got -16"},
      {"an extension of 2^31 - 1 bytes", extended(2147483647), "got 2147483647"},
      {"a quaternion of length 2", with(good, 256, raw(2.f)), "quaternion"},
      {"a quaternion of NaN", with(good, 256, raw(kNan)), "quaternion"},
      {"an infinite offset", with(good, 268, raw(kInfinity)), "finite affine"},
      {"voxels of 0 mm", with(good, 84, raw(0.f)), "three dimensions"},
      {"voxels of NaN", with(good, 80, raw(kNan)), "finite affine"},
      {"a flat sform", sform, "three dimensions"},
      {"an infinite sform", with(sform, 280, raw(kInfinity)), "finite affine"},
      {"a NaN intercept", with(with(good, 112, raw(1.f)), 116, raw(kNan)), "finite intercept"},
      {"a slope that leaves floats", with(good, 112, raw(3e38f)), "float's range"},
      {"data cut", good.substr(0, good.size() - 1), "it is cut"},
      {"a byte too many", good + "x", "more bytes"},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    CHECK_THROWS_AS(read_bytes(dir, c.bytes), DataError);
    CHECK_THROWS_WITH(read_bytes(dir, c.bytes), ContainsSubstring((dir / "x").string()) && ContainsSubstring(c.message));
  }
  CHECK_THROWS_WITH(read_bytes(dir, good, {.max_bytes = 11}), ContainsSubstring("at most 11 bytes"));
  CHECK_NOTHROW(read_bytes(dir, good, {.max_bytes = 12}));
  CHECK_THROWS_AS(read_nifti(dir.path()), IoError);
  CHECK_THROWS_AS(read_nifti(dir / "none"), IoError);

  SECTION("gzip bombs: more content than the header says, and a header that says more than can be") {
    write_gzip(dir / "z", good + std::string(60 << 20, '\0'));
    {
      const PeakMemory peak;
      CHECK_THROWS_WITH(read_nifti(dir / "z"), ContainsSubstring("more bytes"));
      CHECK(peak.bytes().value_or(0) <= 16 << 20);
    }
    write_gzip(dir / "z", shape({1024, 1024, 1023}));
    const PeakMemory peak;
    CHECK_THROWS_WITH(read_nifti(dir / "z"), ContainsSubstring("cannot"));
    CHECK(peak.bytes().value_or(0) <= 16 << 20);
  }
}

TEST_CASE("NIfTI files cut at every length and with every bit flipped", "[io]") {
  const TempDir dir;
  const auto load = [](const fs::path& path) { read_nifti(path).values.clone(); };
  for (const std::string& bytes :
       {small_file(), read_text_file(fixture("nifti/extension.nii"), 4096), read_text_file(fixture("nifti/packed.nii.gz"), 4096)}) {
    CHECK(cut_everywhere(dir / "x", bytes, load).loaded == 0);
    const MutationCounts flipped = flip_every_bit(dir / "x", bytes, load);
    CHECK(flipped.loaded > 0);  // a name, a point: bits that no check sum guards
    CHECK(flipped.rejected > 200);
  }
}

TEST_CASE("the template and the atlas as the distribution ships them", "[io]") {
  const fs::path folder = "/usr/share/mricron/templates";
  if (!fs::exists(folder / "aal.nii.gz")) {
    WARN("not installed (package mricron-data): skipped");
    return;
  }
  const NiftiVolume atlas = read_nifti(folder / "aal.nii.gz");
  CHECK(atlas.header.shape == std::vector<int64_t>{181, 217, 181});
  CHECK(atlas.header.voxel_mm == Point3{1, 1, 1});
  CHECK(atlas.values.max().item<int>() == 116);
  const auto labels = read_label_table(folder / "aal.nii.txt");
  REQUIRE(labels.size() == 116);
  CHECK(labels[0].name == "Precentral_L");
  for (const auto& [value, side] : std::vector<std::pair<int64_t, double>>{{1, -1}, {2, 1}}) {  // left is where x is below 0
    const Tensor places = atlas.values.eq(value).nonzero().to(at::kDouble).mean(0);
    CHECK(atlas.header.to_mm({places[0].item<double>(), places[1].item<double>(), places[2].item<double>()})[0] * side > 20);
  }
}

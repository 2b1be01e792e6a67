// SPDX-License-Identifier: Apache-2.0
// Stands in for image_file.cpp and its codecs in a build without image files.
#include <alloy/core/check.hpp>
#include <alloy/io/image_file.hpp>

namespace alloy {

namespace {

[[noreturn]] void refuse(std::string_view where) {
  fail<ConfigError>("[{}] expected a build with image files, got one without: configure alloy with -DALLOY_WITH_IMAGE_FILES=ON", {where});
}

}  // namespace

Image read_image(const std::filesystem::path& path, ImageMode, const ImageLimits&) { refuse(path.string()); }
Image decode_image(std::span<const std::byte>, std::string_view where, ImageMode, const ImageLimits&) { refuse(where); }
ImageInfo probe_image(const std::filesystem::path& path, const ImageLimits&) { refuse(path.string()); }
ImageInfo probe_image(std::span<const std::byte>, std::string_view where, const ImageLimits&) { refuse(where); }
std::string encode_png(const Image&) { refuse("encode_png"); }

}  // namespace alloy

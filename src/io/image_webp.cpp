// SPDX-License-Identifier: Apache-2.0
#include "io/detail/image_codecs.hpp"

#include <webp/decode.h>

namespace alloy::detail {

namespace {

const uint8_t* data_of(Bytes bytes) { return reinterpret_cast<const uint8_t*>(bytes.data()); }

WebPBitstreamFeatures features_of(Bytes bytes, std::string_view where) {
  WebPBitstreamFeatures features = {};
  const bool valid = WebPGetFeatures(data_of(bytes), bytes.size(), &features) == VP8_STATUS_OK;
  check<DataError>(valid, "[{}] expected a WebP header, got one that is cut or damaged", {where});
  return features;
}

/// The EXIF chunk of a file whose chunks start behind "RIFF", size and "WEBP".
Bytes exif_of(Bytes file) {
  for (size_t at = 12; file.size() - at >= 8;) {
    const size_t length = little32(file, at + 4), left = file.size() - at - 8;
    if (length > left) break;
    if (text_at(file, at, "EXIF")) return file.subspan(at + 8, length);
    if (length + length % 2 > left) break;
    at += 8 + length + length % 2;
  }
  return {};
}

}  // namespace

ImageInfo probe_webp(Bytes bytes, std::string_view where) {
  const WebPBitstreamFeatures features = features_of(bytes, where);
  return {.format = ImageFormat::webp, .width = features.width, .height = features.height};
}

StoredImage decode_webp(Bytes bytes, std::string_view where) {
  const WebPBitstreamFeatures features = features_of(bytes, where);
  const size_t size = little32(bytes, 4);
  check<DataError>(size >= 4 && size <= bytes.size() - 8, "[{}] expected a whole WebP of {} bytes, got {}", {where, size + 8, bytes.size()});
  check<DataError>(features.has_animation == 0, "[{}] expected a still WebP, got an animation", {where});
  const Bytes file = bytes.first(size + 8);
  StoredImage result{.image = {.width = features.width, .height = features.height, .channels = features.has_alpha != 0 ? 4 : 3},
                     .orientation = exif_orientation(exif_of(file))};
  auto& [width, height, channels, pixels] = result.image;
  const int row_size = static_cast<int>(width * channels);  // a side is at most 16,384
  pixels.resize(static_cast<size_t>(row_size) * static_cast<size_t>(height));
  const auto decode = channels == 4 ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  const bool done = decode(data_of(file), file.size(), pixels.data(), pixels.size(), row_size) != nullptr;
  check<DataError>(done, "[{}] expected a whole WebP, got one that is cut or damaged", {where});
  return result;
}

}  // namespace alloy::detail

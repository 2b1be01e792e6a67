// SPDX-License-Identifier: Apache-2.0
#include "io/detail/gzip.hpp"

#include <array>
#include <limits>
#include <zlib.h>

namespace alloy::detail {

struct ByteStream::Inflater {
  z_stream stream{};
  std::array<std::byte, 1 << 16> input;
  bool ended = false;
};

ByteStream::ByteStream(const std::filesystem::path& path) : file_(path) {
  std::array<std::byte, 2> mark{};
  if (file_.size() < mark.size()) return;
  file_.read(0, mark);
  if (mark != std::array{std::byte{0x1f}, std::byte{0x8b}}) return;
  inflater_ = std::make_unique<Inflater>();
  constexpr int kGzipOnly = 16;
  if (inflateInit2(&inflater_->stream, MAX_WBITS + kGzipOnly) != Z_OK) {
    inflater_ = nullptr;
    throw std::bad_alloc();
  }
}

ByteStream::~ByteStream() {
  if (inflater_) inflateEnd(&inflater_->stream);
}

uint64_t ByteStream::max_content() const {
  constexpr uint64_t kBestRatio = 1032;
  if (!inflater_) return file_.size();
  return file_.size() > std::numeric_limits<uint64_t>::max() / kBestRatio ? std::numeric_limits<uint64_t>::max() : file_.size() * kBestRatio;
}

/// 0 only at the end.
size_t ByteStream::read_some(std::span<std::byte> out) {
  if (out.empty()) return 0;
  if (!inflater_) {
    const size_t count = static_cast<size_t>(std::min<uint64_t>(out.size(), file_.size() - position_));
    file_.read(position_, out.first(count));
    position_ += count;
    return count;
  }
  z_stream& stream = inflater_->stream;
  out = out.first(std::min<size_t>(out.size(), 1 << 30));  // zlib counts in 32 bits
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  while (!inflater_->ended && stream.avail_out == out.size()) {
    if (stream.avail_in == 0) {
      const size_t count = static_cast<size_t>(std::min<uint64_t>(inflater_->input.size(), file_.size() - position_));
      check<DataError>(count > 0, "[gzip] expected more compressed data in {}, got its end: the file is cut", {file_.path()});
      file_.read(position_, std::span(inflater_->input).first(count));
      position_ += count;
      stream.next_in = reinterpret_cast<Bytef*>(inflater_->input.data());
      stream.avail_in = static_cast<uInt>(count);
    }
    const int result = inflate(&stream, Z_NO_FLUSH);
    inflater_->ended = result == Z_STREAM_END;
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    check<DataError>(result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR, "[gzip] expected intact compressed data in {}, got: {}",
                     {file_.path(), stream.msg != nullptr ? stream.msg : "damaged data"});
  }
  return out.size() - stream.avail_out;
}

void ByteStream::read(std::span<std::byte> out) {
  while (!out.empty()) {
    const size_t count = read_some(out);
    check<DataError>(count > 0, "[read] expected {} more bytes in {}, got its end", {out.size(), file_.path()});
    out = out.subspan(count);
  }
}

void ByteStream::expect_end() {
  std::array<std::byte, 1> more{};
  const bool more_content = read_some(more) > 0;
  const bool more_file = position_ < file_.size() || (inflater_ && inflater_->stream.avail_in > 0);
  check<DataError>(!more_content && !more_file, "[read] expected {} to end where its header says, got more bytes", {file_.path()});
}

}  // namespace alloy::detail

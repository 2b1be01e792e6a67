// SPDX-License-Identifier: Apache-2.0
#include <alloy/core/check.hpp>
#include <alloy/eval/tensorboard.hpp>

#include "eval/detail/event_encoding.hpp"
#include "io/detail/syscalls.hpp"
#include "core/detail/utf8.hpp"

#include <array>
#include <chrono>
#include <cmath>
#include <fcntl.h>
#include <limits>
#include <unistd.h>

namespace alloy {

namespace {

namespace fs = std::filesystem;
using detail::errno_text;
using detail::retry;
using detail::syscalls;

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

/// The name of this machine, of letters, digits and `-_.` only; it becomes part of a file name.
std::string host_name() {
  std::array<char, 256> buffer{};
  if (::gethostname(buffer.data(), buffer.size() - 1) != 0) return "localhost";
  std::string name(buffer.data());
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (!plain) c = '_';
  }
  return name.empty() ? "localhost" : name;
}

/// Opens a file that is not there yet: writers of one process and second differ by the last number.
int open_new(const fs::path& folder, fs::path& file) {
  const std::string stem = format_message("events.out.tfevents.{}.{}.{}.", {static_cast<int64_t>(now()), host_name(), static_cast<int64_t>(::getpid())});
  for (int64_t number = 0;; ++number) {
    file = folder / (stem + std::to_string(number));
    const int descriptor = retry([&] { return syscalls().open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666); });
    if (descriptor >= 0) return descriptor;
    if (errno != EEXIST) fail<IoError>("[TensorBoardWriter] cannot create {}: {}", {file, errno_text()});
  }
}

/// The nearest float; beyond its range, infinity.
float to_float(double value) {
  constexpr double kMost = std::numeric_limits<float>::max();
  if (std::isfinite(value) && std::abs(value) > kMost) return std::copysign(std::numeric_limits<float>::infinity(), value > 0 ? 1.0f : -1.0f);
  return static_cast<float>(value);
}

}  // namespace

TensorBoardWriter::TensorBoardWriter(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail<IoError>("[TensorBoardWriter] cannot make the folder {}: {}", {folder, error.message()});
  descriptor_ = open_new(folder, file_);
  pending_ = detail::record_frame(detail::version_event(now()));
  try {
    flush();
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

TensorBoardWriter::~TensorBoardWriter() {
  try {
    flush();
  } catch (...) {  // a destructor must not throw; who wants to know calls flush
  }
  ::close(descriptor_);
}

void TensorBoardWriter::add_scalar(std::string_view tag, double value, int64_t step) {
  add(tag, detail::scalar_value(detail::valid_utf8(tag), to_float(value)), step);
}

void TensorBoardWriter::add_image(std::string_view tag, const Image& image, int64_t step) {
  add(tag, detail::image_value(detail::valid_utf8(tag), image.height, image.width, image.channels, encode_png(image)), step);
}

void TensorBoardWriter::add_text(std::string_view tag, std::string_view markdown, int64_t step) {
  add(tag, detail::text_value(detail::valid_utf8(tag), detail::valid_utf8(markdown)), step);
}

void TensorBoardWriter::add(std::string_view tag, const std::string& value, int64_t step) {
  constexpr size_t kMostPending = 1 << 20;
  check<ConfigError>(!tag.empty(), "[TensorBoardWriter] expected a tag, got an empty one");
  pending_ += detail::record_frame(detail::summary_event(now(), step, value));
  if (pending_.size() >= kMostPending) flush();
}

// Readers stop at a record that is cut, so nothing may follow one.
void TensorBoardWriter::drop_cut_record() {
  if (retry([&] { return syscalls().truncate(descriptor_, static_cast<off_t>(written_)); }) != 0)
    fail<IoError>("[TensorBoardWriter] cannot cut {} back to its whole records: {}", {file_, errno_text()});
  cut_ = false;
}

void TensorBoardWriter::flush() {
  if (cut_) drop_cut_record();
  for (std::string_view rest = pending_; !rest.empty();) {
    const ssize_t count = retry([&] { return syscalls().write(descriptor_, rest.data(), rest.size()); });
    if (count == 0) errno = EIO;  // no system does so; going on would never end
    if (count <= 0) {
      const std::string reason = errno_text();
      cut_ = true;
      drop_cut_record();
      fail<IoError>("[TensorBoardWriter] cannot write {}: {}", {file_, reason});
    }
    rest.remove_prefix(static_cast<size_t>(count));
  }
  written_ += static_cast<int64_t>(pending_.size());
  pending_.clear();
}

}  // namespace alloy

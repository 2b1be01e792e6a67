// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Scalars, pictures and texts of a training run for TensorBoard (`tensorboard --logdir folder`), which shows them while
/// the run goes on. Writes its event files: TFRecord frames with masked CRC-32C around `Event` messages, first of all
/// the version "brain.Event:2".
///
///     TensorBoardWriter board("runs/first");
///     board.add_scalar("loss/train", loss, step);
///     board.flush();   // once a period

#include <alloy/io/image_file.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace alloy {

/// One new file in a folder, append-only. `add_*` keeps records in memory; `flush` hands them to the system, as do 1 MiB of
/// them and the destructor, which cannot say that it failed. Not synced: a crash of the process loses what was not
/// flushed, a power cut perhaps a little more. For one thread at a time.
///
/// Texts and tags are UTF-8; a malformed byte becomes U+FFFD. Tags of one prefix before a `/` share a section of the page.
class ALLOY_API TensorBoardWriter {
 public:
  /// Makes the folder, and in it a file `events.out.tfevents.SECONDS.HOST.PROCESS.NUMBER` with the version record.
  /// @throws IoError if that cannot be done
  explicit TensorBoardWriter(const std::filesystem::path& folder);
  ~TensorBoardWriter();
  TensorBoardWriter(const TensorBoardWriter&) = delete;
  TensorBoardWriter& operator=(const TensorBoardWriter&) = delete;

  /// @param value  kept as float32; NaN and infinities are allowed and shown as such
  /// @throws ConfigError for an empty tag; IoError as `flush`
  void add_scalar(std::string_view tag, double value, int64_t step);
  /// @param image  1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA) channels; kept as PNG
  /// @throws ShapeError if sizes and pixels disagree; ConfigError where built without image files
  void add_image(std::string_view tag, const Image& image, int64_t step);
  /// @param markdown  the page shows it as Markdown, without scripts
  void add_text(std::string_view tag, std::string_view markdown, int64_t step);
  /// @throws IoError (no space, a failing disk). The file still ends with a whole record, and what could not be written
  ///         stays in memory for the next flush.
  void flush();

  const std::filesystem::path& file() const { return file_; }

 private:
  void add(std::string_view tag, const std::string& value, int64_t step);
  void drop_cut_record();

  std::filesystem::path file_;
  int descriptor_ = -1;
  int64_t written_ = 0;  ///< bytes of whole records in the file
  bool cut_ = false;     ///< a part of a record may stand behind them
  std::string pending_;
};

}  // namespace alloy

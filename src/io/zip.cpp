// SPDX-License-Identifier: Apache-2.0
#include "io/detail/zip.hpp"

#include "io/detail/message.hpp"

#include <unordered_set>
#include <zip.h>

namespace alloy::detail {

struct ZipReader::Archive {
  const InputFile* input = nullptr;
  uint64_t position = 0;
  zip_error_t error{};
  zip_t* zip = nullptr;
  zip_file_t* member = nullptr;
  std::string name;

  ~Archive() {
    if (member != nullptr) zip_fclose(member);
    if (zip != nullptr) zip_discard(zip);
    zip_error_fini(&error);
  }

  /// What libzip calls to read: the file that is already open and known to be a regular one.
  static zip_int64_t serve(void* state, void* data, zip_uint64_t length, zip_source_cmd_t command) {
    auto& self = *static_cast<Archive*>(state);
    const uint64_t size = self.input->size();
    switch (command) {
      case ZIP_SOURCE_OPEN: self.position = 0; return 0;
      case ZIP_SOURCE_READ: {
        const size_t count = static_cast<size_t>(std::min<uint64_t>(length, size - self.position));
        try {
          self.input->read(self.position, {static_cast<std::byte*>(data), count});
        } catch (const std::exception&) {  // must not pass through C
          zip_error_set(&self.error, ZIP_ER_READ, 0);
          return -1;
        }
        self.position += count;
        return static_cast<zip_int64_t>(count);
      }
      case ZIP_SOURCE_STAT: {
        auto* info = static_cast<zip_stat_t*>(data);
        zip_stat_init(info);
        info->size = size;
        info->valid |= ZIP_STAT_SIZE;
        return sizeof(*info);
      }
      case ZIP_SOURCE_SEEK: {
        const zip_int64_t target = zip_source_seek_compute_offset(self.position, size, data, length, &self.error);
        if (target < 0) return -1;
        self.position = static_cast<uint64_t>(target);
        return 0;
      }
      case ZIP_SOURCE_TELL: return static_cast<zip_int64_t>(self.position);
      case ZIP_SOURCE_ERROR: return zip_error_to_data(&self.error, data, length);
      case ZIP_SOURCE_CLOSE:
      case ZIP_SOURCE_FREE: return 0;
      case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR,
                                              ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, ZIP_SOURCE_SUPPORTS, -1);
      default: zip_error_set(&self.error, ZIP_ER_OPNOTSUPP, 0); return -1;
    }
  }
};

ZipReader::ZipReader(const std::filesystem::path& path) : file_(path), archive_(std::make_unique<Archive>()) {
  constexpr size_t kMaxMembers = 100'000;
  constexpr uint64_t kBestRatio = 1032;  // of deflate
  constexpr uint64_t kSmallest = 22;  // an archive of no members; libzip takes an empty file for one
  check<DataError>(file_.size() >= kSmallest, "[zip] expected {} to be a zip archive, got {} bytes", {path, file_.size()});
  archive_->input = &file_;
  zip_error_init(&archive_->error);
  zip_error_t error{};
  zip_error_init(&error);
  zip_source_t* source = zip_source_function_create(&Archive::serve, archive_.get(), &error);
  if (source != nullptr) archive_->zip = zip_open_from_source(source, ZIP_RDONLY, &error);
  const std::string reason = archive_->zip == nullptr ? zip_error_strerror(&error) : "";
  if (archive_->zip == nullptr && source != nullptr) zip_source_free(source);
  zip_error_fini(&error);
  check<DataError>(archive_->zip != nullptr, "[zip] expected {} to be a zip archive, got: {}", {path, reason});

  const auto count = static_cast<uint64_t>(std::max<zip_int64_t>(zip_get_num_entries(archive_->zip, 0), 0));
  check<DataError>(count <= kMaxMembers, "[zip] expected at most {} members in {}, got {}", {kMaxMembers, path, count});
  std::unordered_set<std::string> names;
  uint64_t left = file_.size();
  for (uint64_t index = 0; index < count; ++index) {
    zip_stat_t info;
    zip_stat_init(&info);
    constexpr zip_uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    check<DataError>(zip_stat_index(archive_->zip, index, ZIP_FL_UNCHANGED, &info) == 0 && (info.valid & kNeeded) == kNeeded,
                     "[zip] expected name, sizes and method of member {} of {}", {index, path});
    const std::string name = info.name;
    check<DataError>(info.encryption_method == ZIP_EM_NONE && (info.comp_method == ZIP_CM_STORE || info.comp_method == ZIP_CM_DEFLATE),
                     "[zip] expected members stored or deflated, got method {}, encryption {} for '{}' of {}",
                     {info.comp_method, info.encryption_method, shown(name), path});
    // Members that share their bytes are how an archive of kilobytes unpacks to petabytes.
    const bool fits = info.comp_size <= left && info.size / kBestRatio <= info.comp_size;
    check<DataError>(fits && (info.comp_method == ZIP_CM_DEFLATE || info.size == info.comp_size),
                     "[zip] expected members that fit into {}, got {} bytes compressed to {} for '{}'", {path, info.size, info.comp_size, shown(name)});
    left -= info.comp_size;
    check<DataError>(names.insert(name).second, "[zip] expected each name once in {}, got '{}' twice", {path, shown(name)});
    members_.push_back({name, info.size});
  }
}

ZipReader::~ZipReader() = default;

void ZipReader::open(size_t index) {
  if (archive_->member != nullptr) zip_fclose(archive_->member);
  archive_->name = shown(members_.at(index).name);
  archive_->member = zip_fopen_index(archive_->zip, index, ZIP_FL_UNCHANGED);
  check<DataError>(archive_->member != nullptr, "[zip] cannot open '{}' of {}: {}", {archive_->name, file_.path(), zip_strerror(archive_->zip)});
}

void ZipReader::read(std::span<std::byte> out) {
  while (!out.empty()) {
    const zip_int64_t got = zip_fread(archive_->member, out.data(), out.size());
    check<DataError>(got > 0, "[zip] expected {} more bytes in '{}' of {}, got: {}",
                     {out.size(), archive_->name, file_.path(), got == 0 ? "its end" : zip_error_strerror(zip_file_get_error(archive_->member))});
    out = out.subspan(static_cast<size_t>(got));
  }
}

void ZipReader::expect_end() {
  std::byte more{};
  const zip_int64_t got = zip_fread(archive_->member, &more, 1);
  check<DataError>(got == 0, "[zip] expected the end of '{}' of {}, got: {}",
                   {archive_->name, file_.path(), got > 0 ? "more bytes" : zip_error_strerror(zip_file_get_error(archive_->member))});
}

}  // namespace alloy::detail

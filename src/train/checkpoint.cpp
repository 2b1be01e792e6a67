// SPDX-License-Identifier: Apache-2.0
#include <alloy/train/checkpoint.hpp>

#include <alloy/core/json.hpp>
#include <alloy/core/log.hpp>
#include <alloy/io/atomic_write.hpp>
#include <alloy/io/digest.hpp>
#include <alloy/io/file.hpp>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <set>
#include <sys/file.h>
#include <unistd.h>

namespace alloy {

namespace {

namespace fs = std::filesystem;
constexpr auto kManifest = "manifest.json";
constexpr auto kFormat = "alloy_checkpoint";
constexpr std::string_view kPrefix = "step-", kDiscarded = ".discarded-";
constexpr uint64_t kMaxManifestBytes = 16u << 20;

/// The step in a folder's name, if it is one of ours.
std::optional<int64_t> step_of(const fs::path& folder) {
  const std::string name = folder.filename().string();
  if (!name.starts_with(kPrefix)) return std::nullopt;
  int64_t step = 0;
  const auto [end, error] = std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), step);
  return error == std::errc() && end == name.data() + name.size() ? std::optional(step) : std::nullopt;
}

std::vector<fs::path> checkpoints_in(const fs::path& folder) {
  std::vector<std::pair<int64_t, fs::path>> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (const auto step = step_of(it->path()); step && it->is_directory(error)) found.emplace_back(*step, it->path());
  std::ranges::sort(found);
  std::vector<fs::path> folders;
  for (auto& item : found) folders.push_back(std::move(item.second));
  return folders;
}

/// Of the manifest without its own digest, so that a changed step, score or state is noticed as a changed file is.
std::string digest_of(const Config& manifest) {
  Config bare = Config::object();
  for (const auto& [name, value] : manifest.as_object())
    if (name != "digest") bare.set(name, value);
  return sha256(to_json(bare, -1));
}

Config describe_files(const fs::path& folder) {
  Config files = Config::object();
  std::set<std::string> names;
  try {
    for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
    for (const std::string& name : names)
      files.set(name, Config::object({{"bytes", Config(static_cast<int64_t>(fs::file_size(folder / name)))}, {"sha256", Config(sha256_of_file(folder / name))}}));
  } catch (const fs::filesystem_error& e) {
    fail<IoError>("[CheckpointStore] cannot read back what was written to {}: {}", {folder, e.code().message()});
  }
  return files;
}

/// Takes the name away before the content, so that a crash leaves no checkpoint that is half there.
void discard(const fs::path& folder) {
  std::error_code ignored;  // what stays is cleared by the next store
  const fs::path hidden = folder.parent_path() / (std::string(kDiscarded) + folder.filename().string());
  fs::rename(folder, hidden, ignored);
  fs::remove_all(hidden, ignored);
}

void clear_discarded(const fs::path& folder) {
  std::vector<fs::path> left;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (it->path().filename().string().starts_with(kDiscarded)) left.push_back(it->path());
  for (const fs::path& path : left) fs::remove_all(path, error);
}

void check_file(const fs::path& path, const Config& expected) {
  std::error_code error;
  check<DataError>(fs::is_regular_file(path, error), "[{}] expected the file that the checkpoint's manifest names, got none", {path});
  const auto bytes = static_cast<int64_t>(fs::file_size(path, error));
  const int64_t wanted = expected.at("bytes").as_int();
  check<DataError>(!error && bytes == wanted, "[{}] expected the {} bytes that were written, got {}: the file is damaged or of another checkpoint", {path, wanted, bytes});
  check<DataError>(sha256_of_file(path) == expected.at("sha256").as_string(), "[{}] expected the content that was written, got another: the file is damaged or of another checkpoint", {path});
}

}  // namespace

void CheckpointStoreOptions::validate() const { check<ConfigError>(keep_last > 0, "[CheckpointStore] expected keep_last > 0, got {}", {keep_last}); }

Checkpoint read_checkpoint(const fs::path& folder) {
  recover_folder(folder);
  const fs::path file = folder / kManifest;
  const Config manifest = parse_json(read_text_file(file, kMaxManifestBytes), file.string());
  try {
    check<DataError>(manifest.at("format").as_string() == kFormat, "[{}] expected the manifest of a checkpoint, got '{}'", {file, manifest.at("format").as_string()});
    const int64_t version = manifest.at("format_version").as_int();
    check<DataError>(version == kCheckpointFormatVersion, "[{}] expected format version {}, got {}", {file, kCheckpointFormatVersion, version});
    check<DataError>(manifest.at("digest").as_string() == digest_of(manifest), "[{}] expected the manifest that was written, got another: it is damaged", {file});
    for (const auto& [name, expected] : manifest.at("files").as_object()) check_file(folder / name, expected);
    Checkpoint checkpoint{.folder = folder, .step = manifest.at("step").as_int(), .score = {}, .state = manifest.at("state")};
    if (!manifest.at("score").is_null()) checkpoint.score = manifest.at("score").as_double();
    return checkpoint;
  } catch (const ConfigError& error) {  // a member that is missing or of another type
    fail<DataError>("[{}] expected the manifest of a checkpoint, got another: {}", {file, error.what()});
  }
}

std::optional<Checkpoint> latest_checkpoint(const fs::path& folder) {
  std::string first_reason;
  const auto all = checkpoints_in(folder);
  for (auto it = all.rbegin(); it != all.rend(); ++it) {
    try {
      return read_checkpoint(*it);
    } catch (const Error& error) {
      if (first_reason.empty()) first_reason = error.what();
      log_message(LogLevel::warning, format_message("[checkpoint] {} is passed by: {}", {*it, error.what()}));
    }
  }
  check<DataError>(all.empty(), "[{}] expected a whole checkpoint among {}, got none: {}", {folder, static_cast<int64_t>(all.size()), first_reason});
  return std::nullopt;
}

CheckpointStore::CheckpointStore(fs::path folder, CheckpointStoreOptions options) : folder_(std::move(folder)), options_(options) {
  options_.validate();
  std::error_code error;
  check<IoError>(!fs::is_symlink(folder_, error), "[CheckpointStore] expected a folder of its own for checkpoints, got the symbolic link {}", {folder_});
  fs::create_directories(folder_, error);
  check<IoError>(!error && fs::is_directory(folder_), "[CheckpointStore] cannot make the folder {}: {}", {folder_, error ? error.message() : "it is a file"});
  lock_ = ::open((folder_ / ".lock").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  check<IoError>(lock_ >= 0, "[CheckpointStore] cannot write into {}: {}", {folder_, std::strerror(errno)});
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {  // file systems without locks go without
    ::close(lock_);
    fail<IoError>("[CheckpointStore] another training is at work on {}; give each a folder of its own", {folder_});
  }
  clear_discarded(folder_);
}

CheckpointStore::~CheckpointStore() { ::close(lock_); }

std::string CheckpointStore::name_of(int64_t step) { return fmt::format("{}{:08}", kPrefix, step); }

std::vector<fs::path> CheckpointStore::list() const { return checkpoints_in(folder_); }

fs::path CheckpointStore::save(int64_t step, const Config& state, std::optional<double> score, const std::function<void(const fs::path&)>& fill) {
  const fs::path target = folder_ / name_of(step);
  replace_folder(target, [&](const fs::path& temporary) {
    fill(temporary);
    Config manifest = Config::object();
    manifest.set("format", kFormat);
    manifest.set("format_version", kCheckpointFormatVersion);
    manifest.set("step", step);
    manifest.set("score", score ? Config(*score) : Config());
    manifest.set("state", state);
    manifest.set("files", describe_files(temporary));
    manifest.set("digest", digest_of(manifest));
    write_file(temporary / kManifest, to_json(manifest) + "\n");
  });
  prune(target);
  return target;
}

void CheckpointStore::prune(const fs::path& newest) {
  auto all = list();
  // A training that was taken up at an earlier step overtakes its own past.
  const auto place = std::ranges::find(all, newest);
  std::set<fs::path> stay;
  for (auto it = std::make_reverse_iterator(place == all.end() ? place : place + 1); it != all.rend() && static_cast<int64_t>(stay.size()) < options_.keep_last; ++it) stay.insert(*it);
  if (options_.keep_best) {
    std::optional<std::pair<double, fs::path>> best;
    for (const fs::path& folder : all) {
      try {
        const Config manifest = parse_json(read_text_file(folder / kManifest, kMaxManifestBytes), folder.string());
        const Config* score = manifest.find("score");
        if (score != nullptr && !score->is_null() && (!best || score->as_double() >= best->first)) best.emplace(score->as_double(), folder);
      } catch (const Error&) {
        continue;  // a damaged one is nobody's best
      }
    }
    if (best) stay.insert(best->second);
  }
  for (const fs::path& folder : all)
    if (!stay.contains(folder)) discard(folder);
}

}  // namespace alloy

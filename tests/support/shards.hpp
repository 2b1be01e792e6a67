// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What the tests of shards share: archives of numbered samples, some of them broken, and what a loader reads of them.

#include "support/catch.hpp"
#include "support/mutations.hpp"
#include "support/tar.hpp"

#include <alloy/core.hpp>
#include <alloy/data.hpp>
#include <alloy/io.hpp>

#include <set>

namespace alloy_test {

using namespace alloy;
namespace fs = std::filesystem;

using Files = std::vector<std::pair<std::string, std::string>>;
using Counts = std::map<std::string, int64_t>;

/// A .npy file of one number.
inline std::string npy(float value) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";
  header.resize(117, ' ');
  header += '\n';
  return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

inline ShardModality text(const std::string& extensions = "txt") { return {.name = "text", .extensions = extensions, .kind = "text"}; }
inline ShardModality vector() { return {.name = "vector", .extensions = "npy", .kind = "features"}; }

/// Shards s0.tar, s1.tar ... of `size` samples each; sample k of all has key k, text "k" and vector [k].
inline std::vector<std::string> write_shards(const TempDir& dir, int64_t count, int64_t size, const std::set<int64_t>& broken = {}) {
  std::vector<std::string> paths;
  for (int64_t s = 0; s < count; ++s) {
    Files files;
    for (int64_t k = s * size; k < (s + 1) * size; ++k) {
      std::string content = npy(static_cast<float>(k));
      if (broken.contains(k) && k % 2 == 0) content[0] = 'X';
      if (broken.contains(k) && k % 2 == 1) content.pop_back();
      files.emplace_back(std::to_string(k) + ".npy", content);
      files.emplace_back(std::to_string(k) + ".txt", std::to_string(k) + "\n");
    }
    paths.push_back((dir / ("s" + std::to_string(s) + ".tar")).string());
    write_raw(paths.back(), tar_archive(files));
  }
  return paths;
}

inline ShardDataset one_shard(const TempDir& dir, const std::string& bytes, ShardDatasetOptions options) {
  write_raw(dir / "one.tar", bytes);
  options.shards = {(dir / "one.tar").string()};
  return ShardDataset(options);
}

inline std::vector<std::string> ids_of(const Dataset& data) {
  std::vector<std::string> ids;
  Random random(0);
  for (int64_t i = 0; i < data.size(); ++i) ids.push_back(data.get(i, random).id);
  return ids;
}

inline Tensor bytes_of(const std::string& text) { return torch::tensor(ByteTokenizer().encode(text), torch::kLong); }

struct Read {
  std::vector<std::string> ids;
  std::vector<float> values;
  bool operator==(const Read&) const = default;
};

/// What is left of an epoch, sample by sample; `after_batch` is called behind each batch.
inline Read rest_of(Loader& loader, const std::function<void(int64_t)>& after_batch = {}) {
  Read read;
  LabelledBatch batch;
  for (int64_t k = 0; loader.next(batch); ++k) {
    read.ids.insert(read.ids.end(), batch.ids.begin(), batch.ids.end());
    for (int64_t b = 0; b < batch_size(batch.inputs); ++b) read.values.push_back(batch.inputs.at("vector").values[b][0].item<float>());
    if (after_batch) after_batch(k);
  }
  return read;
}

inline int64_t count_open_shards() {
  int64_t count = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code closed;
    if (fs::read_symlink(entry.path(), closed).extension() == ".tar") ++count;
  }
  return count;
}

}  // namespace alloy_test

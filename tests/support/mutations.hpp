// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Damages a small valid file in every simple way, for parsers of untrusted input.

#include <alloy/core/error.hpp>

#include <filesystem>
#include <fstream>
#include <string>

namespace alloy_test {

struct MutationCounts {
  int loaded = 0, rejected = 0;
};

inline void write_raw(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

/// Calls `load(path)` for the content cut at every length. An alloy::Error counts as rejected; anything else that is
/// thrown passes through.
template <class Load>
MutationCounts cut_everywhere(const std::filesystem::path& path, const std::string& bytes, const Load& load) {
  MutationCounts counts;
  write_raw(path, bytes);
  for (size_t length = bytes.size(); length-- > 0;) {
    std::filesystem::resize_file(path, length);
    try {
      load(path);
      ++counts.loaded;
    } catch (const alloy::Error&) {
      ++counts.rejected;
    }
  }
  return counts;
}

/// The same with every bit flipped in turn.
template <class Load>
MutationCounts flip_every_bit(const std::filesystem::path& path, std::string bytes, const Load& load) {
  MutationCounts counts;
  write_raw(path, bytes);
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  const auto put = [&](size_t at, char byte) { file.seekp(static_cast<std::streamoff>(at)).put(byte).flush(); };
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      put(at, static_cast<char>(bytes[at] ^ (1 << bit)));
      try {
        load(path);
        ++counts.loaded;
      } catch (const alloy::Error&) {
        ++counts.rejected;
      }
    }
    put(at, bytes[at]);
  }
  return counts;
}

}  // namespace alloy_test

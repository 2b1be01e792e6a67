// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Writes tar archives for tests, sound ones and others.

#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace alloy_test {

inline constexpr size_t kTarBlock = 512;

/// The check sum put where it belongs.
inline std::string with_tar_sum(std::string header) {
  header.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  char text[8] = {};
  std::snprintf(text, sizeof text, "%06o", sum);
  header.replace(148, 8, text, 8);
  return header;
}

/// A header of ustar whose size field holds `size_field` as it is, at most 12 bytes.
inline std::string raw_tar_header(const std::string& name, const std::string& size_field, char type = '0') {
  std::string header(kTarBlock, '\0');
  header.replace(0, std::min<size_t>(name.size(), 100), name, 0, 100);
  header.replace(100, 7, "0000644");
  header.replace(124, size_field.size(), size_field);
  header[156] = type;
  header.replace(257, 8, "ustar\00000", 8);
  return with_tar_sum(header);
}
inline std::string tar_header(const std::string& name, uint64_t size, char type = '0') {
  char field[12] = {};
  std::snprintf(field, sizeof field, "%011llo", static_cast<unsigned long long>(size));
  return raw_tar_header(name, std::string(field, 12), type);
}
inline std::string tar_padded(std::string content) {
  content.resize((content.size() + kTarBlock - 1) / kTarBlock * kTarBlock, '\0');
  return content;
}
inline std::string tar_file(const std::string& name, const std::string& content, char type = '0') {
  return tar_header(name, content.size(), type) + tar_padded(content);
}
/// `<length> <key>=<value>\n`
inline std::string pax_record(const std::string& key, const std::string& value) {
  const size_t rest = key.size() + value.size() + 3;
  size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length) ++length;
  return std::to_string(length) + " " + key + "=" + value + "\n";
}
inline std::string pax_header(const std::string& records, char type = 'x') { return tar_file("PaxHeader", records, type); }
inline std::string tar_end() { return std::string(2 * kTarBlock, '\0'); }

/// A whole archive of files, in order.
inline std::string tar_archive(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string bytes;
  for (const auto& [name, content] : files) bytes += tar_file(name, content);
  return bytes + tar_end();
}

}  // namespace alloy_test

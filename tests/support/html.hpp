// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What tests of HTML pages look at.

#include <alloy/core/error.hpp>
#include <alloy/io/image_file.hpp>

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

namespace alloy_test {

/// What is wrong with the nesting of a page, or nothing: every element closed in order, attributes quoted, & escaped.
inline std::string nesting_fault(const std::string& page) {
  const std::vector<std::string> kVoid = {"meta", "br", "img", "col"};
  std::vector<std::string> open;
  for (size_t at = 0; at < page.size(); ++at) {
    if (page[at] == '&') {
      const size_t end = page.find(';', at);
      if (end == std::string::npos || end - at > 8) return "a bare & at " + page.substr(at, 30);
    }
    if (page[at] == '>') return "a bare > after " + page.substr(at < 30 ? 0 : at - 30, 31);
    if (page[at] != '<') continue;
    size_t end = at;
    for (bool quoted = false; end < page.size() && (quoted || page[end] != '>'); ++end) {
      if (page[end] == '"') quoted = !quoted;
      if (page[end] == '<' && end != at) return "a bare < in " + page.substr(at, 60);
    }
    if (end == page.size()) return "no end of " + page.substr(at, 60);
    const std::string tag = page.substr(at + 1, end - at - 1);
    at = end;
    if (tag.rfind("!DOCTYPE", 0) == 0 || tag.back() == '/') continue;
    const std::string name = tag.substr(0, tag.find_first_of(" \n"));
    if (name[0] == '/') {
      if (open.empty() || "/" + open.back() != name) return "<" + name + "> closes " + (open.empty() ? "nothing" : open.back());
      open.pop_back();
    } else if (std::find(kVoid.begin(), kVoid.end(), name) == kVoid.end()) {
      open.push_back(name);
      if (name == "style") at = page.find("</style>", at) - 1;
    }
  }
  return open.empty() ? "" : "never closed: " + open.back();
}

/// The text of a page without tags and style sheet, in lower case.
inline std::string text_of(const std::string& page) {
  std::string text;
  bool inside = false;
  for (size_t at = page.find("<body>"); at < page.size(); ++at) {
    if (page[at] == '<') inside = true;
    if (!inside) text += static_cast<char>(std::tolower(static_cast<unsigned char>(page[at])));
    if (page[at] == '>') inside = false, text += ' ';
  }
  return text;
}

/// False where alloy was built without them.
inline bool has_image_files() {
  try {
    return !alloy::encode_png({.width = 1, .height = 1, .channels = 1, .pixels = {0}}).empty();
  } catch (const alloy::ConfigError&) {
    return false;
  }
}

inline size_t times(const std::string& page, const std::string& what) {
  size_t count = 0;
  for (size_t at = page.find(what); at != std::string::npos; at = page.find(what, at + 1)) ++count;
  return count;
}

}  // namespace alloy_test

// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What the examples of alignment do alike: unknown flags are refused, places for results are tried before anything is computed, results
/// come line by line, errors are one line on standard error. Exit codes: 0; 1 for an error and for other results than expected; 2 for wrong
/// arguments and for places that cannot be written.

#include <alloy/core/check.hpp>
#include <alloy/io/atomic_write.hpp>

#include <algorithm>
#include <cstdio>
#include <map>

namespace example {

using alloy::ConfigError, alloy::IoError;

enum class Place { none, file, folder };  ///< what is to be written there; a folder is made
struct Flag {
  std::string name, about;
  std::vector<std::string> values = {};    ///< as the usage names them
  Place place = Place::none;               ///< of the first value
  std::vector<std::string> not_with = {};  ///< flags that make no sense beside it
};
inline Flag full_flag(const std::string& about) { return {"--full", about}; }
inline Flag report_flag() { return {"--report", "writes a page of the results", {"FILE.html"}, Place::file}; }

struct Arguments {
  std::map<std::string, std::vector<std::string>> given = {};  ///< values by flag
  bool has(const std::string& flag) const { return given.contains(flag); }
  std::string value(const std::string& flag, size_t i = 0) const { return has(flag) ? given.at(flag).at(i) : ""; }  ///< empty = not given
};

/// @throws ConfigError
inline Arguments read_arguments(const std::vector<std::string>& words, const std::vector<Flag>& flags) {
  Arguments out;
  for (size_t i = 0; i < words.size(); ++i) {
    const auto flag = std::ranges::find(flags, words[i], &Flag::name);
    alloy::check<ConfigError>(flag != flags.end(), "expected one of the flags below, got '{}'", {words[i]});
    alloy::check<ConfigError>(!out.has(flag->name), "expected {} once, got it twice", {words[i]});
    std::vector<std::string>& values = out.given[flag->name];
    for (const std::string& value : flag->values) {
      alloy::check<ConfigError>(++i < words.size() && !words[i].empty() && !words[i].starts_with("--"), "expected {} after {}", {value, flag->name});
      values.push_back(words[i]);
    }
  }
  for (const Flag& flag : flags)
    for (const std::string& other : flag.not_with)
      alloy::check<ConfigError>(!out.has(flag.name) || !out.has(other), "expected {} or {}, got both", {flag.name, other});
  return out;
}

/// @param about  what is done without flags @param body  the example; its result is the exit code
inline int run(int argc, char** argv, const std::string& about, const std::vector<Flag>& flags, int (*body)(const Arguments&)) {
  const std::string name = std::filesystem::path(argv[0]).filename().string();
  const std::vector<std::string> words(argv + 1, argv + argc);
  std::string usage = "usage: " + name, meanings = about + "\n";
  for (const Flag& flag : flags) {
    std::string form = flag.name;
    for (const std::string& value : flag.values) form += " " + value;
    usage += " [" + form + "]", meanings += "  " + form + ": " + flag.about + "\n";
  }
  usage += "\n" + meanings;
  int code = 2;
  try {
    if (std::ranges::find(words, "--help") != words.end()) return std::fputs(usage.c_str(), stdout) < 0;
    const Arguments arguments = read_arguments(words, flags);
    usage.clear();
    for (const Place place : {Place::folder, Place::file})  // folders first: a file may belong into one of them
      for (const Flag& flag : flags) {
        const std::filesystem::path path = flag.place == place ? arguments.value(flag.name) : "";
        if (path.empty()) continue;
        if (place == Place::folder) std::filesystem::create_directories(path);
        const alloy::AtomicFile trial(place == Place::folder ? path / ".alloy-can-write" : path);  // nothing of it stays
      }
    code = 1;
    std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
    const int result = body(arguments);
    alloy::check<IoError>(std::fflush(stdout) == 0 && std::ferror(stdout) == 0, "[standard output] cannot be written");
    return result;
  } catch (const std::exception& error) {
    std::string text = alloy::full_message(error);
    text.resize(std::min(text.size(), text.find("\nException raised from")));  // the stack that LibTorch adds
    std::ranges::replace(text, '\n', ' ');
    std::fprintf(stderr, "%s: %s\n%s", name.c_str(), text.c_str(), usage.c_str());
  }
  return code;
}

}  // namespace example

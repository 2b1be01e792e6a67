// SPDX-License-Identifier: Apache-2.0
/// alloy on the command line. Exit code 0, 1 for a runtime error, 2 for wrong usage; errors are one line on standard error.

#include "commands.hpp"
#include "console.hpp"

#include <alloy/core/error.hpp>
#include <alloy/core/version.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace {

/// A message in one line, without the stack that LibTorch adds to its own.
std::string one_line(std::string text) {
  text = text.substr(0, text.find("\nException raised from"));
  for (char& c : text)
    if (c == '\n' || c == '\r') c = ' ';
  return text;
}

/// CLI11 only says that a subcommand is missing when one is misspelt. `command` becomes the known commands that were typed, "align dtw ".
void check_words(const CLI::App& app, int argc, char** argv, std::string& command, int place = 1) {
  std::vector<std::string> known;
  for (const CLI::App* next : app.get_subcommands([](const CLI::App*) { return true; })) known.push_back(next->get_name());
  if (place >= argc || known.empty()) return;
  const std::string word = argv[place];
  if (word.starts_with("-")) {
    if (app.get_option_no_throw(word) == nullptr) throw alloy::tool::UsageError(fmt::format("unknown option '{}'", word));
  } else if (std::find(known.begin(), known.end(), word) == known.end()) {
    throw alloy::tool::UsageError(fmt::format("unknown command '{}{}', known: {}", command, word, fmt::join(known, ", ")));
  } else {
    command += word + " ";
    check_words(*app.get_subcommand(word), argc, argv, command, place + 1);
  }
}

int wrong_usage(const std::exception& error, const std::string& command) {
  fmt::print(stderr, "alloy: {} (see alloy {}--help)\n", one_line(error.what()), command);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Multimodal fusion: compare strategies, train on your own data, predict.", "alloy"};
  app.set_version_flag("--version", alloy::version());
  app.require_subcommand(1);
  alloy::tool::add_demo(app);
  alloy::tool::add_demo_emoji(app);
  alloy::tool::add_train(app);
  alloy::tool::add_predict(app);
  alloy::tool::add_evaluate(app);
  alloy::tool::add_zero_shot(app);
  alloy::tool::add_align(app);
  alloy::tool::add_list(app);
  alloy::tool::add_inspect(app);
  alloy::tool::install_signal_handlers();
  std::string command;
  try {
    check_words(app, argc, argv, command);
    app.parse(argc, argv);
    // What was printed may still wait in a buffer, or a full disk may have refused it.
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) throw alloy::IoError("[standard output] cannot write the answer: " + std::string(std::strerror(errno)));
    return 0;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return wrong_usage(error, command);
  } catch (const alloy::tool::UsageError& error) {
    return wrong_usage(error, command);
  } catch (const alloy::Error& error) {
    fmt::print(stderr, "alloy: {}\n", one_line(error.what()));
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "alloy: out of memory\n");
  } catch (const std::exception& error) {
    fmt::print(stderr, "alloy: {}\n", one_line(error.what()));
  }
  return 1;
}

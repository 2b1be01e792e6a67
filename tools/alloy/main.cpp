// SPDX-License-Identifier: Apache-2.0
/// alloy on the command line. Exit code 0, 1 for a runtime error, 2 for wrong usage; errors are one line on standard error.

#include "commands.hpp"
#include "console.hpp"

#include <alloy/core/error.hpp>
#include <alloy/core/version.hpp>

#include <fmt/format.h>

namespace {

/// The first line of a message: causes below ours may carry several.
std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\n' || c == '\r') c = ' ';
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Multimodal fusion: compare strategies, train on your own data, predict.", "alloy"};
  app.set_version_flag("--version", alloy::version());
  app.require_subcommand(1);
  alloy::tool::add_demo(app);
  alloy::tool::add_train(app);
  alloy::tool::add_predict(app);
  alloy::tool::add_evaluate(app);
  alloy::tool::add_list(app);
  alloy::tool::add_inspect(app);
  alloy::tool::install_signal_handlers();
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    fmt::print(stderr, "alloy: {} (see alloy --help)\n", one_line(error.what()));
    return 2;
  } catch (const alloy::tool::UsageError& error) {
    fmt::print(stderr, "alloy: {}\n", one_line(error.what()));
    return 2;
  } catch (const alloy::Error& error) {
    fmt::print(stderr, "alloy: {}\n", one_line(error.what()));
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "alloy: out of memory\n");
  } catch (const std::exception& error) {
    fmt::print(stderr, "alloy: {}\n", one_line(error.what()));
  }
  return 1;
}

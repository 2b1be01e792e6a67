// SPDX-License-Identifier: Apache-2.0
#include "command_align.hpp"
#include "console.hpp"

#include <alloy/alignment/delay.hpp>
#include <alloy/core/json.hpp>
#include <alloy/io/audio_file.hpp>

#include <cmath>
#include <fmt/format.h>

namespace alloy::tool {

namespace {

struct Given {
  std::filesystem::path first, second;
  std::string method = "phat";
  bool no_drift = false, json = false;
  DelayOptions options = {};
};

void print(const DelayEstimate& found, bool json) {
  if (json) {
    Config::Array windows;
    for (const DelayWindow& w : found.windows)
      windows.push_back(
          Config::object({{"seconds", w.seconds}, {"delay_seconds", w.delay_seconds}, {"correlation", w.correlation}, {"weight", w.weight}}));
    fmt::print("{}\n", to_json(Config::object({{"delay_seconds", found.delay_seconds},
                                               {"delay_error_seconds", found.delay_error_seconds},
                                               {"drift_ppm", found.drift_ppm},
                                               {"drift_error_ppm", found.drift_error_ppm},
                                               {"correlation", found.correlation},
                                               {"confidence", found.confidence},
                                               {"windows", Config(std::move(windows))}})));
    return;
  }
  const auto error = [](double value, const char* unit) -> std::string {
    if (std::isinf(value)) return " +- unknown, from too few windows";
    return value > 0 ? fmt::format(" +- {:.2g} {} (68 %)", value, unit) : "";
  };
  const auto unsigned_zero = [](double value, double half_a_digit) { return std::abs(value) < half_a_digit ? 0.0 : value; };  // never "-0.00"
  const double delay = unsigned_zero(found.delay_seconds, 0.5e-6);
  const char* when = delay > 0   ? "the second recording has it later"
                     : delay < 0 ? "the second recording has it earlier"
                                 : "both recordings start at the same time";
  fmt::print("delay        {:+.6f} s{}, {}\n", delay, error(1e6 * found.delay_error_seconds, "us"), when);
  fmt::print("drift        {:+.2f} ppm{}\n", unsigned_zero(found.drift_ppm, 0.005), error(found.drift_error_ppm, "ppm"));
  fmt::print("confidence   {:.2f} of 1{}\n", found.confidence, found.confidence < 0.3 ? ": not to be trusted" : "");
  fmt::print("correlation  {:+.2f}, in {} windows\n", unsigned_zero(found.correlation, 0.005), found.windows.size());
}

void align_delay(Given given) {
  given.options.method = enum_from_name<DelayMethod>(given.method);
  given.options.drift = given.no_drift ? DriftModel::none : DriftModel::linear;
  const Audio first = read_audio(given.first), second = read_audio(given.second);
  const std::string files = fmt::format("first: {}, second: {}", given.first.string(), given.second.string());
  print(naming(files, [&] { return estimate_delay(first, second, given.options); }), given.json);
}

}  // namespace

void add_align_delay(CLI::App& align) {
  auto given = std::make_shared<Given>();
  CLI::App* command = align.add_subcommand("delay", "How much later a second recording of one event has it, and how much faster its clock runs");
  command->add_option("first", given->first, "audio file")->required()->check(filled("a file"));
  command->add_option("second", given->second, "audio file, of any sample rate")->required()->check(filled("a file"));
  std::vector<std::string> methods;
  for (const auto& [value, name] : enum_names(DelayMethod{})) methods.emplace_back(name);
  command->add_option("--method", given->method, "phat for sound; correlation for slow signals")
      ->check(CLI::IsMember(methods))
      ->capture_default_str();
  command->add_option("--max-delay", given->options.max_delay_seconds, "seconds looked at, both ways")
      ->check(number(1e-3, 1e5))
      ->capture_default_str();
  command->add_option("--max-drift", given->options.max_drift_ppm, "ppm looked at, both ways")->check(number(0, 1e4))->capture_default_str();
  command->add_option("--window", given->options.window_seconds, "seconds compared at a time")->check(number(1e-3, 1e4))->capture_default_str();
  command->add_flag("--no-drift", given->no_drift, "clocks of equal speed");
  command->add_flag("--json", given->json, "as JSON, with every window");
  command->callback([given] { align_delay(*given); });
}

}  // namespace alloy::tool

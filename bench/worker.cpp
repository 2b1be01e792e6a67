// SPDX-License-Identifier: Apache-2.0
// The C++ side of scripts/bench: reads one JSON command a line, answers one JSON line. It stays alive, so that start-up is
// in no figure.
//   {"command": "load", "work": "info_nce", "inputs": "x.safetensors", "threads": 1}  -> {"ok": true}
//   {"command": "run", "calls": 3}  -> {"cpu_s": ..., "wall_s": ..., "extra_mib": ..., "outputs": {...}}
#include "worker.hpp"

#include <alloy/core.hpp>
#include <alloy/io/safetensors.hpp>

#include <ATen/Config.h>
#include <torch/version.h>

#include <chrono>
#include <ctime>
#include <fstream>
#include <iostream>

using namespace alloy;

namespace {

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// A line of /proc/self/status, in KiB.
double status_kib(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(name + ":")) return std::stod(line.substr(name.size() + 1));
  return 0;
}

void forget_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

Config answer(const Config& command, bench::Work& work) {
  const std::string what = command.at("command").as_string();
  Config reply = Config::object();
  if (what == "load") {
    set_threads(static_cast<int>(command.at("threads").as_int()));
    bench::Inputs inputs;
    for (auto& [name, tensor] : load_safetensors(command.at("inputs").as_string())) inputs[name] = tensor;
    const std::string name = command.at("work").as_string();
    check<ConfigError>(bench::workloads().contains(name), "[bench] unknown work '{}'", {name});
    work = bench::workloads().at(name)(inputs);
    reply.set("ok", true);
    reply.set("version", std::string(TORCH_VERSION));
    return reply;
  }
  check<ConfigError>(what == "run" && work, "[bench] expected load, then run, got '{}'", {what});
  const int64_t calls = command.at("calls").as_int();
  forget_peak();
  const double resident = status_kib("VmRSS"), cpu = processor_seconds();
  const auto began = std::chrono::steady_clock::now();
  bench::Outputs outputs;
  for (int64_t i = 0; i < calls; ++i) outputs = work();
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - began;
  reply.set("cpu_s", (processor_seconds() - cpu) / static_cast<double>(calls));
  reply.set("wall_s", wall.count() / static_cast<double>(calls));
  reply.set("extra_mib", (status_kib("VmHWM") - resident) / 1024);
  Config values = Config::object();
  for (const auto& [name, value] : outputs) values.set(name, value);
  reply.set("outputs", values);
  return reply;
}

}  // namespace

int main() {
  bench::Work work;
  for (std::string line; std::getline(std::cin, line);) {
    Config reply = Config::object();
    try {
      reply = answer(parse_json(line, "command"), work);
    } catch (const std::exception& error) {
      reply.set("error", std::string(error.what()));
    }
    std::cout << to_json(reply, -1) << std::endl;
  }
}

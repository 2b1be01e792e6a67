// SPDX-License-Identifier: Apache-2.0
// The C++ side of scripts/bench: reads one JSON command a line, answers one JSON line, {"error": ...} where it failed. It stays
// alive, so that start-up is in no figure. bench/peer_worker.py understands the same commands.
//   {"command": "hello"}  -> versions of what it is made of
//   {"command": "product", "size": 2048}  -> {"flops": ...}, of LibTorch's product of matrices on one thread
//   {"command": "limits"}  -> {"flops": ..., "bytes_per_second": ...} of a core
//   {"command": "load", "work": "info_nce", "inputs": "x.safetensors", "threads": 1}  -> {}
//   {"command": "block", "calls": 3}  -> {"cpu_s": ..., "wall_s": ...}, of one call
//   {"command": "memory"}  -> {"allocated": bytes or -1, "resident": bytes}, of one call
//   {"command": "peak"}  -> {"resident": bytes}, the highest of this process
//   {"command": "outputs", "path": "y.safetensors"}  -> {}: what the last call of the block gave
//   {"command": "compare", "expected": "y.safetensors", "got": "z.safetensors"}  -> {"difference": {"loss": 1e-7, ...}}
#include "worker.hpp"

#include "limits.hpp"
#include "measure.hpp"

#include <alloy/core.hpp>
#include <alloy/io/safetensors.hpp>

#include <ATen/Config.h>
#include <ATen/Version.h>
#include <torch/version.h>

#include <algorithm>
#include <iostream>

using namespace alloy;

namespace bench {

namespace {

std::map<std::string, Factory>& all_work() {
  static std::map<std::string, Factory> all;
  return all;
}

Inputs load_inputs(const std::string& path) {
  Inputs inputs;
  for (auto& [name, tensor] : load_safetensors(path)) inputs[name] = tensor;
  return inputs;
}

Config hello() {
  Config reply = Config::object();
  const auto part = [](int divisor) { return std::to_string(ALLOY_VERSION / divisor % 100); };
  reply.set("versions", "alloy " + part(10000) + "." + part(100) + "." + part(1) + ", LibTorch " + TORCH_VERSION + ", compiler " + __VERSION__);
  reply.set("capability", at::get_cpu_capability());
  reply.set("blas", std::string(AT_MKL_ENABLED() ? "MKL" : "no MKL") + (AT_MKLDNN_ENABLED() ? ", oneDNN" : ", no oneDNN"));
  return reply;
}

Config limits() {
  const MachineLimits most = machine_limits();
  Config reply = Config::object();
  reply.set("flops", most.flops);
  reply.set("bytes_per_second", most.bytes_per_second);
  return reply;
}

/// The largest difference of each output, relative to the largest value expected; what stands behind a colon in a name is no part
/// of what it is compared with.
Config compare(const std::string& expected_path, const std::string& got_path) {
  const Inputs expected = load_inputs(expected_path), got = load_inputs(got_path);
  Config difference = Config::object();
  for (const auto& [name, value] : got) {
    const std::string key = name.substr(0, name.find(':'));
    check<ConfigError>(expected.contains(key) && expected.at(key).sizes() == value.sizes(), "[bench] expected '{}' on both sides, in one shape", {key});
    const Tensor x = expected.at(key).to(at::kDouble), error = (value.to(at::kDouble) - x).abs().max() / x.abs().max().clamp_min(1e-30);
    difference.set(name, at::isnan(error).item<bool>() ? 1e30 : error.item<double>());
  }
  for (const auto& [name, value] : expected) check<ConfigError>(got.contains(name), "[bench] expected '{}' on both sides", {name});
  Config reply = Config::object();
  reply.set("difference", difference);
  return reply;
}

/// What is loaded and what its last call gave.
class Session {
 public:
  Config answer(const Config& command) {
    const std::string what = command.at("command").as_string();
    if (what == "hello") return hello();
    if (what == "limits") return limits();
    if (what == "load") return load(command);
    if (what == "compare") return compare(command.at("expected").as_string(), command.at("got").as_string());
    Config reply = Config::object();
    if (what == "product") return reply.set("flops", product_flops(command.at("size").as_int())), reply;
    if (what == "peak") return reply.set("resident", process_status("VmHWM")), reply;
    check<ConfigError>(static_cast<bool>(work_.call), "[bench] expected load before '{}'", {what});
    if (what == "block") {
      const BlockTime time = time_block(work_, command.at("calls").as_int(), outputs_);
      reply.set("cpu_s", time.cpu_s);
      reply.set("wall_s", time.wall_s);
    } else if (what == "memory") {
      outputs_.clear();
      const CallMemory memory = measure_memory(work_);
      reply.set("allocated", memory.allocated);
      reply.set("resident", memory.resident);
    } else if (what == "outputs") {
      save_safetensors(command.at("path").as_string(), work_.compared ? work_.compared(outputs_) : outputs_);
    } else {
      check<ConfigError>(false, "[bench] unknown command '{}'", {what});
    }
    return reply;
  }

 private:
  Config load(const Config& command) {
    work_ = {};
    outputs_.clear();
    set_threads(static_cast<int>(command.at("threads").as_int()));
    work_ = find_work(command.at("work").as_string())(load_inputs(command.at("inputs").as_string()));
    return Config::object();
  }

  Work work_;
  Outputs outputs_;
};

}  // namespace

bool add(const std::string& name, Factory factory) {
  check<ConfigError>(all_work().emplace(name, std::move(factory)).second, "[bench] the name '{}' is taken", {name});
  return true;
}

const Factory& find_work(const std::string& name) {
  std::string known;
  for (const auto& [other, factory] : all_work()) known += (known.empty() ? "" : ", ") + other;
  check<ConfigError>(all_work().contains(name), "[bench] unknown work '{}', known: {}", {name, known});
  return all_work().at(name);
}

}  // namespace bench

int main() {
  bench::Session session;
  for (std::string line; std::getline(std::cin, line);) {
    Config reply = Config::object();
    try {
      reply = session.answer(parse_json(line, "command"));
    } catch (const std::exception& error) {
      reply.set("error", full_message(error));
    }
    std::cout << to_json(reply, -1) << std::endl;
  }
}

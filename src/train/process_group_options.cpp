// SPDX-License-Identifier: Apache-2.0
#include <alloy/train/process_group.hpp>

#include <charconv>
#include <cstdlib>
#include <optional>

namespace alloy {

namespace {

constexpr auto kWhere = "process_group_from_environment";

/// An empty variable counts as one that is not set.
std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

std::string required(const char* name) {
  const auto value = variable(name);
  check<ConfigError>(value.has_value(), "[{}] expected the environment variable {} beside others of RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT, got none; "
                     "start the processes by torchrun, or set all four", {kWhere, name});
  return *value;
}

int64_t number(const char* name, const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  check<ConfigError>(error == std::errc() && end == text.data() + text.size(), "[{}] expected {} to be a whole number, got '{}'", {kWhere, name, text});
  return value;
}

}  // namespace

void ProcessGroupOptions::validate() const {
  check<ConfigError>(world_size > 0 && world_size <= 65536, "[ProcessGroup] expected world_size in 1..65536, got {}", {world_size});
  check<ConfigError>(rank >= 0 && rank < world_size, "[ProcessGroup] expected rank in 0..world_size - 1, got rank {} of {}", {rank, world_size});
  check<ConfigError>(!master_address.empty(), "[ProcessGroup] expected a master_address, got none");
  check<ConfigError>(master_port > 0 && master_port <= 65535, "[ProcessGroup] expected master_port in 1..65535, got {}", {master_port});
  check<ConfigError>(timeout_seconds >= 0.1 && timeout_seconds <= 1e6, "[ProcessGroup] expected timeout_seconds in 0.1..1e6, got {}", {timeout_seconds});
  check<ConfigError>(attempt >= 0, "[ProcessGroup] expected attempt >= 0, got {}", {attempt});
}

ProcessGroupOptions process_group_from_environment() {
  ProcessGroupOptions o;
  if (!variable("RANK") && !variable("WORLD_SIZE") && !variable("MASTER_ADDR") && !variable("MASTER_PORT")) return o;
  o.rank = number("RANK", required("RANK"));
  o.world_size = number("WORLD_SIZE", required("WORLD_SIZE"));
  check<ConfigError>(o.rank >= 0 && o.rank < o.world_size, "[{}] expected RANK in 0..WORLD_SIZE - 1, got RANK {} and WORLD_SIZE {}", {kWhere, o.rank, o.world_size});
  if (o.world_size == 1) return o;  // nobody to meet
  o.master_address = required("MASTER_ADDR");
  o.master_port = number("MASTER_PORT", required("MASTER_PORT"));
  o.interface = variable("GLOO_SOCKET_IFNAME").value_or("");
  o.launcher_hosts_store = variable("TORCHELASTIC_USE_AGENT_STORE") == "True";
  if (o.launcher_hosts_store) o.attempt = number("TORCHELASTIC_RESTART_COUNT", variable("TORCHELASTIC_RESTART_COUNT").value_or("0"));
  o.validate();
  return o;
}

}  // namespace alloy

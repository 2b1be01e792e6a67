// SPDX-License-Identifier: Apache-2.0
#include <alloy/core/log.hpp>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <mutex>

namespace alloy {

namespace {

struct State {
  std::mutex mutex;
  std::function<void(LogLevel, std::string_view)> sink;
  LogLevel level = LogLevel::warning;
  std::shared_ptr<spdlog::logger> logger = std::make_shared<spdlog::logger>("alloy", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  State() { logger->set_pattern("%n: %l: %v"); }
};
State& state() {
  static State instance;
  return instance;
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warning: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
    case LogLevel::off: break;
  }
  return spdlog::level::off;
}

}  // namespace

void set_log_level(LogLevel level) {
  const std::scoped_lock lock(state().mutex);
  state().level = level;
  state().logger->set_level(to_spdlog(level));
}

void set_log_sink(std::function<void(LogLevel, std::string_view)> sink) {
  const std::scoped_lock lock(state().mutex);
  state().sink = std::move(sink);
}

void log_message(LogLevel level, std::string_view message) {
  std::function<void(LogLevel, std::string_view)> sink;
  {
    const std::scoped_lock lock(state().mutex);
    if (level < state().level) return;
    sink = state().sink;
  }
  if (sink) sink(level, message);  // outside the lock: it may log or set a sink itself
  else state().logger->log(to_spdlog(level), "{}", message);
}

}  // namespace alloy

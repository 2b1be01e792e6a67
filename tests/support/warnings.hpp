// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <alloy/core/log.hpp>

#include <string>
#include <vector>

namespace alloy {

/// While it lives, keeps what the library logs instead of printing it.
struct Warnings {
  std::vector<std::string> texts;
  Warnings() {
    set_log_sink([this](LogLevel, std::string_view text) { texts.emplace_back(text); });
  }
  ~Warnings() { set_log_sink({}); }
  Warnings(const Warnings&) = delete;
  Warnings& operator=(const Warnings&) = delete;
};

}  // namespace alloy

// SPDX-License-Identifier: Apache-2.0
#pragma once  // Note [Gloo by name] in gloo/context.h

#include <chrono>
#include <string>
#include <vector>

namespace gloo::rendezvous {
struct Store {
  virtual ~Store() = 0;
  virtual void set(const std::string& key, const std::vector<char>& value) = 0;
  virtual std::vector<char> get(const std::string& key) = 0;
  virtual void wait(const std::vector<std::string>& keys) = 0;
  virtual void wait(const std::vector<std::string>& keys, const std::chrono::milliseconds& timeout) = 0;
};
}  // namespace gloo::rendezvous

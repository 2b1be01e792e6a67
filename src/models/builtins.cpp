// SPDX-License-Identifier: Apache-2.0
#include <alloy/models/builtins.hpp>

#include <alloy/encoders/register.hpp>
#include <alloy/fusion/register.hpp>

#include <mutex>

namespace alloy {

void register_builtins() {
  static std::once_flag once;
  std::call_once(once, [] {
    register_encoders();
    register_fusion();
  });
}

}  // namespace alloy

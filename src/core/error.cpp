// SPDX-License-Identifier: Apache-2.0
#include <alloy/core/error.hpp>

namespace alloy {

std::string full_message(const std::exception& error) {
  std::string text = error.what();
  try {
    std::rethrow_if_nested(error);
  } catch (const std::exception& cause) {
    text += ": " + full_message(cause);
  } catch (...) {
    text += ": an exception that is no std::exception";
  }
  return text;
}

}  // namespace alloy

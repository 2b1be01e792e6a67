// SPDX-License-Identifier: Apache-2.0
#pragma once

// Note [Gloo by name]: LibTorch holds Gloo inside its library and ships no headers of it, and those of a distribution are
// of another version. c10d's header needs Gloo's types by name only: it holds them behind std::shared_ptr, whose layout does
// not depend on what it points to, and Gloo's objects are made and destroyed inside LibTorch. So these five headers declare
// the names, and the sizes that alloy compiles in come from c10d's own header alone. Nothing here may be given a body,
// made or derived from: that would be another class than Gloo's of the same name.

#include <chrono>

namespace gloo {
struct Context {
  void setTimeout(std::chrono::milliseconds timeout);
};
}  // namespace gloo

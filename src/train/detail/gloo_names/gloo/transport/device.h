// SPDX-License-Identifier: Apache-2.0
#pragma once  // Note [Gloo by name] in gloo/context.h

namespace gloo::transport {
struct Device;
struct UnboundBuffer {
  virtual ~UnboundBuffer() = 0;
};
}  // namespace gloo::transport

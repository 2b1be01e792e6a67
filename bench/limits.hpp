// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The most that one core of this machine does: what measured figures are set against.

namespace bench {

struct MachineLimits {
  double flops = 0;             ///< multiplications and additions a second in fp32 registers, the widest vectors of this machine
  double bytes_per_second = 0;  ///< read from memory
};

/// Measured in about half a second; zeros on machines other than x86-64 with AVX2.
MachineLimits machine_limits();

}  // namespace bench

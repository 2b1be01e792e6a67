// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Time and memory of calls.

#include "worker.hpp"

namespace bench {

/// Seconds of one call: of the processor (all threads of the process) and of the clock.
struct BlockTime {
  double cpu_s = 0, wall_s = 0;
};

/// Times a block of calls by Google Benchmark. @param outputs  of the last call
BlockTime time_block(const Work& work, int64_t calls, Outputs& outputs);

/// One call. Bytes of the heap at its highest, above those before it, results included, or -1 where bench/preload/count_allocations
/// is not loaded; and the same of resident memory, which is coarse: pages of earlier calls are used again.
struct CallMemory {
  int64_t allocated = -1;
  double resident = 0;
};
CallMemory measure_memory(const Work& work);

/// A line of /proc/self/status such as VmHWM, in bytes.
double process_status(const std::string& name);

/// FLOP/s of LibTorch's product of two square fp32 matrices on one thread, the best of a few.
double product_flops(int64_t size);

}  // namespace bench

// SPDX-License-Identifier: Apache-2.0
// With this file in LD_PRELOAD, MKL takes the path that it has for Intel's processors on others too: the function that it asks
// says yes. For the peers of scripts/bench alone, so that they are also measured at their best; never installed.
extern "C" int mkl_serv_intel_cpu_true() { return 1; }

# SPDX-License-Identifier: Apache-2.0
# cmake -DPROGRAM=<file> -P one_openmp.cmake: the program loads one OpenMP runtime, see Note [One OpenMP runtime].
execute_process(COMMAND ldd "${PROGRAM}" OUTPUT_VARIABLE said COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "lib(gomp|omp|iomp)[^ \n/]* =>[^\n]*" runtimes "${said}")
list(LENGTH runtimes count)
if(NOT count EQUAL 1 OR runtimes MATCHES "not found")
  message(FATAL_ERROR "expected one OpenMP runtime, got ${count}: ${runtimes}")
endif()

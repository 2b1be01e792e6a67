# SPDX-License-Identifier: Apache-2.0
# cmake -DSOURCE=<project> -DWORK=<empty folder> -DPYTHON=<interpreter> -P find_libtorch.cmake
# Configures a small project on a torch package that is only a stub, and reads what FindLibTorch.cmake says.
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}/project/cmake")
file(COPY "${SOURCE}/cmake/FindLibTorch.cmake" DESTINATION "${WORK}/project/cmake")  # a copy has no .deps beside it
file(WRITE "${WORK}/project/CMakeLists.txt" [[
cmake_minimum_required(VERSION 3.25)
project(stub LANGUAGES CXX)
include(cmake/FindLibTorch.cmake)
foreach(target IN ITEMS c10 torch_cpu torch alloy::openmp)
  if(NOT TARGET ${target})
    message(FATAL_ERROR "no target ${target}")
  endif()
  get_target_property(links ${target} INTERFACE_LINK_LIBRARIES)
  message(STATUS "${target} links ${links}")
endforeach()
get_target_property(folders c10 INTERFACE_INCLUDE_DIRECTORIES)
message(STATUS "includes ${folders}")
]])

# A package as pip lays it out, built with CUDA. Its version is <major>.<minor>.0.
function(make_package folder major minor)
  file(WRITE "${folder}/torch/__init__.py" "")
  foreach(name IN ITEMS libtorch_cuda.so libtorch.so libtorch_cpu.so libc10.so libgomp-a34b3233.so.1)
    file(WRITE "${folder}/torch/lib/${name}" "")
  endforeach()
  file(WRITE "${folder}/torch/include/torch/csrc/api/include/torch/version.h"
    "#define TORCH_VERSION_MAJOR ${major}\n#define TORCH_VERSION_MINOR ${minor}\n#define TORCH_VERSION_PATCH 0\n")
endfunction()

# configure(<name> <PYTHONPATH> <expected exit status is 0> [argument...]); sets `said`
function(configure name path succeeds)
  execute_process(COMMAND "${CMAKE_COMMAND}" -E env "PYTHONPATH=${path}" --unset=CMAKE_PREFIX_PATH --unset=Torch_DIR
    "${CMAKE_COMMAND}" -S "${WORK}/project" -B "${WORK}/build-${name}" -G Ninja "-DCMAKE_CXX_COMPILER=${COMPILER}" ${ARGN}
    RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE error)
  string(REGEX REPLACE "[ \n]+" " " said "${out}${error}")
  if((succeeds AND NOT status EQUAL 0) OR (NOT succeeds AND status EQUAL 0))
    message(FATAL_ERROR "${name}: cmake ended with ${status} and said: ${said}")
  endif()
  set(said "${said}" PARENT_SCOPE)
endfunction()
function(expect text)
  string(FIND "${said}" "${text}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "expected '${text}' in: ${said}")
  endif()
endfunction()

set(python "-DPython3_EXECUTABLE=${PYTHON}" -DCMAKE_DISABLE_FIND_PACKAGE_Torch=ON)

make_package("${WORK}/cuda" 2 9)
configure(cuda "${WORK}/cuda" TRUE ${python})
expect("is a CUDA build, using its CPU libraries")
expect("alloy: LibTorch 2.9.0 in ${WORK}/cuda/torch/lib")
expect("torch links torch_cpu")
expect("torch_cpu links c10")
expect("includes ${WORK}/cuda/torch/include;${WORK}/cuda/torch/include/torch/csrc/api/include")
if(COMPILER_ID STREQUAL GNU)
  expect("alloy::openmp links ${WORK}/cuda/torch/lib/libgomp-a34b3233.so.1")
endif()

make_package("${WORK}/old" 2 5)
configure(old "${WORK}/old" FALSE ${python})
expect("alloy needs LibTorch 2.6 or newer, found 2.5.0")
expect("Cure: scripts/build")

# a package with a CMake part of its own, as an unpacked LibTorch has it
file(WRITE "${WORK}/own/share/cmake/Torch/TorchConfig.cmake" "add_library(torch INTERFACE IMPORTED)\n")
file(WRITE "${WORK}/own/share/cmake/Torch/TorchConfigVersion.cmake" "set(PACKAGE_VERSION 1.13.1)\n")
configure(own "" FALSE "-DCMAKE_PREFIX_PATH=${WORK}/own")
expect("alloy needs LibTorch 2.6 or newer, found 1.13.1")

configure(none "" FALSE -DCMAKE_DISABLE_FIND_PACKAGE_Torch=ON -DCMAKE_DISABLE_FIND_PACKAGE_Python3=ON)
expect("alloy needs LibTorch 2.6 or newer and found none. Cure: scripts/build (fetches it), or -DCMAKE_PREFIX_PATH=/path/to/libtorch")

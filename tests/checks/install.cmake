# SPDX-License-Identifier: Apache-2.0
# cmake -DBUILD=<build folder> -DPREFIX=<folder> -DSOURCE=<project> -P install.cmake
# Installs, then checks that every public header is there, nothing private, and that no CMake file holds an absolute path.
file(REMOVE_RECURSE "${PREFIX}")
execute_process(COMMAND "${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${PREFIX}" OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)

file(GLOB_RECURSE public RELATIVE "${SOURCE}/include" "${SOURCE}/include/*.hpp")
file(GLOB_RECURSE installed RELATIVE "${PREFIX}/include" "${PREFIX}/include/*")
if(NOT public STREQUAL installed)
  message(FATAL_ERROR "installed headers differ from those in include:\n${public}\n${installed}")
endif()

file(GLOB_RECURSE files "${PREFIX}/lib*/*.cmake")
if(NOT files)
  message(FATAL_ERROR "no CMake files under ${PREFIX}")
endif()
foreach(file IN LISTS files)
  file(READ "${file}" text)
  string(REPLACE "/path/to/libtorch" "" text "${text}")
  string(REGEX MATCHALL "[\" ;=(:]/[A-Za-z0-9_][^\" ;)\n]*" paths "${text}")
  if(paths)
    message(FATAL_ERROR "absolute paths in ${file}: ${paths}")
  endif()
endforeach()

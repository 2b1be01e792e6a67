# Finds LibTorch and makes the imported targets `torch` and `alloy::openmp`. Order: Torch_DIR or CMAKE_PREFIX_PATH as
# given, the torch package of the Python that is found, the one that scripts/build fetched, a system package.
set(ALLOY_MIN_TORCH 2.6)

# A torch package built with CUDA stops find_package where no CUDA toolkit is installed. Its headers and CPU libraries
# are all that work on the CPU needs, so the imported targets are made from them directly. libtorch.so itself is left
# out: all that it does is to load the GPU libraries too.
function(alloy_import_cpu_torch root)
  add_library(c10 SHARED IMPORTED GLOBAL)
  add_library(torch_cpu SHARED IMPORTED GLOBAL)
  add_library(torch INTERFACE IMPORTED GLOBAL)
  set_target_properties(c10 PROPERTIES IMPORTED_LOCATION "${root}/lib/libc10.so"
    INTERFACE_INCLUDE_DIRECTORIES "${root}/include;${root}/include/torch/csrc/api/include")
  set_target_properties(torch_cpu PROPERTIES IMPORTED_LOCATION "${root}/lib/libtorch_cpu.so" INTERFACE_LINK_LIBRARIES c10)
  set_target_properties(torch PROPERTIES INTERFACE_LINK_LIBRARIES torch_cpu INTERFACE_LINK_OPTIONS "LINKER:--allow-shlib-undefined")
endfunction()

function(alloy_version_of_torch root out)
  set(${out} "" PARENT_SCOPE)
  if(EXISTS "${root}/include/torch/csrc/api/include/torch/version.h")
    file(STRINGS "${root}/include/torch/csrc/api/include/torch/version.h" lines REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
    string(REGEX REPLACE "[^0-9;]" "" numbers "${lines}")
    list(JOIN numbers "." version)
    set(${out} "${version}" PARENT_SCOPE)
  endif()
endfunction()

# The folder of the torch package of a Python, or nothing.
function(alloy_torch_of_python python out)
  execute_process(COMMAND "${python}" -c
    "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')"
    OUTPUT_VARIABLE root OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  set(${out} "${root}" PARENT_SCOPE)
endfunction()

# `library kineto not found` is harmless: the profiler is inside libtorch_cpu.so. A value keeps LibTorch from looking.
set(kineto_LIBRARY unused)

if(NOT TARGET torch)
  find_package(Torch QUIET NO_CMAKE_SYSTEM_PATH NO_SYSTEM_ENVIRONMENT_PATH)
endif()
if(NOT TARGET torch)
  find_package(Python3 QUIET COMPONENTS Interpreter)
  foreach(alloy_python IN ITEMS "${Python3_EXECUTABLE}" "${CMAKE_CURRENT_LIST_DIR}/../.deps/venv/bin/python")
    if(TARGET torch OR NOT alloy_python OR NOT EXISTS "${alloy_python}")
      continue()
    endif()
    alloy_torch_of_python("${alloy_python}" alloy_torch_root)
    if(alloy_torch_root AND EXISTS "${alloy_torch_root}/lib/libtorch_cuda.so" AND NOT ALLOY_WITH_CUDA)
      message(STATUS "alloy: ${alloy_torch_root} is a CUDA build, using its CPU libraries (ALLOY_WITH_CUDA=ON for all of it)")
      alloy_import_cpu_torch("${alloy_torch_root}")
      alloy_version_of_torch("${alloy_torch_root}" Torch_VERSION)
    elseif(alloy_torch_root)
      find_package(Torch QUIET PATHS "${alloy_torch_root}/share/cmake/Torch" NO_DEFAULT_PATH)
    endif()
  endforeach()
endif()
if(NOT TARGET torch)
  find_package(Torch QUIET)
endif()
if(NOT TARGET torch)
  message(FATAL_ERROR "alloy needs LibTorch ${ALLOY_MIN_TORCH} or newer and found none. "
    "Cure: scripts/build (fetches it), or -DCMAKE_PREFIX_PATH=/path/to/libtorch, or 'apt-get install libtorch-dev' on Debian 13.")
endif()

# The folder of LibTorch's libraries, the version where its package did not say.
set(alloy_torch_lib "")
foreach(alloy_target IN ITEMS torch_cpu torch)
  if(TARGET ${alloy_target} AND NOT alloy_torch_lib)
    get_target_property(alloy_torch_location ${alloy_target} LOCATION)
    if(alloy_torch_location)
      get_filename_component(alloy_torch_lib "${alloy_torch_location}" DIRECTORY)
    endif()
  endif()
endforeach()
if(NOT Torch_VERSION)
  get_filename_component(alloy_torch_root "${alloy_torch_lib}" DIRECTORY)
  alloy_version_of_torch("${alloy_torch_root}" Torch_VERSION)
endif()
if(Torch_VERSION AND Torch_VERSION VERSION_LESS ALLOY_MIN_TORCH)
  message(FATAL_ERROR "alloy needs LibTorch ${ALLOY_MIN_TORCH} or newer, found ${Torch_VERSION} in ${alloy_torch_lib}. "
    "Cure: scripts/build (fetches one), or -DCMAKE_PREFIX_PATH=/path/to/libtorch")
endif()
if(NOT alloy_FIND_QUIETLY)
  message(STATUS "alloy: LibTorch ${Torch_VERSION} in ${alloy_torch_lib}")
endif()

# Note [One OpenMP runtime]: the torch package carries its own libgomp, under its usual or a hashed name. Two runtimes in
# one process mean twice the threads, so with GCC alloy links the copy that LibTorch uses, where there is one.
if(NOT TARGET alloy::openmp)
  add_library(alloy::openmp INTERFACE IMPORTED)
  if(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL)
    set_target_properties(alloy::openmp PROPERTIES IMPORTED_GLOBAL ON)
  endif()
  file(GLOB alloy_torch_gomp "${alloy_torch_lib}/libgomp*.so*" "${alloy_torch_lib}/../../torch.libs/libgomp*.so*")
  if(alloy_torch_gomp AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    list(GET alloy_torch_gomp 0 alloy_torch_gomp)
    set_target_properties(alloy::openmp PROPERTIES INTERFACE_COMPILE_OPTIONS -fopenmp INTERFACE_LINK_LIBRARIES "${alloy_torch_gomp}")
  else()
    find_package(OpenMP REQUIRED COMPONENTS CXX)
    set_target_properties(alloy::openmp PROPERTIES INTERFACE_LINK_LIBRARIES OpenMP::OpenMP_CXX)
  endif()
endif()

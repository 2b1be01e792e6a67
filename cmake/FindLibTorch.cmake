# Finds LibTorch and makes the imported target `torch`. Order: Torch_DIR or CMAKE_PREFIX_PATH as given, the torch
# package of the Python that is found, a system package.
set(ALLOY_MIN_TORCH 2.6)

# A torch package built with CUDA stops find_package where no CUDA toolkit is installed. Its headers and CPU libraries
# are all that work on the CPU needs, so the imported targets are made from them directly.
function(alloy_import_cpu_torch root)
  add_library(c10 SHARED IMPORTED GLOBAL)
  add_library(torch_cpu SHARED IMPORTED GLOBAL)
  add_library(torch SHARED IMPORTED GLOBAL)
  set_target_properties(c10 PROPERTIES IMPORTED_LOCATION "${root}/lib/libc10.so"
    INTERFACE_INCLUDE_DIRECTORIES "${root}/include;${root}/include/torch/csrc/api/include")
  set_target_properties(torch_cpu PROPERTIES IMPORTED_LOCATION "${root}/lib/libtorch_cpu.so" INTERFACE_LINK_LIBRARIES c10)
  set_target_properties(torch PROPERTIES IMPORTED_LOCATION "${root}/lib/libtorch.so" INTERFACE_LINK_LIBRARIES torch_cpu)
  # A CUDA package links its GPU libraries lazily; nothing of alloy needs them.
  set_property(TARGET torch APPEND PROPERTY INTERFACE_LINK_OPTIONS "LINKER:--allow-shlib-undefined")
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

if(NOT TARGET torch)
  find_package(Torch QUIET NO_CMAKE_SYSTEM_PATH NO_SYSTEM_ENVIRONMENT_PATH)
endif()
if(NOT TARGET torch)
  find_package(Python3 QUIET COMPONENTS Interpreter)
  set(alloy_torch_root "")
  if(Python3_Interpreter_FOUND)
    execute_process(COMMAND "${Python3_EXECUTABLE}" -c
      "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')"
      OUTPUT_VARIABLE alloy_torch_root OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
  if(alloy_torch_root AND EXISTS "${alloy_torch_root}/lib/libtorch_cuda.so" AND NOT ALLOY_WITH_CUDA)
    message(STATUS "alloy: ${alloy_torch_root} is a CUDA build, using its CPU libraries (ALLOY_WITH_CUDA=ON for all of it)")
    alloy_import_cpu_torch("${alloy_torch_root}")
    alloy_version_of_torch("${alloy_torch_root}" Torch_VERSION)
  elseif(alloy_torch_root)
    find_package(Torch QUIET PATHS "${alloy_torch_root}/share/cmake/Torch" NO_DEFAULT_PATH)
  endif()
endif()
if(NOT TARGET torch)
  find_package(Torch QUIET)
endif()
if(NOT TARGET torch)
  message(FATAL_ERROR "alloy needs LibTorch ${ALLOY_MIN_TORCH} or newer and found none. "
    "Cure: scripts/build (fetches it), or -DCMAKE_PREFIX_PATH=/path/to/libtorch, or 'apt-get install libtorch-dev' on Debian 13.")
endif()
if(NOT Torch_VERSION)
  get_target_property(alloy_torch_location torch IMPORTED_LOCATION)
  get_filename_component(alloy_torch_lib "${alloy_torch_location}" DIRECTORY)
  get_filename_component(alloy_torch_root "${alloy_torch_lib}" DIRECTORY)
  alloy_version_of_torch("${alloy_torch_root}" Torch_VERSION)
endif()
if(Torch_VERSION AND Torch_VERSION VERSION_LESS ALLOY_MIN_TORCH)
  message(FATAL_ERROR "alloy needs LibTorch ${ALLOY_MIN_TORCH} or newer, found ${Torch_VERSION}")
endif()

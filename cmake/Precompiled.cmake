# LibTorch's headers cost more than ten seconds a file. One precompiled copy serves library, tests, examples and tools;
# all of them are therefore compiled position independent with -fPIC, else the compiler silently ignores the copy.
# Not torch/torch.h: its torch/nn.h leaves so many templates to instantiate that each file would cost four seconds more.
function(alloy_precompile target)
  if(NOT ALLOY_PRECOMPILE)
    return()
  endif()
  if(target STREQUAL "alloy")
    target_precompile_headers(alloy PRIVATE <ATen/ATen.h> <torch/nn/module.h> <torch/nn/pimpl.h> <torch/types.h>)
  else()
    target_precompile_headers(${target} REUSE_FROM alloy)
  endif()
endfunction()

# A program whose sources are compiled with the shared precompiled header.
function(alloy_add_program target)
  add_executable(${target} ${ARGN})
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${target} PRIVATE -fPIC -Winvalid-pch)
  target_link_libraries(${target} PRIVATE alloy::alloy)
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/src")
  alloy_compile_like_library(${target})
  alloy_warnings(${target})
  alloy_precompile(${target})
endfunction()

# Whether the LibTorch that was found can train over several processes: c10d with Gloo, which builds may leave out. What is
# compiled is what alloy calls, with the declarations of Gloo's names that it uses (src/train/detail/gloo_names).
set(ALLOY_WITH_DISTRIBUTED AUTO CACHE STRING "Training over several processes, by LibTorch's c10d and Gloo: AUTO (where LibTorch has them), ON or OFF")
set_property(CACHE ALLOY_WITH_DISTRIBUTED PROPERTY STRINGS AUTO ON OFF)
set(ALLOY_GLOO_NAMES "${CMAKE_CURRENT_LIST_DIR}/../src/train/detail/gloo_names")

# By paths, not by the target `torch`: it names targets that a separate small project does not have.
function(alloy_probe_gloo out)
  set(includes "${ALLOY_GLOO_NAMES}")
  set(options "")
  foreach(target IN ITEMS torch torch_library torch_cpu c10)
    if(TARGET ${target})
      get_target_property(found ${target} INTERFACE_INCLUDE_DIRECTORIES)
      list(APPEND includes ${found})
      get_target_property(found ${target} INTERFACE_COMPILE_OPTIONS)
      list(APPEND options ${found})
    endif()
  endforeach()
  list(FILTER includes EXCLUDE REGEX "NOTFOUND$|^\\$<")
  list(FILTER options INCLUDE REGEX "^-D")
  try_compile(works "${PROJECT_BINARY_DIR}/probe_gloo" SOURCES "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/probe_gloo.cpp"
    CMAKE_FLAGS "-DINCLUDE_DIRECTORIES=${includes}" COMPILE_DEFINITIONS ${options}
    LINK_LIBRARIES "${alloy_torch_lib}/libtorch_cpu.so" "${alloy_torch_lib}/libc10.so" LINK_OPTIONS "LINKER:--allow-shlib-undefined"
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON OUTPUT_VARIABLE output)
  file(WRITE "${PROJECT_BINARY_DIR}/probe_gloo.log" "${output}")
  set(${out} ${works} PARENT_SCOPE)
endfunction()

set(alloy_distributed OFF)
if(ALLOY_WITH_DISTRIBUTED)
  set(alloy_probed "${Torch_VERSION} ${alloy_torch_lib}")  # asked once a LibTorch
  if(NOT ALLOY_GLOO_WORKS_WITH STREQUAL alloy_probed)
    message(STATUS "alloy: looking for c10d with Gloo in LibTorch")
    alloy_probe_gloo(alloy_gloo_works)
    if(alloy_gloo_works)
      set(ALLOY_GLOO_WORKS_WITH "${alloy_probed}" CACHE INTERNAL "the LibTorch whose c10d has Gloo")
    endif()
  endif()
  if(ALLOY_GLOO_WORKS_WITH STREQUAL alloy_probed)
    set(alloy_distributed ON)
  elseif(ALLOY_WITH_DISTRIBUTED STREQUAL AUTO)
    message(STATUS "alloy: built without training over several processes: this LibTorch lacks c10d or Gloo (probe_gloo.log in the build folder)")
  else()
    message(FATAL_ERROR "alloy: ALLOY_WITH_DISTRIBUTED=${ALLOY_WITH_DISTRIBUTED}, but this LibTorch lacks c10d or Gloo, see "
      "${PROJECT_BINARY_DIR}/probe_gloo.log. Cure: another LibTorch, such as that of pip, or ALLOY_WITH_DISTRIBUTED=OFF")
  endif()
endif()

option(ALLOY_WITH_NCCL "Collectives of tensors on a GPU by NCCL; untested, needs a LibTorch for CUDA, and the headers of CUDA and NCCL" OFF)
if(ALLOY_WITH_NCCL AND NOT (alloy_distributed AND TARGET torch_cuda))
  message(FATAL_ERROR "alloy: ALLOY_WITH_NCCL=ON, but this LibTorch is none for CUDA with c10d. Cure: another LibTorch, or ALLOY_WITH_NCCL=OFF")
endif()

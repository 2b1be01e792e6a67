# Tests beside the one program: checks of the tree, projects of users on the library, and the public headers alone.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

function(alloy_script_test name label)
  add_test(NAME ${name} COMMAND ${ARGN})
  set_tests_properties(${name} PROPERTIES LABELS "${label}" TIMEOUT 1800)
endfunction()

alloy_script_test(checks.layers quick Python3::Interpreter -B ${CMAKE_CURRENT_SOURCE_DIR}/checks/check_layers.py ${PROJECT_SOURCE_DIR})
alloy_script_test(checks.layers_finds_faults quick Python3::Interpreter -B ${CMAKE_CURRENT_SOURCE_DIR}/checks/test_check_layers.py)
alloy_script_test(checks.find_libtorch quick ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR}
  -DWORK=${CMAKE_CURRENT_BINARY_DIR}/find_libtorch -DPYTHON=${Python3_EXECUTABLE}
  -DCOMPILER=${CMAKE_CXX_COMPILER} -DCOMPILER_ID=${CMAKE_CXX_COMPILER_ID}
  -P ${CMAKE_CURRENT_SOURCE_DIR}/checks/find_libtorch.cmake)
alloy_script_test(checks.one_openmp quick ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:alloy_tests>
  -P ${CMAKE_CURRENT_SOURCE_DIR}/checks/one_openmp.cmake)

if(ALLOY_SANITIZE OR NOT ALLOY_INSTALL)
  return()
endif()

set(alloy_install_folder "${PROJECT_BINARY_DIR}/install")
alloy_script_test(package.install quick ${CMAKE_COMMAND} -DBUILD=${PROJECT_BINARY_DIR} -DPREFIX=${alloy_install_folder}
  -DSOURCE=${PROJECT_SOURCE_DIR} -P ${CMAKE_CURRENT_SOURCE_DIR}/checks/install.cmake)
set_tests_properties(package.install PROPERTIES FIXTURES_SETUP installed)

# What a user's project is told about this machine; empty values are left out.
set(alloy_user_options "-DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}" "-DPython3_EXECUTABLE=${Python3_EXECUTABLE}")
foreach(variable IN ITEMS CMAKE_CXX_COMPILER_LAUNCHER Torch_DIR CMAKE_CXX_FLAGS)
  if(${variable})
    list(APPEND alloy_user_options "-D${variable}=${${variable}}")
  endif()
endforeach()

# alloy_user_test(<name> <label> <folder> <target> [option...]): configures and builds a project of a user's, then runs
# the program; with target `configured` it is only configured.
function(alloy_user_test name label folder target)
  set(bin "${CMAKE_CURRENT_BINARY_DIR}/${name}")
  set(what --build-target ${target} --build-noclean)
  if(target STREQUAL configured)
    set(what --build-target help)
  elseif(NOT target MATCHES verify)
    list(APPEND what --test-command ${bin}/${target})
  endif()
  alloy_script_test(${name} "${label}" ${CMAKE_CTEST_COMMAND} --build-and-test ${folder} ${bin}
    --build-generator ${CMAKE_GENERATOR} --build-options ${alloy_user_options} ${ARGN} ${what})
endfunction()

set(installed -DCMAKE_PREFIX_PATH=${alloy_install_folder})
set(consumer ${CMAKE_CURRENT_SOURCE_DIR}/consumer)
alloy_user_test(consumer.installed quick ${consumer}/find_package consumer ${installed})
alloy_user_test(consumer.build_tree quick ${consumer}/find_package consumer -Dalloy_DIR=${PROJECT_BINARY_DIR})
alloy_user_test(consumer.add_subdirectory_configures quick ${consumer}/add_subdirectory configured)
alloy_user_test(consumer.fetch_content_configures quick ${consumer}/add_subdirectory configured -DFETCH=ON)
alloy_user_test(consumer.add_subdirectory slow ${consumer}/add_subdirectory consumer -DALLOY_PRECOMPILE=ON)
alloy_user_test(extension.installed quick ${CMAKE_CURRENT_SOURCE_DIR}/extension extension ${installed}
  -DALLOY_TEST_SUPPORT=${CMAKE_CURRENT_SOURCE_DIR})
set_tests_properties(consumer.installed extension.installed PROPERTIES FIXTURES_REQUIRED installed)

# Each public header compiles alone, without the precompiled one. That of the Eigen bridge needs Eigen, which alloy's users do not.
find_package(Eigen3 REQUIRED)
get_target_property(alloy_eigen_folder Eigen3::Eigen INTERFACE_INCLUDE_DIRECTORIES)
alloy_user_test(checks.headers_alone slow ${PROJECT_SOURCE_DIR} all_verify_interface_header_sets
  -DCMAKE_VERIFY_INTERFACE_HEADER_SETS=ON -DALLOY_PRECOMPILE=OFF -DALLOY_BUILD_TESTS=OFF -DALLOY_BUILD_EXAMPLES=OFF -DALLOY_BUILD_TOOLS=OFF
  "-DCMAKE_CXX_FLAGS=-isystem ${alloy_eigen_folder}")

# Installed package and build-tree package: find_package(alloy) finds either.
if(NOT ALLOY_INSTALL)
  return()
endif()
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(alloy_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/alloy")

install(TARGETS alloy EXPORT alloyTargets FILE_SET HEADERS)
install(EXPORT alloyTargets NAMESPACE alloy:: DESTINATION ${alloy_package_dir})
configure_package_config_file(cmake/alloyConfig.cmake.in "${PROJECT_BINARY_DIR}/alloyConfig.cmake"
  INSTALL_DESTINATION ${alloy_package_dir})
write_basic_package_version_file("${PROJECT_BINARY_DIR}/alloyConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/alloyConfig.cmake" "${PROJECT_BINARY_DIR}/alloyConfigVersion.cmake"
  cmake/FindLibTorch.cmake DESTINATION ${alloy_package_dir})
configure_file(cmake/FindLibTorch.cmake "${PROJECT_BINARY_DIR}/FindLibTorch.cmake" COPYONLY)
export(EXPORT alloyTargets NAMESPACE alloy:: FILE "${PROJECT_BINARY_DIR}/alloyTargets.cmake")
if(TARGET alloy_tool)
  set_target_properties(alloy_tool PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}" INSTALL_RPATH_USE_LINK_PATH ON)
  install(TARGETS alloy_tool RUNTIME)
endif()

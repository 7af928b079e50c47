# Install rules and the CMake package: find_package(crossrank) gives crossrank::crossrank, the model
# to link in as crossrank::builtin, and the folder of installed models as crossrank_MODELS_DIR.
include(CMakePackageConfigHelpers)

install(TARGETS crossrank crossrank_builtin EXPORT crossrank-targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/crossrank
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(EXPORT crossrank-targets NAMESPACE crossrank::
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/crossrank)
set(CROSSRANK_MODELS_DIR ${CMAKE_INSTALL_DATADIR}/crossrank/models)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/crossrank-config.cmake.in
  ${PROJECT_BINARY_DIR}/crossrank-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/crossrank PATH_VARS CROSSRANK_MODELS_DIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/crossrank-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/crossrank-config.cmake
  ${PROJECT_BINARY_DIR}/crossrank-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/crossrank)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/models/minilm-l6-crossrank
  DESTINATION ${CROSSRANK_MODELS_DIR})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/NOTICE
  DESTINATION ${CMAKE_INSTALL_DOCDIR})

# What `cmake --install` puts where of the libraries. Components: library and full (the shared ones), dev (what programs are built
# with).
include(CMakePackageConfigHelpers)

install(TARGETS tessera_shared EXPORT tesseraTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library NAMELINK_COMPONENT dev)
install(TARGETS tessera_full EXPORT tesseraFullTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT full NAMELINK_COMPONENT dev)
install(TARGETS tessera_static tessera_data tessera_compare EXPORT tesseraStaticTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
install(DIRECTORY include/tessera ${PROJECT_BINARY_DIR}/include/tessera DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/tessera)
foreach(set tesseraTargets tesseraFullTargets tesseraStaticTargets)
  install(EXPORT ${set} NAMESPACE tessera:: DESTINATION ${package_folder} COMPONENT dev)
endforeach()
configure_package_config_file(cmake/tesseraConfig.cmake.in tesseraConfig.cmake INSTALL_DESTINATION ${package_folder})
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(tesseraConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/tesseraConfig.cmake ${PROJECT_BINARY_DIR}/tesseraConfigVersion.cmake
  cmake/third_party.cmake DESTINATION ${package_folder} COMPONENT dev)

file(RELATIVE_PATH TESSERA_UP_FROM_PKGCONFIG /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
foreach(module tessera tessera-full)
  configure_file(cmake/${module}.pc.in ${module}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${module}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
endforeach()

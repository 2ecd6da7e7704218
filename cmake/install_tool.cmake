# What `cmake --install` puts where of the command line, component tool.

# What the command line says of itself: written anew whenever it changes.
set(words ${PROJECT_BINARY_DIR}/share)
file(MAKE_DIRECTORY ${words})
add_custom_command(TARGET tessera POST_BUILD
  COMMAND tessera man > ${words}/tessera.1
  COMMAND tessera completion bash > ${words}/tessera
  COMMAND tessera completion zsh > ${words}/_tessera
  COMMAND tessera completion fish > ${words}/tessera.fish)
install(FILES ${words}/tessera.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT tool)
install(FILES ${words}/tessera DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT tool)
install(FILES ${words}/_tessera DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions COMPONENT tool)
install(FILES ${words}/tessera.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT tool)
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT tool)
if(TESSERA_PORTABLE)
  tessera_portable_icu()
  tessera_make_portable()
else()
  install(TARGETS tessera RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tool)
endif()

# The portable command line (preset portable): everything but the C library is linked in, or lies beside it, so that one file
# tree runs on any x86-64 Linux with glibc 2.36 or later. Debian has static libraries of all but two: ONNX's messages are
# generated again from the description that the shared one carries; libudev, which hwloc asks for, comes along.
enable_language(ASM)
set(CMAKE_FIND_LIBRARY_SUFFIXES .a .so)
set(Protobuf_USE_STATIC_LIBS ON)
set(portable_folder ${PROJECT_BINARY_DIR}/portable)
file(MAKE_DIRECTORY ${portable_folder}/onnx)

# tessera::onnx_proto, static.
function(tessera_portable_onnx)
  add_executable(print_onnx_messages ${PROJECT_SOURCE_DIR}/cmake/portable/print_onnx_messages.cpp)
  target_compile_definitions(print_onnx_messages PRIVATE ONNX_NAMESPACE=onnx ONNX_ML=1)
  target_link_libraries(print_onnx_messages PRIVATE -lonnx_proto -lprotobuf)
  set(messages ${portable_folder}/onnx/onnx-ml)
  add_custom_command(OUTPUT ${messages}.proto COMMAND print_onnx_messages > ${messages}.proto)
  add_custom_command(OUTPUT ${messages}.pb.cc ${messages}.pb.h DEPENDS ${messages}.proto
    COMMAND protobuf::protoc --proto_path=${portable_folder} --cpp_out=${portable_folder} onnx/onnx-ml.proto)
  add_library(tessera_onnx_messages STATIC ${messages}.pb.cc ${messages}.pb.h)
  # Before the headers of the installed library, whose classes may be laid out differently.
  target_include_directories(tessera_onnx_messages SYSTEM BEFORE PUBLIC ${portable_folder})
  target_link_libraries(tessera_onnx_messages PUBLIC protobuf::libprotobuf)
  add_library(tessera::onnx_proto ALIAS tessera_onnx_messages)
endfunction()

# Less data for ICU. To be linked before ICU's own, which then stays out.
function(tessera_portable_icu)
  find_library(TESSERA_ICU_DATA icudata REQUIRED)
  set(data ${portable_folder}/icu.dat)
  add_custom_command(OUTPUT ${data} DEPENDS ${PROJECT_SOURCE_DIR}/cmake/portable/reduce_icu_data
    COMMAND ${PROJECT_SOURCE_DIR}/cmake/portable/reduce_icu_data ${TESSERA_ICU_DATA} ${data})
  execute_process(COMMAND ${PKG_CONFIG_EXECUTABLE} --modversion icu-uc OUTPUT_VARIABLE version COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCH "^[0-9]+" version ${version})
  file(CONFIGURE OUTPUT ${portable_folder}/icu_data.S @ONLY CONTENT
    ".section .rodata\n.balign 16\n.globl icudt@version@_dat\nicudt@version@_dat: .incbin \"@data@\"\n.section .note.GNU-stack,\"\"\n")
  set_source_files_properties(${portable_folder}/icu_data.S PROPERTIES OBJECT_DEPENDS ${data})
  add_library(tessera_icu_data OBJECT ${portable_folder}/icu_data.S)
endfunction()

# After `tessera` has been defined.
function(tessera_make_portable)
  target_link_libraries(tessera PRIVATE $<TARGET_OBJECTS:tessera_icu_data>)
  target_link_options(tessera PRIVATE -static-libstdc++ -static-libgcc -Wl,--as-needed -Wl,--gc-sections)
  set_target_properties(tessera PROPERTIES INSTALL_RPATH "$ORIGIN/../lib/tessera")
  install(TARGETS tessera RUNTIME_DEPENDENCIES
      PRE_EXCLUDE_REGEXES "^ld-linux" "^lib(c|m|pthread|dl|rt|resolv)\\.so"
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tool
    LIBRARY DESTINATION lib/tessera COMPONENT tool)
endfunction()

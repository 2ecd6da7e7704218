# Files of one folder are compiled together, several at a time: they include the same headers and make the same templates, and
# a whole build takes two fifths of the time. A name in an anonymous namespace must therefore be unique in its folder.
#   TESSERA_TOGETHER=OFF   file by file, as tools want it that read compile_commands.json
# Left out are files with flags of their own, which are the kernels of a tier, and those that include protobuf's messages, whose
# names would meet ours.
option(TESSERA_TOGETHER "compile the files of a folder together" ON)

# tessera_compile_together(TARGET MOST SOURCE...): up to MOST at a time of the sources that TARGET was made of.
function(tessera_compile_together target most)
  if(NOT TESSERA_TOGETHER)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  foreach(source IN LISTS ARGN)
    get_filename_component(folder ${source} DIRECTORY)
    file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${folder})
    string(MAKE_C_IDENTIFIER ${folder} folder)
    file(STRINGS ${source} alone REGEX "include <onnx/" LIMIT_COUNT 1)
    get_source_file_property(flags ${source} COMPILE_OPTIONS)
    if(NOT alone AND NOT flags)
      list(APPEND files_of_${folder} ${source})
      list(LENGTH files_of_${folder} number)
      math(EXPR group "(${number} - 1) / ${most}")
      set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${folder}_${group})
    endif()
  endforeach()
endfunction()

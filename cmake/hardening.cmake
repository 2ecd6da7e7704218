# Compiler and linker flags that turn memory errors into a clean end. Not for the per-tier files (cmake/isa_flags.cmake):
# they hold loops over memory that plans have laid out, call nothing, and are measured to the percent.
#   -fstack-protector-strong    a canary behind arrays on the stack
#   -D_FORTIFY_SOURCE=2         memcpy and the like check lengths that the compiler knows
#   -D_GLIBCXX_ASSERTIONS       operator[] of vectors, spans and strings checks its index
#   -fstack-clash-protection    a large stack frame cannot jump over the guard page
#   relro, now                  addresses of library functions are read-only once the program runs
#   noexecstack                 no code on the stack
function(tessera_harden target)
  if(TESSERA_SANITIZE)
    return()  # they check the same and more, and _FORTIFY_SOURCE hides calls from them
  endif()
  get_target_property(sources ${target} SOURCES)
  foreach(source IN LISTS sources)
    get_filename_component(stem ${source} NAME_WE)
    if(NOT stem IN_LIST TESSERA_ISA_TIERS)
      set_property(SOURCE ${source} APPEND PROPERTY COMPILE_OPTIONS -fstack-protector-strong -fstack-clash-protection)
      set_property(SOURCE ${source} APPEND PROPERTY COMPILE_DEFINITIONS
        _GLIBCXX_ASSERTIONS "$<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>")
    endif()
  endforeach()
  target_link_options(${target} PUBLIC LINKER:-z,relro,-z,now,-z,noexecstack)
endfunction()

# Compiler and linker flags that turn memory errors into an end instead of wrong results or somebody else's code.
#   -fstack-protector-strong    a canary behind arrays on the stack
#   -fstack-clash-protection    a large stack frame cannot jump over the guard page
#   _FORTIFY_SOURCE=2           memcpy and the like check lengths that the compiler knows
#   _GLIBCXX_ASSERTIONS         operator[] of vectors, spans and strings checks its index
#   relro, now                  addresses of library functions are read-only once the program runs
#   noexecstack                 no code on the stack
# The per-tier files opt out (cmake/isa_flags.cmake): loops over memory that plans have laid out, without the standard library.
# Sanitizers check the same and more, and _FORTIFY_SOURCE would hide calls from them.
if(NOT TESSERA_SANITIZE)
  add_compile_options(-fstack-protector-strong -fstack-clash-protection)
  add_compile_definitions(_GLIBCXX_ASSERTIONS $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
  add_link_options(LINKER:-z,relro,-z,now,-z,noexecstack)
endif()

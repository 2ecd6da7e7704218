# What the sanitizers of TESSERA_SANITIZE check. Left out is what takes the compiler long and is checked in other ways (decision 56).
option(TESSERA_SANITIZE_KERNELS "check the kernels of every tier in builds with AddressSanitizer" OFF)

if(TESSERA_SANITIZE)
  add_compile_options(-fsanitize=${TESSERA_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TESSERA_SANITIZE})
endif()
set(TESSERA_SANITIZE_BUT_ADDRESSES undefined)
if(TESSERA_SANITIZE MATCHES fuzzer)
  set(TESSERA_SANITIZE_BUT_ADDRESSES undefined,fuzzer-no-link)
endif()

# tessera_check_addresses_only(TARGET): for tests and the command line. The library is what is to be checked for undefined behaviour;
# doing so here doubles the time these files take to compile.
function(tessera_check_addresses_only target)
  if(TESSERA_SANITIZE MATCHES undefined)
    target_compile_options(${target} PRIVATE -fno-sanitize=${TESSERA_SANITIZE_BUT_ADDRESSES})
  endif()
endfunction()

# tessera_spared_checks(TIER VARIABLE): the flags that a kernel of TIER is compiled with. Kernels are unrolled loops: checking each
# access and operation takes the compiler longer than all other files together. Those of avx2, which run on every machine, keep
# AddressSanitizer, which sees a plan that leads them astray; the other tiers are held to the same results, and tests put their
# operands against guard pages. ThreadSanitizer sees all of them.
function(tessera_spared_checks tier variable)
  set(flags "")
  if(TESSERA_SANITIZE MATCHES address AND NOT TESSERA_SANITIZE_KERNELS)
    set(flags -fno-sanitize=all)
    if(tier STREQUAL avx2)
      set(flags -fno-sanitize=${TESSERA_SANITIZE_BUT_ADDRESSES})
    endif()
  endif()
  set(${variable} "${flags}" PARENT_SCOPE)
endfunction()

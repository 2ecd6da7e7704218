# The one place that says which compiler flags each ISA tier gets. A file src/kernels/**/<tier>.cpp is compiled with the flags of
# its tier and nothing above it: negative flags keep a tier from leaking into the next. Where that takes long, there are several,
# <tier>.<part>.cpp. -ffp-contract=off: fused multiply-adds are written out where wanted, so that every tier rounds alike.
# -fno-exceptions/-fno-rtti and no standard library: no weak symbols.
set(TESSERA_ISA_avx2 -mavx2 -mfma -mf16c -mbmi2 -mno-avx512f -mno-avxvnni)
set(TESSERA_ISA_avx2_vnni -mavx2 -mfma -mf16c -mbmi2 -mavxvnni -mno-avx512f)
set(TESSERA_ISA_avx512_core -mavx2 -mfma -mf16c -mbmi2 -mavx512f -mavx512bw -mavx512vl -mavx512dq
    -mno-avx512vnni -mno-avx512bf16 -mno-avxvnni)
set(TESSERA_ISA_avx512_core_vnni -mavx2 -mfma -mf16c -mbmi2 -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni
    -mno-avx512bf16 -mno-avxvnni)
set(TESSERA_ISA_avx512_core_bf16 -mavx2 -mfma -mf16c -mbmi2 -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni
    -mavx512bf16 -mno-avxvnni)
set(TESSERA_ISA_avx512_core_amx -mavx2 -mfma -mf16c -mbmi2 -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni
    -mavx512bf16 -mamx-tile -mamx-int8 -mamx-bf16 -mno-avxvnni)
set(TESSERA_ISA_TIERS avx2 avx2_vnni avx512_core avx512_core_vnni avx512_core_bf16 avx512_core_amx)

function(tessera_apply_isa_flags)
  foreach(source IN LISTS ARGN)
    get_filename_component(stem ${source} NAME_WE)
    if(stem IN_LIST TESSERA_ISA_TIERS)
      tessera_spared_checks(${stem} spared)
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS
        "${TESSERA_ISA_${stem}};-ffp-contract=off;-fno-exceptions;-fno-rtti;-fno-math-errno;-fno-trapping-math;-fno-stack-protector;-fno-stack-clash-protection;${spared}"
        SKIP_PRECOMPILE_HEADERS ON)
    endif()
  endforeach()
endfunction()

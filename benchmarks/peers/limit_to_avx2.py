#!/usr/bin/env python3
"""limit_to_avx2.py ORACLE COPY [--vnni]: a copy of the installed ONNX Runtime that believes it is on an AVX2 machine.

ONNX Runtime has no option that caps its instruction set. To compare the avx2 tiers on a CPU that has AVX-512, every XGETBV in a private
copy of its library (0F 01 D0) is replaced by `push 7; pop rax`: XCR0 then says that the system saves XMM and YMM registers only. AVX-VNNI
needs no more than those, so its test (CPUID leaf 7.1, bit 4 of EAX) is made to find nothing, unless --vnni is given. For measuring
only.
"""
import glob
import shutil
import sys

XGETBV, PUSH_7_POP_RAX = bytes.fromhex("0f01d0"), bytes.fromhex("6a0758")
CPUID_TEST_BIT_4, CPUID_TEST_NOTHING = bytes.fromhex("0fa2a810"), bytes.fromhex("0fa2a800")

source, target = sys.argv[1:3]
shutil.copytree(source, target, dirs_exist_ok=True)
for path in glob.glob(f"{target}/node_modules/onnxruntime-node/bin/napi-v*/linux/x64/libonnxruntime.so.1"):
    with open(path, "rb") as file:
        library = file.read()
    print(f"{path}: {library.count(XGETBV)} XGETBV, {library.count(CPUID_TEST_BIT_4)} tests for AVX-VNNI replaced")
    library = library.replace(XGETBV, PUSH_7_POP_RAX)
    if "--vnni" not in sys.argv[3:]:
        library = library.replace(CPUID_TEST_BIT_4, CPUID_TEST_NOTHING)
    with open(path, "wb") as file:
        file.write(library)

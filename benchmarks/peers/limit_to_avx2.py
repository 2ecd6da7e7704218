#!/usr/bin/env python3
"""limit_to_avx2.py ORACLE COPY: a copy of the installed ONNX Runtime that believes it is on an AVX2 machine.

ONNX Runtime has no option that caps its instruction set. To compare the avx2 tiers on a CPU that has AVX-512, every XGETBV in a private
copy of its library (0F 01 D0) is replaced by `push 7; pop rax`: XCR0 then says that the system saves XMM and YMM registers only. For
measuring only.
"""
import glob
import shutil
import sys

source, target = sys.argv[1:]
shutil.copytree(source, target, dirs_exist_ok=True)
for path in glob.glob(f"{target}/node_modules/onnxruntime-node/bin/napi-v*/linux/x64/libonnxruntime.so.1"):
    with open(path, "rb") as file:
        library = file.read()
    print(f"{path}: {library.count(bytes.fromhex('0f01d0'))} XGETBV replaced")
    with open(path, "wb") as file:
        file.write(library.replace(bytes.fromhex("0f01d0"), bytes.fromhex("6a0758")))

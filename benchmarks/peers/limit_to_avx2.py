#!/usr/bin/env python3
"""limit_to_avx2.py SOURCE COPY [--vnni]: a copy of an installed peer that believes it is on an AVX2 machine.

SOURCE is the folder that scripts/lib/install_oracle filled (ONNX Runtime), or that of the Python package openvino. Neither has an
option that caps all of its instruction set: ONNX Runtime has none, and OpenVINO's ONEDNN_MAX_CPU_ISA leaves out the f32 matrix
products, which are MLAS's. To compare the avx2 tiers on a CPU that has AVX-512, every XGETBV in a private copy of their libraries
(0F 01 D0) is replaced by `push 7; pop rax`: XCR0 then says that the system saves XMM and YMM registers only. AVX-VNNI needs no more
than those, so ONNX Runtime's test of it (CPUID leaf 7.1, bit 4 of EAX) is made to find nothing, unless --vnni is given; OpenVINO's
obeys ONEDNN_MAX_CPU_ISA. For measuring only.
"""
import glob
import shutil
import sys

XGETBV, PUSH_7_POP_RAX = bytes.fromhex("0f01d0"), bytes.fromhex("6a0758")
CPUID_TEST_BIT_4, CPUID_TEST_NOTHING = bytes.fromhex("0fa2a810"), bytes.fromhex("0fa2a800")
ONNXRUNTIME = "node_modules/onnxruntime-node/bin/napi-v*/linux/x64/libonnxruntime.so.1"
OPENVINO = ("libs/libopenvino.so.*", "libs/libopenvino_intel_cpu_plugin.so")


def replace_in(path, without_vnni):
    with open(path, "rb") as file:
        library = file.read()
    print(f"{path}: {library.count(XGETBV)} XGETBV, {library.count(CPUID_TEST_BIT_4)} tests for AVX-VNNI")
    library = library.replace(XGETBV, PUSH_7_POP_RAX)
    if without_vnni:
        library = library.replace(CPUID_TEST_BIT_4, CPUID_TEST_NOTHING)
    with open(path, "wb") as file:
        file.write(library)


def main():
    source, target = sys.argv[1:3]
    shutil.copytree(source, target, dirs_exist_ok=True)
    onnxruntime = glob.glob(f"{target}/{ONNXRUNTIME}")
    openvino = [path for pattern in OPENVINO for path in glob.glob(f"{target}/{pattern}")]
    if not onnxruntime + openvino:
        sys.exit(f"{source}: neither ONNX Runtime for Node.js nor the Python package openvino is there")
    for path in onnxruntime:
        replace_in(path, "--vnni" not in sys.argv[3:])
    for path in openvino:
        replace_in(path, False)


main()

#!/usr/bin/env python3
"""ResNet-50 and BERT-base in full size, one inference each, in the emulator: FP32 and INT8 must have the bits that avx2 gives
here, BF16 those too where no dot product instruction adds in another order, and be close to FP32 where one does.

    TESSERA=build/release/tessera tests/e2e/full_size_test.py [--all]

--all: every precision on every tier, half an hour of two CPUs. Without it the four run cases of the mission for ResNet-50, and
INT8 on AMX for BERT-base: two minutes.
"""
import array
import concurrent.futures
import math
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zipfile

TESSERA = os.path.abspath(os.environ["TESSERA"])
RUN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "emulator", "run")
TIERS = ("avx2", "avx2_vnni", "avx512_core", "avx512_core_vnni", "avx512_core_bf16", "avx512_core_amx")
BF16_DOT_TIERS = ("avx512_core_bf16", "avx512_core_amx")
SEQ = 32
# What the oracle tests ask of bf16 against FP32.
LEAST_BF16_COSINE = 0.999


def npy(shape, descr, data):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({', '.join(map(str, shape))},), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def floats_of(path):
    with open(path, "rb") as file:
        data = file.read()
    length, = struct.unpack_from("<H", data, 8)
    return array.array("f", data[10 + length:])


def cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b))
    return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def calibration(model, path):
    """Any data will do: the question is whether tiers agree, not how good the scales are."""
    dice = random.Random(1)
    if model == "resnet50":
        arrays = {"input": npy((1, 3, 224, 224), "<f4", array.array("f", (dice.gauss(0, 1) for _ in range(3 * 224 * 224))).tobytes())}
    else:
        ids = array.array("q", (dice.randrange(1000, 30000) for _ in range(SEQ)))
        ones, zeros = array.array("q", [1] * SEQ), array.array("q", [0] * SEQ)
        arrays = {name: npy((1, SEQ), "<i8", values.tobytes())
                  for name, values in (("input_ids", ids), ("attention_mask", ones), ("token_type_ids", zeros))}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in arrays.items():
            archive.writestr(name + ".npy", data)


def succeed(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class FullSize:
    def __init__(self, folder):
        self.folder = folder
        self.expected = {}

    def file(self, model, precision):
        return os.path.join(self.folder, model + (".int8.onnx" if precision == "int8" else ".onnx"))

    def prepare(self, model):
        """Generating weights and calibrating take long under emulation, so both are done here, into files."""
        plain, data = self.file(model, "fp32"), os.path.join(self.folder, model + ".npz")
        succeed(TESSERA, "models", "export", model, "-q", "-o", plain)
        calibration(model, data)
        succeed(TESSERA, "quantize", plain, "-q", "--calibration", data, "--smoothquant", "off", "--no-bias-correction",
                "--no-sensitivity", "-o", self.file(model, "int8"))

    def words(self, model, precision, isa, output):
        extents = ["--seq", str(SEQ)] if model.startswith("bert") else []
        return [TESSERA, "run", self.file(model, precision), *extents, "-q", "--threads", "1", "--hash", "--strict",
                "--precision", precision, "--isa", isa, "--output-dir", output]

    def native(self, model, precision):
        """Hashes and the folder of outputs on this CPU's avx2, computed once."""
        if (model, precision) not in self.expected:
            output = os.path.join(self.folder, f"{model}-{precision}-native")
            self.expected[model, precision] = (succeed(*self.words(model, precision, "avx2", output)), output)
        return self.expected[model, precision]

    def check(self, model, precision, isa):
        """Nothing, or what is wrong."""
        output = os.path.join(self.folder, f"{model}-{precision}-{isa}")
        expected, _ = self.native(model, precision)
        began = time.monotonic()
        actual = succeed(RUN, "-m", "3072", "-t", "3000", "-f", self.file(model, precision), "-o", output,
                         *self.words(model, precision, isa, output))
        seconds = time.monotonic() - began
        if precision == "bf16" and isa in BF16_DOT_TIERS:
            _, reference = self.native(model, "fp32")
            worst = min(cosine(floats_of(os.path.join(output, name)), floats_of(os.path.join(reference, name)))
                        for name in os.listdir(reference))
            verdict = None if worst > LEAST_BF16_COSINE else f"cosine {worst} with FP32"
            note = f"cosine {worst:.6f} with FP32"
        else:
            verdict = None if actual == expected else f"gives\n{actual}on avx2 here\n{expected}"
            note = "bits as here on avx2"
        print(f"{model} {precision} {isa}: {verdict or note} ({seconds:.0f} s)", flush=True)
        return verdict


def main():
    every = [(model, precision, isa) for model in ("resnet50", "bert-base") for precision in ("fp32", "bf16", "int8")
             for isa in TIERS]
    few = [("resnet50", "fp32", "avx512_core_amx"), ("resnet50", "bf16", "avx512_core_amx"),
           ("resnet50", "int8", "avx512_core_vnni"), ("resnet50", "int8", "avx512_core_amx"),
           ("bert-base", "int8", "avx512_core_amx")]
    chosen = every if "--all" in sys.argv[1:] else few
    subprocess.run([RUN, "--prepare"], check=True)
    folder = tempfile.mkdtemp(prefix="tessera-full-size-")
    try:
        full = FullSize(folder)
        for model in sorted({model for model, _, _ in chosen}):
            full.prepare(model)
        for model, precision in {(model, precision) for model, precision, _ in chosen}:
            full.native(model, precision)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            failures = [verdict for verdict in pool.map(lambda case: full.check(*case), chosen) if verdict]
    finally:
        shutil.rmtree(folder)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

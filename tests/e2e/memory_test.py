#!/usr/bin/env python3
"""What a model occupies: at most 1.2 times its packed weights and its arena, beyond what the program takes by itself, at any time.

    TESSERA=build/release/tessera tests/e2e/memory_test.py
"""
import array
import json
import os
import pathlib
import random
import struct
import subprocess
import tempfile
import unittest
import zipfile

TESSERA = os.path.abspath(os.environ["TESSERA"])

# Of packed weights and arena together.
SHARE = 1.2
# Of a further thread, which the smallest model did not have: its stack and what its allocator keeps.
THREAD_MB = 0.5


def run(*words):
    return subprocess.run([TESSERA, *map(str, words)], check=True, capture_output=True, text=True, timeout=300).stdout


def field(number, content):
    """Of a protobuf message: a small number, or bytes shorter than 128."""
    if isinstance(content, int):
        return bytes([number << 3, content])
    content = content.encode() if isinstance(content, str) else content
    return bytes([number << 3 | 2, len(content)]) + content


def smallest_model():
    """x -> Relu -> y, one number."""
    shape = field(2, field(1, field(1, 1)))
    tensor = field(2, field(1, field(1, 1) + shape))  # float
    node = field(1, field(1, "x") + field(2, "y") + field(4, "Relu"))
    graph = node + field(2, "g") + field(11, field(1, "x") + tensor) + field(12, field(1, "y") + tensor)
    return field(1, 8) + field(8, field(1, b"") + field(2, 17)) + field(7, graph)


def npy(shape, descr, values):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + values.tobytes()


def one_item(model, path):
    """Anything will do: it is not about how good the scales are."""
    dice = random.Random(1)
    if model == "resnet50":
        pixels = array.array("f", (dice.gauss(0, 1) for _ in range(3 * 224 * 224)))
        arrays = {"input": npy((1, 3, 224, 224), "<f4", pixels)}
    else:
        ids = array.array("q", (dice.randrange(1000, 30000) for _ in range(128)))
        arrays = {"input_ids": npy((1, 128), "<i8", ids),
                  "attention_mask": npy((1, 128), "<i8", array.array("q", [1] * 128)),
                  "token_type_ids": npy((1, 128), "<i8", array.array("q", [0] * 128))}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in arrays.items():
            archive.writestr(name + ".npy", data)


class Memory(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        tiny = cls.path("tiny")
        tiny.write_bytes(smallest_model())
        cls.program_mb = cls.explain(tiny, 1)["peak_resident_mb"]

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def path(cls, name, suffix=".onnx"):
        return pathlib.Path(cls.folder.name, name + suffix)

    @classmethod
    def explain(cls, path, threads):
        # One inference: tables are read, too.
        return json.loads(run("explain", path, "--threads", threads, "--profile", 1, "--json"))

    def exported(self, model):
        path = self.path(model)
        if not path.exists():
            run("models", "export", model, "-q", "-o", path)
        return path

    def quantized(self, model):
        path = self.path(model + ".int8")
        if not path.exists():
            item = self.path(model, ".npz")
            one_item(model, item)
            run("quantize", self.exported(model), "--calibration", item, "-o", path, "--method", "minmax", "--smoothquant",
                "off", "--no-sensitivity", "--no-bias-correction", "--keep-slower", "--json")
        return path

    def check(self, path, least_mb):
        for threads in (1, 2):
            found = self.explain(path, threads)
            needed = found["weights_mb"] + found["arena_mb"]
            self.assertGreater(found["weights_mb"], least_mb)
            self.assertGreater(found["peak_resident_mb"], needed)
            self.assertLess(found["peak_resident_mb"] - self.program_mb, SHARE * needed + THREAD_MB * (threads - 1),
                            (found["weights_mb"], self.program_mb))

    def test_the_program_itself(self):
        self.assertLess(self.program_mb, 16)

    def test_a_convolutional_network(self):
        self.check(self.exported("resnet50"), 90)

    def test_a_transformer(self):
        self.check(self.exported("bert-base"), 300)

    def test_a_convolutional_network_in_integers(self):
        self.check(self.quantized("resnet50"), 20)

    def test_a_transformer_in_integers(self):
        self.check(self.quantized("bert-base"), 80)

    def test_built_in_weights_are_not_kept_beside_the_packed_ones(self):
        # The word embeddings are used as they are.
        for model, tables_mb in (("resnet50", 0), ("bert-base", 96)):
            found = self.explain(model, 1)
            needed = found["weights_mb"] + found["arena_mb"] + tables_mb
            self.assertLess(found["peak_resident_mb"] - self.program_mb, SHARE * needed, model)


if __name__ == "__main__":
    unittest.main()

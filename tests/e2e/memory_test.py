#!/usr/bin/env python3
"""What a model occupies: its packed weights and its arena once, and no second copy of the weights at any time.

    TESSERA=build/release/tessera tests/e2e/memory_test.py
"""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

TESSERA = os.path.abspath(os.environ["TESSERA"])

# What is resident whatever the model: the program and its libraries (9 MB), the graph (4 MB for BERT-base), a weight
# or two on their way from the file into packed form, and the rows of an embedding table around those that were read.
FIXED_MB = 40
SHARE = 1.1


def run(*words):
    return subprocess.run([TESSERA, *map(str, words)], check=True, capture_output=True, text=True, timeout=300).stdout


class Memory(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def check(self, model, *words, threads):
        path = pathlib.Path(self.folder.name, model + ".onnx")
        if not path.exists():
            run("models", "export", model, "-q", "-o", path)
        found = json.loads(run("explain", path, "--threads", threads, "--json", *words))
        needed = found["weights_mb"] + found["arena_mb"]
        self.assertGreater(found["weights_mb"], 90)
        self.assertGreater(found["peak_resident_mb"], found["weights_mb"])
        # Were the weights of the file beside the packed ones, it would be twice `needed`.
        self.assertLess(found["peak_resident_mb"], SHARE * needed + FIXED_MB, found["weights_mb"])

    def test_a_convolutional_network(self):
        for threads in (1, 2):
            self.check("resnet50", threads=threads)

    def test_a_transformer(self):
        for threads in (1, 2):
            self.check("bert-base", threads=threads)


if __name__ == "__main__":
    unittest.main()

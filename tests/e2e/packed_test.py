#!/usr/bin/env python3
"""tessera compile: packed models run to the same bytes, start at once, and are refused with a reason.

    TESSERA=build/release/tessera DATA=tests/data tests/e2e/packed_test.py
"""
import json
import os
import subprocess
import tempfile
import unittest

TESSERA = os.path.abspath(os.environ["TESSERA"])
DATA = os.path.abspath(os.environ["DATA"])


def tessera(*words):
    return subprocess.run([TESSERA, *words], capture_output=True, text=True, timeout=300, check=False)


def output_of(*words):
    done = tessera(*words)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(done.args)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Packed(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = os.path.join(folder.name, "model.tsr")

    def test_built_in_models_run_to_the_same_bytes(self):
        for model, case, extents in (("resnet50", "int8@avx2", []), ("bert-base", "bf16@avx2", ["--seq", "32"])):
            precision, isa = case.split("@")
            with self.subTest(model=model):
                made = json.loads(output_of("compile", model, "--case", case, "-o", self.file, "--json", *extents))
                self.assertEqual((made["model"], made["case"]), (model, case))
                expected = output_of("run", model, "--precision", precision, "--isa", isa, "--hash", "-q", *extents)
                self.assertEqual(output_of("run", self.file, "--hash", "-q", *extents), expected)
                start = json.loads(output_of("run", self.file, "--json", "-q", *extents))
                self.assertEqual((start["precision"], start["isa"]), (precision, isa))

    def test_nothing_is_packed_at_the_start(self):
        """Preparing a session takes a small part of what packing the weights takes."""
        output_of("compile", "resnet50", "--case", "int8@avx2", "-o", self.file, "-q")
        packing = json.loads(output_of("run", "resnet50", "--precision", "int8", "--isa", "avx2", "--json", "-q"))
        packed = min(json.loads(output_of("run", self.file, "--json", "-q"))["prepare_ms"] for _ in range(3))
        self.assertLess(packed, packing["prepare_ms"] / 3)

    def test_explain_takes_a_packed_model(self):
        output_of("compile", os.path.join(DATA, "image", "model.onnx"), "--case", "bf16@avx2", "-o", self.file, "-q")
        plan = json.loads(output_of("explain", self.file, "--json"))
        self.assertEqual(plan["isa"], "avx2")

    def test_another_case_is_refused(self):
        output_of("compile", os.path.join(DATA, "image", "model.onnx"), "--case", "bf16@avx2", "-o", self.file, "-q")
        done = tessera("run", self.file, "--precision", "int8")
        self.assertEqual(done.returncode, 2)
        self.assertIn("packed for bf16@avx2", done.stderr)

    def test_a_damaged_file_is_refused(self):
        output_of("compile", os.path.join(DATA, "image", "model.onnx"), "--case", "fp32@avx2", "-o", self.file, "-q")
        with open(self.file, "r+b") as file:
            file.seek(64)
            byte = file.read(1)
            file.seek(64)
            file.write(bytes([byte[0] ^ 1]))
        done = tessera("run", self.file)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"^tessera: packed model .*: is damaged: a checksum is wrong: compile the model again")

    def test_the_model_itself_is_not_overwritten(self):
        output_of("compile", os.path.join(DATA, "image", "model.onnx"), "--case", "fp32@avx2", "-o", self.file, "-q")
        before = os.stat(self.file)
        done = tessera("compile", self.file, "--case", "fp32@avx2", "-o", self.file)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(os.stat(self.file).st_mtime_ns, before.st_mtime_ns)


if __name__ == "__main__":
    unittest.main(verbosity=2)

#!/usr/bin/env python3
"""tessera quantize from outside: the report, the file, bad data, and what remains when it is killed.

    TESSERA=build/release/tessera DATA=tests/data tests/e2e/quantize_test.py
"""
import array
import json
import os
import pathlib
import pty
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest
import zipfile

TESSERA = os.path.abspath(os.environ["TESSERA"])
DATA = pathlib.Path(os.environ["DATA"]).absolute()
IMAGE = DATA / "image" / "model.onnx"
TEXT = DATA / "text" / "model.onnx"


def tessera(*words):
    return subprocess.run([TESSERA, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=300, check=False)


def write_npz(path, **arrays):
    """name=(shape, floats)"""
    with zipfile.ZipFile(path, "w") as archive:
        for name, (shape, values) in arrays.items():
            header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {tuple(shape)}, }}"
            header += " " * (-(len(header) + 11) % 64) + "\n"
            archive.writestr(name + ".npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
                             + array.array("f", values).tobytes())


def read_terminal(leader):
    """What was written to the other end; nothing once that has closed, which Linux reports as EIO."""
    try:
        return os.read(leader, 4096)
    except OSError:
        return b""


class Quantize(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tessera-quantize-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.out = self.dir / "int8.onnx"

    def quantize(self, model, calibration, *words):
        return tessera("quantize", model, "--calibration", calibration, "-o", self.out, *words)

    def fails(self, status, done, *says):
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for part in says:
            self.assertIn(part, done.stderr)
        self.assertEqual(list(self.dir.glob("int8*")) + list(self.dir.glob(".int8*")), [])

    def test_the_report_and_the_file(self):
        done = self.quantize(IMAGE, DATA / "image" / "calib", "--json", "--keep-slower", "--items", "40")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        report = json.loads(done.stdout)
        self.assertEqual(report["calibration_items"], 40)
        self.assertEqual(report["metric"], "top1")
        self.assertEqual(report["int8_mac_share"], 1.0)
        self.assertLessEqual(report["drop"], 2.5)  # one of forty items
        self.assertGreater(report["cosine"], 0.999)
        self.assertEqual(len(report["layers"]), 54)  # 53 convolutions and a linear layer
        self.assertAlmostEqual(sum(layer["mac_share"] for layer in report["layers"]), 1.0, places=6)
        for layer in report["layers"]:
            self.assertEqual(layer["precision"], "int8", layer)
            self.assertGreater(layer["sqnr_db"], 20, layer)

        plan = json.loads(tessera("explain", self.out, "--json").stdout)
        for step in plan["steps"]:
            if step["op"] in ("FusedConv", "FusedMatMul"):
                self.assertTrue(step["precision"].startswith("u8*s8"), step)
            self.assertNotEqual(step["kernel"], "reference", step)
        hashes = {tessera("run", self.out, "--hash", "-q", *words).stdout
                  for words in ((), ("--isa", "avx2"), ("--threads", "1"))}
        self.assertEqual(len(hashes), 1, "INT8 is the same on every tier and thread count")

    def test_a_transformer_is_smoothed_and_its_projections_stay_merged(self):
        done = self.quantize(TEXT, DATA / "text" / "calib.tsv", "--keep-slower", "--items", "30")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("SmoothQuant alpha", done.stdout)
        self.assertIn("% of the multiply-adds run in INT8", done.stdout)
        self.assertIn("products of two activations", done.stdout)
        plan = json.loads(tessera("explain", self.out, "--json").stdout)
        products = [step for step in plan["steps"] if step["op"] == "FusedMatMul"]
        self.assertEqual(len(products), 4 * 4 + 2)
        self.assertTrue(all(step["precision"].startswith("u8*s8") for step in products), products)
        self.assertEqual(sum(step["node"].endswith("_qkv") for step in products), 4)

    def test_gelu_and_residual_stream_on_request(self):
        words = ("--keep-slower", "--no-sensitivity", "--items", "12", "--smoothquant", "off", "--json", "-q")
        plain = json.loads(self.quantize(TEXT, DATA / "text" / "calib.tsv", *words).stdout)
        usual = self.out.read_bytes()
        done = self.quantize(TEXT, DATA / "text" / "calib.tsv", *words, "--gelu-method", "minmax")
        self.assertNotEqual(json.loads(done.stdout)["sqnr_db"], plain["sqnr_db"])
        self.assertEqual(len(self.out.read_bytes()), len(usual))  # other scales, the same nodes
        done = self.quantize(TEXT, DATA / "text" / "calib.tsv", *words, "--int8-residual")
        self.assertGreater(json.loads(done.stdout)["cosine"], 0.999)
        self.assertGreater(len(self.out.read_bytes()), len(usual))
        self.out.unlink()
        self.fails(2, self.quantize(TEXT, DATA / "text" / "calib.tsv", "--gelu-method", "median"), "--gelu-method median")

    def test_the_gate(self):
        words = ("--json", "--keep-slower", "--items", "12", "--metric", "cosine")
        free = json.loads(self.quantize(IMAGE, DATA / "image" / "calib", *words).stdout)
        allowed = free["drop"] / 2
        held = json.loads(self.quantize(IMAGE, DATA / "image" / "calib", *words, "--max-drop", allowed).stdout)
        self.assertTrue(held["gate_holds"])
        self.assertLessEqual(held["drop"], allowed)
        self.assertLess(held["int8_mac_share"], 1)
        self.assertTrue(all(layer["reason"] for layer in held["layers"] if layer["precision"] != "int8"))

    def test_bad_data(self):
        empty = self.dir / "empty"
        empty.mkdir()
        self.fails(2, self.quantize(IMAGE, empty), "empty")
        broken = self.dir / "broken"
        broken.mkdir()
        (broken / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0 this is no picture")
        self.fails(2, self.quantize(IMAGE, broken), "photo.jpg")
        pixels = 3 * 64 * 64
        write_npz(self.dir / "names.npz", picture=((1, 3, 64, 64), [0.5] * pixels))
        self.fails(2, self.quantize(IMAGE, self.dir / "names.npz"), "names.npz", "input", "picture")
        write_npz(self.dir / "nan.npz", input=((1, 3, 64, 64), [0.5] * (pixels - 1) + [float("nan")]))
        self.fails(2, self.quantize(IMAGE, self.dir / "nan.npz"), "NaN")

    def test_a_model_that_fixes_its_batch_gets_full_batches(self):
        symbol = b"\x0a\x07\x12\x05batch"  # a dimension named batch, and one of the same length that is 4
        model = IMAGE.read_bytes()
        self.assertIn(symbol, model)
        source = self.dir / "source"
        source.mkdir()
        fixed = source / "fixed.onnx"
        fixed.write_bytes(model.replace(symbol, b"\x0a\x07\x08\x84\x80\x80\x80\x80\x00"))
        for companion in ("model.safetensors", "preprocessor_config.json", "labels.json"):
            shutil.copy(IMAGE.with_name(companion), source)
        words = ("--json", "--keep-slower", "--no-sensitivity")
        done = self.quantize(fixed, DATA / "image" / "calib", *words, "--items", "22")
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(report["calibration_items"], 20)
        self.assertEqual(report["metric"], "top1")
        one_by_one = json.loads(self.quantize(IMAGE, DATA / "image" / "calib", *words, "--items", "20").stdout)
        for same in ("fp32_score", "int8_score", "top1_agreement"):
            self.assertEqual(report[same], one_by_one[same])
        self.out.unlink()
        self.fails(2, self.quantize(fixed, DATA / "image" / "calib", "--items", "3"), "batch of 4", "calib")

    def test_the_fallback_is_bf16_or_fp32(self):
        words = ("--json", "--keep-slower", "--items", "12", "--metric", "cosine")
        free = json.loads(self.quantize(IMAGE, DATA / "image" / "calib", *words).stdout)
        for fallback, kernel in (("bf16", "bf16*bf16"), ("fp32", "f32*f32")):
            held = json.loads(self.quantize(IMAGE, DATA / "image" / "calib", *words, "--max-drop", free["drop"] / 2,
                                            "--fallback", fallback).stdout)
            self.assertTrue(held["gate_holds"])
            self.assertEqual(held["bf16_mac_share"] > 0, fallback == "bf16")
            self.assertEqual({layer["precision"] for layer in held["layers"]}, {"int8", fallback})
            sent_back = {layer["name"] for layer in held["layers"] if layer["precision"] != "int8"}
            steps = json.loads(tessera("explain", self.out, "--json").stdout)["steps"]
            self.assertEqual({step["node"] for step in steps if step["precision"].startswith(kernel)}, sent_back)

    def test_what_the_data_leave_out_is_said(self):
        mixed = self.dir / "mixed"
        shutil.copytree(DATA / "image" / "calib", mixed)
        (mixed / "photo.heic").write_text("no picture\n")
        done = self.quantize(IMAGE, mixed, "--json", "--keep-slower", "--no-sensitivity", "--items", "10")
        self.assertEqual(done.returncode, 0, done.stderr)
        warnings = json.loads(done.stdout)["warnings"]
        self.assertTrue(any("photo.heic" in warning for warning in warnings), warnings)
        for warning in warnings:
            self.assertIn("tessera: note: " + warning, done.stderr)

    def test_a_constant_is_named(self):
        write_npz(self.dir / "grey.npz", input=((2, 3, 64, 64), [0.25] * (2 * 3 * 64 * 64)))
        done = self.quantize(IMAGE, self.dir / "grey.npz", "--no-sensitivity", "--keep-slower")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"tessera: note: activation input is 0\.25\d* everywhere")
        done = self.quantize(IMAGE, self.dir / "grey.npz", "--no-sensitivity", "--keep-slower", "--json", "-q")
        self.assertEqual(done.stderr, "")
        self.assertRegex(json.loads(done.stdout)["warnings"][0], r"activation input is 0\.25\d* everywhere")

    def test_words_that_make_no_sense(self):
        calibration = DATA / "image" / "calib"
        self.fails(2, self.quantize(IMAGE, calibration, "--method", "median"), "median", "percentile")
        self.fails(2, self.quantize(IMAGE, calibration, "--smoothquant", "2"), "smoothquant")
        self.fails(2, self.quantize(IMAGE, calibration, "--metric", "beauty"), "beauty")
        self.fails(2, self.quantize(IMAGE, calibration, "--fallback", "int4"), "int4", "bf16")
        done = tessera("quantize", IMAGE, "--calibration", calibration, "-o", self.dir / "no" / "such.onnx")
        self.assertEqual(done.returncode, 1, done.stderr)

    def test_killed_midway_leaves_nothing_and_shows_progress_until_then(self):
        leader, follower = pty.openpty()
        long = (TEXT, "--calibration", DATA / "text" / "test.tsv", "-o", self.out)  # ten seconds, with stages above one
        child = subprocess.Popen([TESSERA, "quantize", *long],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=follower)
        os.close(follower)
        shown = b""
        try:
            end = time.monotonic() + 120
            while b"left" not in shown and child.poll() is None and time.monotonic() < end:
                shown += read_terminal(leader)
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
            os.close(leader)
        self.assertEqual(child.returncode, -signal.SIGKILL, shown.decode(errors="replace"))
        self.assertIn(b"%", shown)
        self.assertIn(b"left", shown)
        self.assertEqual(list(self.dir.iterdir()), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)

#!/usr/bin/env python3
"""Results that are true, inputs and results that are not lost, limits that hold: each test is something that once was not so.

    TESSERA=build/release/tessera DATA=tests/data tests/e2e/truth_test.py
"""
import json
import os
import pathlib
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest
import zipfile
import zlib

import onnx_bytes as onnx

TESSERA = os.path.abspath(os.environ["TESSERA"])
DATA = pathlib.Path(os.environ["DATA"]).resolve()
IMAGE = DATA / "image" / "model.onnx"
TEXT = DATA / "text" / "model.onnx"
QUANTIZED = DATA / "quantized" / "image_qoperator.onnx"
MARKER = "[CODE_SAMPLE_COMPLETED_SUCCESSFULLY]"
# Sanitizers keep books of their own beside the memory of the program, and take their time.
SANITIZED = bool(os.environ.get("SANITIZED"))
nan = float("nan")


def limit(kind, most):
    return lambda: resource.setrlimit(kind, (most, most))


class Truth(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tessera-truth-"))
        self.addCleanup(shutil.rmtree, self.dir)

    def run_tool(self, *words, **options):
        environment = {**os.environ, "XDG_CACHE_HOME": str(self.dir / "cache"), **options.pop("env", {})}
        return subprocess.run([TESSERA, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=300, env=environment, check=False, **options)

    def fails(self, status, *words, says=(), **options):
        """One clear line on stderr and the right exit status."""
        done = self.run_tool(*words, **options)
        self.assertEqual(done.returncode, status, f"{words}: {done.stdout}{done.stderr}")
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertRegex(lines[0], r"^tessera: [^:]+: .+")
        self.assertNotIn(MARKER, done.stdout)
        for part in [says] if isinstance(says, str) else says:
            self.assertIn(part, lines[0])
        return done

    def compare(self, *words, samples=3, status=0):
        done = self.run_tool("compare", "--warmup", 0, "--samples", samples, "--json", *words)
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout)

    def write(self, name, content):
        path = self.dir / name
        path.write_bytes(content)
        return path

    def most_resident_mb(self, *words):
        """Exit status, stderr and the most memory that the run ever held."""
        process = subprocess.Popen([TESSERA, *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   text=True)
        said = process.stderr.read()
        process.stderr.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, said, usage.ru_maxrss * 1024 / 1e6

    # ---- results are true

    def test_a_quantized_file_is_said_to_be_int8(self):
        words = ("--model", QUANTIZED, "--case", "fp32@avx2", "--case", "bf16@avx2", "--case", "int8@avx2")
        model = self.compare(*words)["models"][0]
        self.assertEqual(model["baseline_precision"], "int8")
        for row in model["cases"]:
            self.assertEqual(row["precision"], "int8", row["case"])
            self.assertGreater(row["multiplies"]["int8"], 0.9)
        text = self.run_tool("compare", *words, "--warmup", 0, "--samples", 3, "-q").stdout
        self.assertEqual(text.count("runs int8"), 2, text)  # below fp32 and bf16
        self.assertIn("the file's own INT8", text)
        self.assertNotIn("with FP32", text)

    def test_a_float_model_is_what_its_cases_say(self):
        model = self.compare("--model", IMAGE, "--case", "fp32@avx2", "--case", "bf16@avx2", "--case", "int8@avx2", "--calibration",
                             "synthetic")["models"][0]
        self.assertEqual([row["precision"] for row in model["cases"]], ["fp32", "bf16", "int8"])
        self.assertEqual(model["baseline_precision"], "fp32")

    def test_throughput_is_measured(self):
        for row in self.compare("--model", IMAGE, "--batch", 2, "--case", "fp32@avx2", samples=9)["models"][0]["cases"]:
            self.assertAlmostEqual(row["throughput_per_s"] * row["latency_ms"]["mean"] / 2000, 1, places=6)

    def test_calibration_is_charged_to_every_case_that_needs_it(self):
        rows = self.compare("--model", IMAGE, "--case", "int8@avx2", "--case", "int8", "--case", "fp32@avx2", "--calibration",
                            "synthetic")["models"][0]["cases"]
        first, second, fp32 = rows
        self.assertGreater(first["calibration_ms"], 0)
        self.assertEqual(first["calibration_ms"], second["calibration_ms"])
        for row in (first, second):
            self.assertGreater(row["prepare_ms"], row["calibration_ms"])
        self.assertEqual(fp32["calibration_ms"], 0)

    @unittest.skipIf(SANITIZED, "memory is counted")
    def test_memory_of_a_case_does_not_hold_that_of_others(self):
        side = 2048
        path = self.write("large.onnx", onnx.products(4, side, bytes(4 * side * side)))
        resident = {}
        for order in (("fp32@avx2", "bf16@avx2"), ("bf16@avx2", "fp32@avx2")):
            words = [word for case in order for word in ("--case", case)]
            for row in self.compare("--model", path, "--accuracy-inputs", 1, *words)["models"][0]["cases"]:
                resident.setdefault(row["case"], []).append(row["memory_mb"]["rss"])
        for case, (a, b) in resident.items():
            self.assertLess(max(a, b) / min(a, b), 1.25, resident)

    @unittest.skipIf(SANITIZED, "speed is measured")
    def test_the_peak_is_that_of_the_cpus_there_are(self):
        usable = json.loads(self.run_tool("doctor", "--json").stdout)["cpus"]["usable"]
        words = ("--model", IMAGE, "--case", "fp32@avx2", "--threads")
        most = max(self.compare(*words, usable)["machine"]["peak"]["fp32_gflops"] for _ in range(3))
        done = self.run_tool("compare", "--warmup", 0, "--samples", 3, "--json", *words, 6 * usable)
        self.assertLess(json.loads(done.stdout)["machine"]["peak"]["fp32_gflops"], 2 * most)
        self.assertIn(f"--threads {6 * usable} is more than", done.stderr)

    def test_nan_in_the_input_of_int8_is_a_counted_warning(self):
        values = [0.5] * (3 * 64 * 64)
        values[7], values[99] = nan, float("inf")
        path = self.write("x.npy", onnx.npy([1, 3, 64, 64], onnx.floats(*values)))
        name = json.loads(self.run_tool("run", IMAGE, "--json", "-q").stdout)["random_inputs"][0]
        words = ("run", IMAGE, "--input", f"{name}={path}", "--calibration", "synthetic", "--precision")
        done = self.run_tool(*words, "int8")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"warning: input {name} held 2 numbers that are NaN or infinite", done.stderr)
        warning = json.loads(self.run_tool(*words, "int8", "--json", "-q").stdout)["warnings"][0]
        self.assertEqual((warning["code"], warning["subject"], warning["count"]), ("non_finite_input", name, 2))
        for precision in ("fp32", "bf16"):
            done = self.run_tool(*words, precision)
            self.assertIn("nan", done.stdout)
            self.assertNotIn("warning", done.stderr)

    def test_tuning_says_that_it_may_change_bits(self):
        self.assertIn("may differ in their last bits", self.run_tool("run", IMAGE, "--tune").stderr)
        text = self.run_tool("compare", "--model", IMAGE, "--case", "fp32@avx2", "--warmup", 0, "--samples", 3, "--tune").stdout
        self.assertIn("may differ in their last bits", " ".join(text.split()))

    def test_quantizing_twice_gives_the_same_bytes(self):
        written = []
        for name in ("a.onnx", "b.onnx"):
            done = self.run_tool("quantize", IMAGE, "--calibration", DATA / "image" / "calib", "--items", 6,
                                 "--no-sensitivity", "-q", "-o", self.dir / name)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertNotIn("slower in INT8", done.stdout)
            written.append((self.dir / name).read_bytes())
        self.assertEqual(written[0], written[1])

    # ---- nothing crashes

    def test_fp32_outputs_that_are_not_finite(self):
        side = 8
        path = self.write("nan.onnx", onnx.products(2, side, onnx.floats(*[nan] * (side * side))))
        report = self.compare("--model", path, "--model", IMAGE, "--case", "fp32@avx2", "--case", "bf16@avx2")
        self.assertEqual([row["status"] for model in report["models"] for row in model["cases"]], ["ok"] * 4)
        for row in report["models"][0]["cases"]:
            self.assertIsNone(row["accuracy"])
            self.assertIn("NaN or infinite on 8 of 8 inputs", row["warnings"][0])

    def test_one_failing_model_never_costs_the_others(self):
        missing, report = self.dir / "missing.onnx", self.dir / "report"
        done = self.run_tool("compare", "--model", missing, "--model", IMAGE, "--case", "fp32@avx2", "--warmup", 0,
                             "--samples", 3, "--json", "-q", "--report", report)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn("missing.onnx", done.stderr)
        models = json.loads(done.stdout)["models"]
        self.assertIn("missing.onnx", models[0]["failure"])
        self.assertEqual(models[1]["cases"][0]["status"], "ok")
        self.assertTrue((report / "model-time.svg").exists())

    def test_extents_beyond_any_memory(self):
        for extents in ([2**63 - 1], [2**62, 4], [2**40, 2**40], [2**31, 2**31, 2**31]):
            for op, result in (("Relu", extents), ("ReduceMax", [1] * len(extents))):
                path = self.write("huge.onnx", onnx.model([onnx.node(op, ["x"], ["y"])], [onnx.value_info("x", extents)],
                                                          [onnx.value_info("y", result)]))
                for words in (("run",), ("explain",), ("compare", "--model")):
                    self.fails(2, *words, path, "-q", says="tensor x")

    def test_more_memory_than_there_is(self):
        wide = [2**21, 2**21]  # 16 TiB
        path = self.write("wide.onnx", onnx.model([onnx.node("Relu", ["x"], ["y"])], [onnx.value_info("x", wide)],
                                                  [onnx.value_info("y", wide)]))
        self.fails(2, "run", path, "-q", says=["input x", "MiB"])
        column, row = onnx.value_info("x", [2**21, 1]), onnx.value_info("r", [1, 2**21])
        path = self.write("outer.onnx", onnx.model([onnx.node("Add", ["x", "r"], ["y"]), onnx.node("ReduceMax", ["y"], ["z"])],
                                                   [column, row], [onnx.value_info("z", [1, 1])]))
        self.fails(2, "run", path, "-q", says=["y of shape [2097152, 2097152]", "MiB"])

    @unittest.skipIf(SANITIZED, "they reserve all of the address space")
    def test_memory_that_runs_out_is_one_line(self):
        for mib in (90, 150, 250, 400):
            done = self.run_tool("run", "resnet50", "--batch", 8, "-q", preexec_fn=limit(resource.RLIMIT_AS, mib << 20))
            if done.returncode == 0:
                continue
            self.assertIn(done.returncode, (1, 2), f"{mib} MiB: {done.stderr}")
            self.assertRegex(done.stderr, r"^tessera: [^\n]*memory[^\n]*\n$")

    def test_a_pipe_is_no_file(self):
        """Nobody writes to it: opening it in the usual way waits for ever."""
        for name in ("p.onnx", "p.tsr", "p.npy", "p.npz", "p.png"):
            os.mkfifo(self.dir / name)
        for name in ("p.onnx", "p.tsr"):
            for words in (("run",), ("explain",), ("compare", "--model")):
                self.fails(2, *words, self.dir / name, "-q", says=[name, "regular"])
        for name in ("p.npy", "p.npz", "p.png"):
            self.fails(2, "quantize", IMAGE, "--calibration", self.dir / name, "-q", "-o", self.dir / "o.onnx", says=name)
        name = json.loads(self.run_tool("run", IMAGE, "--json", "-q").stdout)["random_inputs"][0]
        self.fails(2, "run", IMAGE, "--input", f"{name}={self.dir / 'p.npy'}", "-q", says="p.npy")
        self.fails(2, "quantize", IMAGE, "--calibration", self.dir, "-q", "-o", self.dir / "o.onnx", says=str(self.dir))

    # ---- nothing is lost

    def test_outputs_do_not_overwrite_inputs(self):
        model = self.write("model.onnx", IMAGE.read_bytes())
        shutil.copy(IMAGE.parent / "model.safetensors", self.dir)
        os.link(model, self.dir / "hard.onnx")
        os.symlink(model, self.dir / "soft.onnx")
        words = ("quantize", model, "--calibration", DATA / "image" / "calib", "--items", 2, "-q", "-o")
        for name in ("model.onnx", "hard.onnx", "soft.onnx", "../" + self.dir.name + "/model.onnx"):
            self.fails(2, *words, self.dir / name, says=name)
        self.assertEqual(model.read_bytes(), IMAGE.read_bytes())

        side = 8
        raw = self.write("weights.bin", onnx.floats(*[0.5] * side * side))
        path = self.write("external.onnx", onnx.model(
            [onnx.node("MatMul", ["x", "w"], ["y"])], [onnx.value_info("x", [1, side])], [onnx.value_info("y", [1, side])],
            [onnx.external_tensor("w", [side, side], "weights.bin")]))
        array = self.write("x.npy", onnx.npy([4, side], onnx.floats(*[0.5] * 4 * side)))
        self.fails(2, "quantize", path, "--calibration", array, "-q", "-o", raw, says="weights.bin")
        self.assertEqual(len(raw.read_bytes()), 4 * side * side)
        self.fails(2, "quantize", path, "--calibration", array, "-q", "-o", array, says="x.npy")

        given = self.write("y.npy", onnx.npy([1, side], onnx.floats(*[2.0] * side)))
        before = given.read_bytes()
        self.fails(2, "run", path, "--input", f"x={given}", "--output-dir", self.dir, "-q", says="y.npy")
        self.assertEqual(given.read_bytes(), before)
        self.assertEqual([name for name in os.listdir(self.dir) if "part" in name], [])

    def test_other_outputs_do_not_overwrite_inputs(self):
        """What compile, embed and explain write, over models, weights and data."""
        model = self.write("model.onnx", IMAGE.read_bytes())
        weights = shutil.copy(IMAGE.parent / "model.safetensors", self.dir)
        data = self.write("x.npy", onnx.npy([1, 3, 64, 64], onnx.floats(*[0.5] * (3 * 64 * 64))))
        os.symlink(data, self.dir / "soft.npy")
        before = {path: pathlib.Path(path).read_bytes() for path in (model, weights, data)}
        for name in ("model.onnx", "model.safetensors", "x.npy", "soft.npy"):
            self.fails(2, "compile", model, "--case", "int8@avx2", "--calibration", data, "-q", "-o", self.dir / name, says=name)
            for option in ("--html", "--trace", "--dot"):
                self.fails(2, "explain", model, "--precision", "int8", "--calibration", data, "-q", option, self.dir / name, says=name)
        for path, content in before.items():
            self.assertEqual(pathlib.Path(path).read_bytes(), content, path)

        texts = self.write("texts.txt", b"a text\nanother\n")
        os.link(texts, self.dir / "hard.npy")
        for name in ("texts.txt", "hard.npy"):
            self.fails(2, "embed", TEXT, texts, "--output", self.dir / name, "-q", says=name)
        self.assertEqual(texts.read_bytes(), b"a text\nanother\n")
        self.assertEqual([name for name in os.listdir(self.dir) if "part" in name], [])

    def interrupt(self, signal_number, after, *words):
        process = subprocess.Popen([TESSERA, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(after)
        process.send_signal(signal_number)
        out, said = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 128 + signal_number, said)
        self.assertIn("interrupted", out)
        self.assertNotIn(MARKER, out)

    def test_an_interrupt_keeps_what_was_measured(self):
        report = self.dir / "report"
        words = ("compare", "--model", IMAGE, "--model", TEXT, "--case", "fp32@avx2", "--case", "bf16@avx2", "--samples",
                 10000000, "-q", "--report", report)
        for number in (signal.SIGINT, signal.SIGTERM):
            for after in (1, 5, 25):  # a busy machine may still be preparing
                self.interrupt(number, after, *words)
                written = json.loads((report / "report.json").read_text())
                self.assertTrue(written["partial"])
                self.assertEqual([name for name in os.listdir(report) if name.startswith(".")], [])
                rows = [row for model in written["models"] for row in model["cases"]]
                if all(row["status"] == "ok" for row in rows):
                    break
            self.assertEqual([(row["case"], row["status"]) for row in rows], [("fp32@avx2", "ok"), ("bf16@avx2", "ok")])
            for row in rows:
                self.assertGreater(row["samples"], 3)

    # ---- limits before allocation

    def png(self, width, height, rows=None, depth=16, colour=6):
        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)) +
                chunk(b"IDAT", rows or zlib.compress(b"\0" * 9)) + chunk(b"IEND", b""))

    def add_zeros(self, archive, name, extents, mib):
        with archive.open(name, "w") as entry:
            entry.write(onnx.npy(extents, b""))
            for _ in range(mib):
                entry.write(bytes(1 << 20))

    def test_small_files_do_not_take_much_memory(self):
        calm = self.most_resident_mb("run", IMAGE, "-q")[2]
        picture = self.write("bomb.png", self.png(2**31 - 1, 1))
        self.assertLess(picture.stat().st_size, 100)
        arrays = self.dir / "bomb.npz"
        with zipfile.ZipFile(arrays, "w", zipfile.ZIP_DEFLATED) as archive:
            self.add_zeros(archive, "input.npy", [1, 3, 64, 64], 400)
        unneeded = self.dir / "unneeded.npz"
        with zipfile.ZipFile(unneeded, "w", zipfile.ZIP_DEFLATED) as archive:
            self.add_zeros(archive, "other.npy", [100 << 20], 400)
        for path in (picture, arrays, unneeded):
            status, said, most = self.most_resident_mb("quantize", IMAGE, "--calibration", path, "-q", "-o", self.dir / "o.onnx")
            self.assertEqual(status, 2, said)
            self.assertIn(path.name, said)
            self.assertLess(most, calm + 60, said)

    def test_a_large_picture_is_in_memory_once(self):
        """One of the wrong size is refused before its 36 million pixels become floats."""
        side = 6000
        squeeze = zlib.compressobj(1)
        rows = b"".join(squeeze.compress(bytes(1 + 3 * side)) for _ in range(side)) + squeeze.flush()
        path = self.write("large.png", self.png(side, side, rows, depth=8, colour=2))
        status, said, most = self.most_resident_mb("quantize", IMAGE, "--calibration", path, "-q", "-o", self.dir / "o.onnx")
        self.assertEqual(status, 2, said)
        self.assertIn("6000 x 6000", said)
        self.assertLess(most, 350)

    def test_doctor_names_the_limits_of_memory(self):
        memory = json.loads(self.run_tool("doctor", "--json").stdout)["memory"]
        self.assertGreater(memory["total_bytes"], memory["available_bytes"] * 0.5)
        self.assertIn("cgroup_limit_bytes", memory)
        self.assertIn("\nMemory\n", self.run_tool("doctor").stdout)

    @unittest.skipIf(SANITIZED, "time is measured")
    def test_large_graphs_are_planned_in_seconds(self):
        products = self.write("products.onnx", onnx.products(2000, 4))
        count = 100000
        chain = [onnx.node("Relu" if i % 2 else "Neg", [f"v{i}"], [f"v{i + 1}"]) for i in range(count)]
        nodes = self.write("nodes.onnx", onnx.model(chain, [onnx.value_info("v0", [1, 4])],
                                                    [onnx.value_info(f"v{count}", [1, 4])]))
        # On one CPU, by its clock: threads that wait for each other would count, other programs would not.
        cpu = {min(os.sched_getaffinity(0))}
        for words in ((products, "--precision", "int8", "--calibration", "synthetic"), (nodes,)):
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            done = self.run_tool("explain", *words, "-q", preexec_fn=lambda: os.sched_setaffinity(0, cpu))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertLess(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before, 20, words)

    # ---- words

    def test_control_characters_are_shown_not_obeyed(self):
        for name in ("a\x1b[31m.onnx", "b\x7f\x07.onnx", "c\x9b31m.onnx"):
            for words in (("run", name), ("compare", "--model", name), ("explain", name)):
                done = self.fails(2, *words, "-q", says=["\\x", ".onnx"])
                self.assertNotRegex(done.stderr, "[\x00-\x09\x0b-\x1f\x7f-\x9f]")

    def test_names_in_files_are_shown_not_obeyed(self):
        """Nodes and classes that are called what a terminal obeys, in everything that is printed of them. Tensors that are
        called so are refused."""
        hostile, side = "a\x1b[2J\x07\x9bb", 4
        path = self.write("names.onnx", onnx.model(
            [onnx.node("MatMul", ["x", "w"], ["h"], hostile), onnx.node("Round", ["h"], ["r"], hostile + "2"),
             onnx.node("Relu", ["r"], ["y\x9b2J"], hostile + "3")],
            [onnx.value_info("x", ["batch", side])], [onnx.value_info("y\x9b2J", ["batch", side])],
            [onnx.tensor("w", [side, side], onnx.floats(*[0.5] * side * side))]))
        array = self.write("x.npy", onnx.npy([4, side], onnx.floats(*range(4 * side))))
        for words in (("run", path), ("run", path, "--hash"), ("explain", path), ("explain", path, "--profile", 1),
                      ("compare", "--model", path, "--case", "fp32@avx2", "--samples", 3),
                      ("quantize", path, "--calibration", array, "-o", self.dir / "o.onnx")):
            done = self.run_tool(*words)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertNotRegex(done.stdout + done.stderr, "[\x00-\x09\x0b-\x1f\x7f-\x9f]", words)
        self.assertIn("\\xc2\\x9b", self.run_tool("explain", path).stdout)

        labelled = self.dir / "labelled"
        shutil.copytree(IMAGE.parent, labelled, ignore=shutil.ignore_patterns("calib", "test*"))
        (labelled / "labels.json").write_text(json.dumps([f"class {i} \x1b[2J" for i in range(10)]))
        picture = self.write("p.png", self.png(64, 64, zlib.compress(b"\0" * 64 * (1 + 3 * 64)), depth=8, colour=2))
        done = self.run_tool("classify", labelled / "model.onnx", picture)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("\\x1b", done.stdout)
        self.assertNotIn("\x1b", done.stdout)

    def test_a_shape_that_depends_on_values_names_its_node(self):
        matrix, result = onnx.value_info("x", [4, 4]), onnx.value_info("y", ["a", "b"])
        places = onnx.model([onnx.node("NonZero", ["x"], ["y"], "the_node")], [matrix],
                            [onnx.value_info("y", ["a", "b"], onnx.INT64)])
        number = lambda name, value: onnx.tensor(name, [1], struct.pack("<q", value), onnx.INT64)
        part = onnx.model([onnx.node("Slice", ["x", "from", "end", "axis"], ["y"], "the_node")],
                          [matrix, onnx.value_info("from", [1], onnx.INT64)], [result], [number("end", 3), number("axis", 0)])
        for path in (self.write("places.onnx", places), self.write("part.onnx", part)):
            self.fails(2, "run", path, "-q", says="the_node")
            self.fails(2, "explain", path, "-q", says="the_node")

    def test_a_model_with_few_positions_gets_shorter_sequences(self):
        """Its table of positions ends before the usual 128 tokens."""
        done = self.run_tool("run", TEXT, "--json", "-q")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.fails(2, "run", TEXT, "--seq", 128, "-q", says=["--seq", "64"])
        side, rows = 4, 40
        table = onnx.tensor("table", [1, rows, side], bytes(4 * rows * side))
        constant = lambda name, values: onnx.tensor(name, [len(values)], struct.pack(f"<{len(values)}q", *values), onnx.INT64)
        nodes = [onnx.node("Shape", ["x"], ["shape"]), onnx.node("Gather", ["shape", "one"], ["length"]),
                 onnx.node("Slice", ["table", "zero", "length", "one"], ["positions"]),
                 onnx.node("Add", ["x", "positions"], ["y"])]
        path = self.write("positions.onnx", onnx.model(
            nodes, [onnx.value_info("x", ["batch", "seq", side])], [onnx.value_info("y", ["batch", "seq", side])],
            [table, constant("zero", [0]), constant("one", [1])]))
        done = self.run_tool("run", path, "--json", "-q")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["outputs"][0]["shape"], [1, rows, side])
        self.fails(2, "run", path, "--seq", 64, "-q")

    def test_numbers_that_mean_nothing(self):
        self.fails(2, "run", IMAGE, "--seed", "-1", says="--seed")
        self.fails(2, "compare", "--model", IMAGE, "--seed", "-1", says="--seed")
        for flag in ("--keep-slower", "--json", "--quiet"):
            self.fails(2, "quantize", IMAGE, "--calibration", "x", "-o", "y.onnx", f"{flag}={2**64}")
        report = self.compare("--model", IMAGE, "--case", "fp32@avx2", "--max-seconds", "0")
        self.assertIsNone(report["protocol"]["max_seconds"])

    def test_outputs_that_are_no_place_to_write(self):
        self.fails(2, "run", IMAGE, "--output-dir", "", "-q", says="name a folder")
        self.fails(2, "compare", "--model", IMAGE, "--report", "", "-q", says="name a folder")
        self.fails(2, "launch", "--log-dir", "", "--", TESSERA, "--version", says="name a folder")
        for words in (("explain", IMAGE, "--html", ""), ("explain", IMAGE, "--dot", ""), ("explain", IMAGE, "--trace", ""),
                      ("embed", TEXT, "a text", "--output", ""), ("compile", IMAGE, "--case", "fp32@avx2", "-o", ""),
                      ("models", "export", "resnet50", "-o", ""),
                      ("quantize", IMAGE, "--calibration", DATA / "image" / "calib", "-o", "")):
            self.fails(2, *words, "-q", says="name a file")
        for words in (("quantize", IMAGE, "--calibration", "", "-o", self.dir / "o.onnx"), ("classify", IMAGE, ""),
                      ("embed", "", "a text")):
            self.fails(2, *words, "-q", says="its name is empty")
        self.fails(1, "quantize", IMAGE, "--calibration", DATA / "image" / "calib", "-o", "/dev/stdout", "-q",
                   says=["/dev/stdout", "name a file"])

    def test_a_reader_that_leaves_is_no_failure(self):
        for words in (("doctor",), ("--version",), ("--help",), ("run", IMAGE), ("explain", IMAGE)):
            read, write = os.pipe()
            os.close(read)
            done = subprocess.run([TESSERA, *map(str, words)], stdout=write, stderr=subprocess.PIPE, check=False)
            os.close(write)
            self.assertEqual(done.returncode, 0, f"{words}: {done.stderr}")

    def test_more_threads_than_cpus_is_warned_of(self):
        for command in ("run", "explain"):
            self.assertIn("is more than", self.run_tool(command, IMAGE, "--threads", 512 if not SANITIZED else 20).stderr)
            self.assertNotIn("is more than", self.run_tool(command, IMAGE, "--threads", 1).stderr)
        many = ("--threads", 20)
        for words in (("embed", TEXT, "a text"), ("classify", TEXT, "a text"),
                      ("compile", IMAGE, "--case", "fp32@avx2", "-o", self.dir / "o.tsr"),
                      ("quantize", IMAGE, "--calibration", DATA / "image" / "calib", "--items", 2, "--no-sensitivity", "-o",
                       self.dir / "o.onnx")):
            if os.cpu_count() < 20:
                self.assertIn("is more than", self.run_tool(*words, *many).stderr, words)


if __name__ == "__main__":
    unittest.main(verbosity=2)

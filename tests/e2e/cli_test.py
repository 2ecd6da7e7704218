#!/usr/bin/env python3
"""The command line as a person or a script meets it: results, errors, exit status, nothing half-written.

    TESSERA=build/release/tessera DATA=tests/data tests/e2e/cli_test.py
"""
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

TESSERA = os.path.abspath(os.environ["TESSERA"])
DATA = os.path.abspath(os.environ["DATA"])
IMAGE = os.path.join(DATA, "image", "model.onnx")
TEXT = os.path.join(DATA, "text", "model.onnx")
MARKER = "[CODE_SAMPLE_COMPLETED_SUCCESSFULLY]"


def tessera(*words, env=None, stdout=subprocess.PIPE):
    return subprocess.run([TESSERA, *map(str, words)], stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
                          text=True, timeout=300, env={**os.environ, **(env or {})}, check=False)


def npy(path, shape, data, descr="<f4"):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({', '.join(map(str, shape))},), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, payload):
    """A length-delimited protobuf field."""
    payload = payload.encode() if isinstance(payload, str) else payload
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def one_node_model(op):
    """An ONNX file whose only node is `op` (x -> y), written byte by byte so that no ONNX library is needed."""
    extent = field(1, varint(1 << 3) + varint(4))  # Dimension.dim_value = 4
    tensor_type = varint(1 << 3) + varint(1) + field(2, extent)
    value = lambda name: field(1, name) + field(2, field(1, tensor_type))
    node = field(1, "x") + field(2, "y") + field(3, "the_node") + field(4, op)
    graph = field(1, node) + field(2, "g") + field(11, value("x")) + field(12, value("y"))
    opset = varint(2 << 3) + varint(17)
    return varint(1 << 3) + varint(8) + field(7, graph) + field(8, opset)


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tessera-e2e-"))
        self.addCleanup(shutil.rmtree, self.dir)

    def fails(self, status, *words, says=(), env=None):
        """One clear line on stderr, nothing on stdout, the right exit status."""
        done = tessera(*words, env=env)
        self.assertEqual(done.returncode, status, f"{words}: {done.stderr}")
        lines = [line for line in done.stderr.splitlines() if line]
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertRegex(lines[0], r"^tessera: [^:]+: .+")
        self.assertNotIn(MARKER, done.stdout)
        for part in [says] if isinstance(says, str) else says:
            self.assertIn(part, lines[0])
        return lines[0]

    # ---- errors

    def test_words_that_make_no_sense(self):
        self.fails(2, "run", IMAGE, "--isa", "nonsense", says=["nonsense", "avx2", "avx512_core_amx"])
        self.fails(2, "run", IMAGE, "--precision", "fp64", says=["fp64", "bf16"])
        self.fails(2, "run", IMAGE, "--threads", "-3")
        self.fails(2, "compare", "--case", "int9@avx2", says="int9")
        self.fails(2, "compare", "--samples", "many")
        self.fails(2, "frobnicate", says="frobnicate")
        self.fails(2, "run", IMAGE, "--no-such-option")
        self.fails(2, "run", "resnet51", says=["resnet51", "resnet50"])
        self.fails(2, "run", IMAGE, "-q", env={"TESSERA_MAX_CPU_ISA": "sse9"}, says="sse9")

    def test_files_that_are_no_models(self):
        def write(name, data):
            (self.dir / name).write_bytes(data)
            return self.dir / name

        model = pathlib.Path(TEXT).read_bytes()
        self.fails(2, "run", write("empty.onnx", b""), says="empty.onnx")
        self.fails(2, "run", write("text.onnx", b"this is not a model at all\n" * 20), says="text.onnx")
        self.fails(2, "run", write("cut.onnx", model[: len(model) // 2]), says="cut.onnx")
        self.fails(2, "run", write("alone.onnx", model), says="model.safetensors")  # external data is not beside it
        self.fails(2, "run", self.dir / "missing.onnx", says="missing.onnx")
        self.fails(2, "run", self.dir, says=str(self.dir))

    def test_unsupported_op_is_named(self):
        (self.dir / "odd.onnx").write_bytes(one_node_model("Det"))
        self.fails(2, "run", self.dir / "odd.onnx", says=["the_node", "Det"])
        (self.dir / "even.onnx").write_bytes(one_node_model("Relu"))
        done = tessera("run", self.dir / "even.onnx", "--hash", "-q")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_inputs_of_wrong_shape_type_and_name(self):
        good = self.dir / "x.npy"
        npy(good, (1, 3, 64, 64), struct.pack("<f", 0.5) * (3 * 64 * 64))
        self.fails(2, "run", IMAGE, "--input", f"picture={good}", says=["picture", "input"])
        self.fails(2, "run", IMAGE, "--input", f"input={self.dir / 'none.npy'}", says="none.npy")
        small = self.dir / "small.npy"
        npy(small, (1, 3, 32, 32), struct.pack("<f", 0.5) * (3 * 32 * 32))
        self.fails(2, "run", IMAGE, "--input", f"input={small}", says="32")
        integers = self.dir / "i.npy"
        npy(integers, (1, 3, 64, 64), struct.pack("<q", 1) * (3 * 64 * 64), "<i8")
        self.fails(2, "run", IMAGE, "--input", f"input={integers}", says="i64")
        cut = self.dir / "cut.npy"
        cut.write_bytes(good.read_bytes()[:-5])
        self.fails(2, "run", IMAGE, "--input", f"input={cut}", says="cut.npy")

    def test_token_outside_the_vocabulary(self):
        ids = self.dir / "ids.npy"
        npy(ids, (1, 8), struct.pack("<q", 999999) * 8, "<i8")
        self.fails(2, "run", TEXT, "--input", f"input_ids={ids}", "-q", says="999999")

    def test_output_folder_that_cannot_be_written(self):
        plain = self.dir / "file"
        plain.write_text("in the way")
        self.fails(1, "run", IMAGE, "-q", "--output-dir", plain / "out", says=str(plain))
        self.assertEqual(plain.read_text(), "in the way")
        self.fails(1, "compare", "--model", IMAGE, "-q", "--report", plain / "out", "--samples", "5", says=str(plain))

    @unittest.skipUnless(os.path.exists("/dev/full"), "needs /dev/full")
    def test_full_output(self):
        with open("/dev/full", "w") as full:
            done = tessera("run", IMAGE, "-q", "--hash", stdout=full)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stderr, r"^tessera: standard output: ")

    def test_strict_refuses_what_is_not_here(self):
        doctor = json.loads(tessera("doctor", "--json").stdout)
        missing = [tier for tier in doctor["tiers"] if not tier["available"]]
        for tier in missing:
            self.fails(3, "run", IMAGE, "--isa", tier["isa"], "--strict", says=tier["isa"])
            self.fails(3, "compare", "--model", IMAGE, "--case", f"int8@{tier['isa']}", "--strict", "-q")

    def test_doctor_measures_what_plans_go_by(self):
        table = tessera("doctor", "--measure")
        self.assertEqual(table.returncode, 0, table.stderr)
        self.assertIn("Picoseconds on one core, avx2", table.stdout)
        report = json.loads(tessera("doctor", "--measure", "--json").stdout)
        here = {tier["isa"] for tier in report["tiers"] if tier["available"]}
        self.assertEqual(set(report["picoseconds"]), here)
        for isa, constants in report["picoseconds"].items():
            self.assertGreater(constants["words"]["measured"], 0, isa)
            self.assertGreater(constants["words"]["usual"], 0, isa)
        self.assertNotIn("picoseconds", json.loads(tessera("doctor", "--json").stdout))

    # ---- results

    def test_run_writes_outputs_and_hashes(self):
        done = tessera("run", IMAGE, "--output-dir", self.dir / "out", "--hash", "-q", "--isa", "avx2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"^logits \[1,10\] f32 [0-9a-f]{64}\n$")
        self.assertEqual(os.listdir(self.dir / "out"), ["logits.npy"])
        again = tessera("run", IMAGE, "--hash", "-q", "--threads", "1", "--isa", "avx2")
        self.assertEqual(again.stdout, done.stdout)

    def test_int8_is_the_same_on_every_tier_and_thread_count(self):
        hashes = set()
        for isa in ("avx2", "avx2_vnni", "avx512_core", "avx512_core_vnni", "avx512_core_bf16"):
            for threads in (1, 2):
                done = tessera("run", TEXT, "--precision", "int8", "--isa", isa, "--threads", threads, "--seq", 40,
                               "--hash", "-q", "--calibration", "synthetic")
                self.assertEqual(done.returncode, 0, done.stderr)
                hashes.add(done.stdout)
        self.assertEqual(len(hashes), 1)

    # ---- real data

    def test_int8_without_calibration_data_is_refused(self):
        for words in (("run", IMAGE), ("explain", IMAGE), ("compile", IMAGE, "--case", "int8@avx2", "-o", self.dir / "never.tsr")):
            precision = () if words[0] == "compile" else ("--precision", "int8")
            self.fails(2, *words, *precision, "-q", says=["no calibration data", "--calibration synthetic"])
        self.assertFalse((self.dir / "never.tsr").exists())
        done = tessera("compare", "--model", IMAGE, "--case", "fp32", "--case", "int8", "--samples", 3, "--warmup", 0, "--json", "-q")
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = json.loads(done.stdout)["models"][0]["cases"]
        self.assertEqual([row["status"] for row in rows], ["ok", "unavailable"])
        self.assertIn("no calibration data", rows[1]["reason"])

    def test_calibration_on_real_data(self):
        images = os.path.join(DATA, "image", "calib")
        done = tessera("run", IMAGE, "-q", "--precision", "int8", "--isa", "avx2", "--threads", 1, "--hash",
                       "--calibration", images)
        self.assertEqual(done.returncode, 0, done.stderr)
        random = tessera("run", IMAGE, "-q", "--precision", "int8", "--isa", "avx2", "--threads", 1, "--hash", "--calibration",
                         "synthetic")
        self.assertEqual(random.returncode, 0, random.stderr)
        self.assertNotEqual(done.stdout, random.stdout, "the images made no difference")
        done = tessera("compare", "--model", TEXT, "--seq", 24, "--case", "fp32@avx2", "--case", "int8@avx2", "--samples", 3,
                       "--warmup", 0, "--threads", 1, "--json", "--calibration", os.path.join(DATA, "text", "calib.tsv"))
        self.assertEqual(done.returncode, 0, done.stderr)
        model = json.loads(done.stdout)["models"][0]
        self.assertIn("calibration data", model["accuracy_inputs"])
        self.assertEqual(model["cases"][1]["status"], "ok")

    def test_accuracy_on_labelled_data(self):
        words = ("--model", IMAGE, "--case", "fp32@avx2", "--case", "int8@avx2", "--samples", 3, "--warmup", 0)
        data = os.path.join(DATA, "image", "calib")
        done = tessera("compare", *words, "--batch", 3, "--calibration", data, "--data", data, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        model = json.loads(done.stdout)["models"][0]
        self.assertEqual(model["accuracy_inputs"], "198 items of " + data)  # 200 in batches of 3
        for case in model["cases"]:
            self.assertEqual(case["accuracy"]["inputs"], 66)
            self.assertTrue(0.85 < case["accuracy"]["top1"] < 0.99, case["accuracy"])
        done = tessera("compare", *words, "-q", "--calibration", data, "--data", data, "--accuracy-inputs", 40)
        self.assertIn("Top-1 against the labels of 40 items of", done.stdout)
        unlabelled = os.path.join(data, "cross_plain")
        done = tessera("compare", *words, "--calibration", data, "--data", unlabelled, "--json")
        self.assertEqual([case["accuracy"]["top1"] for case in json.loads(done.stdout)["models"][0]["cases"]], [None] * 2)
        self.fails(2, "compare", *words, "--data", os.path.join(DATA, "image", "nothing"), says=["nothing"])

    def test_calibration_data_that_is_no_good(self):
        def calibrate(model, path, says):
            self.fails(2, "run", model, "-q", "--precision", "int8", "--calibration", path, says=says)

        png = pathlib.Path(DATA, "image", "calib", "disc_plain", "000.png").read_bytes()
        folder = self.dir / "images"
        folder.mkdir()
        calibrate(IMAGE, folder, ["images", "is empty"])
        calibrate(IMAGE, self.dir / "missing", ["missing", "no such file or folder"])
        (folder / "a.png").write_bytes(png)
        for name, data, says in [("b.png", b"", "empty"), ("b.png", png[:500], "cut short"),
                                 ("b.jpg", b"\xff\xd8\xff\xe0 no picture", "JPEG"), ("b.jpg", b"text", "neither PNG nor JPEG")]:
            (folder / name).write_bytes(data)
            calibrate(IMAGE, folder, [name, says])
            (folder / name).unlink()
        calibrate(TEXT, folder, ["images", "input_ids"])
        calibrate(IMAGE, os.path.join(DATA, "text", "calib.tsv"), ["calib.tsv", "neither a PNG"])
        lines = self.dir / "lines.txt"
        lines.write_bytes("The pizza was good.\nThe crème".encode("latin-1") + b"\n")
        calibrate(TEXT, lines, ["lines.txt: line 2", "UTF-8"])
        npy(self.dir / "x.npy", [2, 3, 64, 63], bytes(4 * 2 * 3 * 64 * 63))
        calibrate(IMAGE, self.dir / "x.npy", ["x.npy", "[2, 3, 64, 63]", "[batch, 3, 64, 64]"])
        npy(self.dir / "nan.npy", [1, 3, 64, 64], struct.pack("<f", float("nan")) * (3 * 64 * 64))
        calibrate(IMAGE, self.dir / "nan.npy", ["nan.npy", "sample 0", "NaN"])

    def test_help_and_version(self):
        for words in ([], ["--help"], ["run", "--help"], ["compare", "--help"], ["explain", "--help"]):
            done = tessera(*words)
            self.assertEqual(done.returncode, 0)
            self.assertIn("Usage", done.stdout)
        self.assertRegex(tessera("--version").stdout, r"^tessera \d+\.\d+\.\d+\n$")

    def test_explain_names_a_kernel_for_every_step(self):
        done = tessera("explain", TEXT, "--precision", "int8", "--isa", "avx2", "--seq", 32, "--json", "--calibration", "synthetic")
        self.assertEqual(done.returncode, 0, done.stderr)
        steps = json.loads(done.stdout)["steps"]
        products = [step for step in steps if step["op"] == "FusedMatMul"]
        self.assertGreaterEqual(len(products), 4 * 4)
        for step in products:
            self.assertEqual(step["isa"], "avx2")
            self.assertTrue(step["precision"].startswith("u8*s8"), step)

    # ---- tuning

    def explain_tuned(self, cache, threads=2):
        done = tessera("explain", IMAGE, "--isa", "avx2", "--threads", threads, "--tune", "--json",
                       env={"XDG_CACHE_HOME": str(cache)})
        self.assertEqual(done.returncode, 0, done.stderr)
        explanation = json.loads(done.stdout)
        choices = [choice for step in explanation["steps"] for choice in step.get("choices", [])]
        self.assertTrue(choices)
        for choice in choices:
            self.assertIn(choice["taken"], [way["way"] for way in choice["ways"]])
            for way in choice["ways"]:
                self.assertGreater(way["ms"], 0)
        return explanation, choices, done.stderr

    def test_tuning_is_remembered(self):
        cache = self.dir / "cache"
        first, choices, _ = self.explain_tuned(cache)
        self.assertEqual({choice["by"] for choice in choices}, {"tuned"})
        self.assertEqual((first["tuning"]["timed"], first["tuning"]["cached"]), (len(choices), 0))
        self.assertEqual([path.name for path in cache.rglob("*") if path.is_file()], ["tuning.json"])
        second, again, _ = self.explain_tuned(cache)
        self.assertEqual({choice["by"] for choice in again}, {"cached"})
        self.assertEqual([choice["taken"] for choice in again], [choice["taken"] for choice in choices])
        self.assertEqual([step["kernel"] for step in second["steps"]], [step["kernel"] for step in first["steps"]])
        self.assertEqual(second["weights_mb"], first["weights_mb"])
        _, others, _ = self.explain_tuned(cache, threads=1)
        self.assertEqual({choice["by"] for choice in others}, {"tuned"})
        text = tessera("explain", IMAGE, "--isa", "avx2", "--threads", "2", "--tune", env={"XDG_CACHE_HOME": str(cache)})
        self.assertIn("algorithm (cached): ", text.stdout)

    def test_a_damaged_tuning_cache_is_named_and_replaced(self):
        cache = self.dir / "cache"
        (cache / "tessera").mkdir(parents=True)
        file = cache / "tessera" / "tuning.json"
        file.write_text('{"form": 1, "layers": {"cut')
        _, choices, said = self.explain_tuned(cache)
        self.assertIn(str(file), said)
        self.assertEqual({choice["by"] for choice in choices}, {"tuned"})
        json.loads(file.read_text())
        _, choices, said = self.explain_tuned(cache)
        self.assertEqual(said, "")
        self.assertEqual({choice["by"] for choice in choices}, {"cached"})

    def test_processes_share_a_tuning_cache(self):
        cache = self.dir / "cache"
        command = [TESSERA, "explain", IMAGE, "--isa", "avx2", "--tune", "--json", "-q"]
        environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
        both = [subprocess.Popen(command + ["--threads", str(threads)], stdout=subprocess.DEVNULL, env=environment)
                for threads in (1, 2, 1, 2)]
        self.assertEqual([process.wait(timeout=300) for process in both], [0, 0, 0, 0])
        self.assertEqual([path.name for path in cache.rglob("*") if path.is_file()], ["tuning.json"])
        json.loads((cache / "tessera" / "tuning.json").read_text())

    def test_tuning_keeps_the_bits_of_int8(self):
        environment = {"XDG_CACHE_HOME": str(self.dir)}
        words = ("run", IMAGE, "--precision", "int8", "--calibration", "synthetic", "--hash", "-q", "--isa")
        usual = tessera(*words, "avx2", env=environment)
        self.assertEqual(usual.returncode, 0, usual.stderr)
        for isa in ("avx2", "avx512_core", "avx512_core_vnni"):
            tuned = tessera(*words, isa, "--tune", env=environment)
            self.assertEqual((tuned.returncode, tuned.stdout), (0, usual.stdout), tuned.stderr)

    def test_compare_tells_that_it_tuned(self):
        done = tessera("compare", "--model", IMAGE, "--case", "fp32@avx2", "--samples", "3", "--warmup", "1", "--json", "-q",
                       "--tune", env={"XDG_CACHE_HOME": str(self.dir)})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIs(json.loads(done.stdout)["protocol"]["tuned"], True)
        self.assertTrue((self.dir / "tessera" / "tuning.json").is_file())

    # ---- sweeps, streams, layers

    def test_a_sweep_is_one_report(self):
        folder = self.dir / "sweep"
        done = tessera("compare", "--model", TEXT, "--batch", "1,2", "--seq", "16,24,16", "--case", "fp32@avx2", "--case", "int8@avx2",
                       "--calibration", os.path.join(DATA, "text", "calib.tsv"), "--samples", 4, "--warmup", 1,
                       "--accuracy-inputs", 2, "--report", folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.rstrip("\n").splitlines()[-1], MARKER)
        self.assertEqual(done.stdout.count("median ms"), 1)
        self.assertIn("per s over batch and sequence length", done.stdout)
        model, = json.loads((folder / "report.json").read_text())["models"]
        self.assertEqual([(point["batch"], point["seq"]) for point in model["points"]], [(1, 16), (2, 16), (1, 24), (2, 24)])
        for point in model["points"]:
            self.assertEqual([case["status"] for case in point["cases"]], ["ok", "ok"])
        self.assertEqual(len((folder / "report.csv").read_text().splitlines()), 1 + 4 * 2)
        self.assertEqual({name for name in os.listdir(folder) if name.endswith(".svg")},
                         {f"model-{chart}.svg" for chart in ("throughput", "throughput-seq", "speedup", "time")})

    def test_a_model_without_sequences_is_not_swept_over_them(self):
        done = tessera("compare", "--model", IMAGE, "--seq", "16,32", "--case", "fp32@avx2", "--samples", 3, "--json", "-q")
        self.assertNotIn("points", json.loads(done.stdout)["models"][0])

    def test_words_of_sweeps_and_streams_that_make_no_sense(self):
        for word in ("0", "1,,4", "1,x", "70000", "-3", ","):
            self.fails(2, "compare", "--model", IMAGE, f"--batch={word}", says=["--batch", "1,4,16"])
        for command in ("run", "compare"):
            model = (IMAGE,) if command == "run" else ("--model", IMAGE)
            for word in ("0", "many", "-1", "2x"):
                self.fails(2, command, *model, f"--streams={word}", says=["--streams", "auto"])
            self.fails(2, command, *model, "--hint", "speed", says=["latency", "throughput"])
            self.fails(2, command, *model, "--hint", "latency", "--streams", "2", says=["opposite", "leave out"])
            self.fails(2, command, *model, "--hint", "throughput", "--streams", "1", says=["opposite", "leave out"])

    def test_throughput_of_streams(self):
        done = tessera("compare", "--model", IMAGE, "--case", "fp32@avx2", "--streams", 2, "--threads", 1, "--samples", 16, "--json",
                       "-q")
        self.assertEqual(done.returncode, 0, done.stderr)
        case, = json.loads(done.stdout)["models"][0]["cases"]
        self.assertEqual((case["streams"], case["threads"], case["samples"]), (2, 1, 16))
        plain = tessera("run", IMAGE, "--hash", "-q", "--isa", "avx2", "--threads", 1)
        done = tessera("run", IMAGE, "--hash", "--isa", "avx2", "--streams", 2, "--threads", 1)
        self.assertEqual((done.returncode, done.stdout), (0, plain.stdout))
        self.assertRegex(done.stderr, r"2 streams x 1 thread, all busy with 16 requests: [\d.]+ per s, [\d.]+ ms for one")
        result = json.loads(tessera("run", IMAGE, "--json", "-q", "--hint", "throughput", "--threads", 1).stdout)
        cpus = json.loads(tessera("doctor", "--json").stdout)["cpus"]["usable"]
        self.assertEqual(result["streams"], cpus)
        if cpus > 1:
            self.assertGreater(result["throughput_per_s"], 0)
            self.assertLessEqual(result["latency_ms"]["min"], result["latency_ms"]["p99"])

    def test_explain_writes_a_page_a_trace_and_a_graph(self):
        html, trace, dot = (self.dir / name for name in ("plan.html", "plan.trace", "plan.dot"))
        done = tessera("explain", IMAGE, "--html", html, "--trace", trace, "--dot", dot, "--profile", 2, "-q")
        self.assertEqual(done.returncode, 0, done.stderr)
        page = html.read_text()
        self.assertNotRegex(page, r"(src|href)=")
        self.assertIn("why not better", page)
        steps = [event for event in json.loads(trace.read_text())["traceEvents"] if event["ph"] == "X"]
        ends = [event["ts"] + event["dur"] for event in steps]
        for event, end in zip(steps[1:], ends):
            self.assertAlmostEqual(event["ts"], end, places=3)
        self.assertIn("inputs -> s", dot.read_text())
        self.assertEqual(dot.read_text().count("[label="), len(steps))
        self.fails(2, "explain", IMAGE, "--trace", trace, "--profile", 0, says="--profile")
        self.fails(1, "explain", IMAGE, "--dot", self.dir / "none" / "x.dot", "-q", says="none")
        copy = self.dir / "model.onnx"
        shutil.copy(IMAGE, copy)
        shutil.copy(os.path.join(DATA, "image", "model.safetensors"), self.dir)
        self.fails(2, "explain", copy, "--dot", copy, says="model.onnx")
        self.assertEqual(copy.read_bytes(), pathlib.Path(IMAGE).read_bytes())

    def check_report(self, folder):
        report = json.loads((folder / "report.json").read_text())
        self.assertEqual(set(report) >= {"tessera", "machine", "protocol", "models"}, True)
        for model in report["models"]:
            for case in model["cases"]:
                self.assertIn(case["status"], ("ok", "unavailable", "failed"))
                if case["status"] != "ok":
                    self.assertTrue(case["reason"], case)
                    continue
                latency = case["latency_ms"]
                self.assertLessEqual(latency["min"], latency["p50"])
                self.assertLessEqual(latency["p50"], latency["p90"])
                self.assertLessEqual(latency["p90"], latency["p99"])
                self.assertLessEqual(latency["ci95"][0], latency["p50"])
                self.assertGreaterEqual(latency["ci95"][1], latency["p50"])
                self.assertGreater(case["accuracy"]["cosine"], 0.9)
                self.assertRegex(case["output_sha256"], r"^[0-9a-f]{64}$")
            stem = model["name"]
            for chart in ("time", "speedup"):
                root = xml.etree.ElementTree.parse(folder / f"{stem}-{chart}.svg").getroot()
                self.assertTrue(root.tag.endswith("svg"))
        return report

    def test_compare_reports_every_default_case(self):
        folder = self.dir / "report"
        done = tessera("compare", "--model", IMAGE, "--samples", "10", "--warmup", "2", "--report", folder, "--calibration",
                       "synthetic")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.rstrip("\n").splitlines()[-1], MARKER)
        report = self.check_report(folder)
        names = [case["case"] for case in report["models"][0]["cases"]]
        for wanted in ("fp32", "bf16@avx512_core_amx", "int8@avx512_core_vnni", "int8@avx512_core_amx"):
            self.assertIn(wanted, names)
        precisions = {case["precision"] for case in report["models"][0]["cases"] if case["status"] == "ok"}
        self.assertEqual(precisions, {"fp32", "bf16", "int8"})
        html = (folder / "report.html").read_text()
        self.assertNotRegex(html, r'(src|href)="https?:')
        self.assertEqual(set(os.listdir(folder)),
                         {"report.json", "report.csv", "report.html", "model-time.svg", "model-speedup.svg"})

    def test_compare_on_a_ceiling_says_why(self):
        done = tessera("compare", "--model", IMAGE, "--samples", "3", "--warmup", "1", "--json", "-q", "--calibration", "synthetic",
                       env={"TESSERA_MAX_CPU_ISA": "avx2"})
        self.assertEqual(done.returncode, 0, done.stderr)
        cases = {case["case"]: case for case in json.loads(done.stdout)["models"][0]["cases"]}
        self.assertEqual(cases["fp32"]["isa"], "avx2")
        self.assertEqual(cases["int8@avx512_core_vnni"]["status"], "unavailable")
        self.assertEqual(cases["int8@avx2"]["status"], "ok")
        self.assertEqual(cases["bf16@avx2"]["status"], "ok")

    def test_export_is_read_back(self):
        done = tessera("models")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(re.search(r"resnet50.*25[.,]5", done.stdout), done.stdout)
        path = self.dir / "resnet50.onnx"
        done = tessera("models", "export", "resnet50", "-o", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        from_file = tessera("run", path, "--hash", "-q", "--isa", "avx2")
        built_in = tessera("run", "resnet50", "--hash", "-q", "--isa", "avx2")
        self.assertEqual(from_file.stdout, built_in.stdout)
        self.fails(1, "models", "export", "resnet50", "-o", self.dir / "no" / "such" / "folder.onnx")

    def test_launch(self):
        place = tessera("launch", "--dry-run", "--throughput", "--json")
        self.assertEqual(place.returncode, 0, place.stderr)
        cpus = [cpu for row in json.loads(place.stdout)["instances"] for cpu in row["cpus"]]
        self.assertTrue(cpus)
        self.assertLessEqual(set(cpus), os.sched_getaffinity(0))
        self.assertEqual(len(set(cpus)), len(cpus))

        compare = ("--", TESSERA, "compare", "--model", IMAGE, "--case", "fp32", "--samples", 3, "--warmup", 0, "-q")
        done = tessera("launch", "--instances", 1, "--json", *compare)
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout)
        self.assertEqual([row["status"] for row in result["instances"]], [0])
        self.assertEqual([row["case"] for row in result["throughput"]], ["fp32"])
        self.assertGreater(result["throughput"][0]["per_s"], 0)
        self.assertIn("[0] " + MARKER, done.stderr)

        # What the instance says is the instance's: its status, its words that look like ours.
        self.assertEqual(tessera("launch", "-q", "--", "sh", "-c", "exit 7").returncode, 7)
        self.assertEqual(tessera("launch", "--", "echo", "run", "--json").stdout, "run --json\n")
        self.assertEqual(tessera("launch", "--log-dir", self.dir / "logs", "--", "echo", "kept").stdout, "")
        self.assertEqual((self.dir / "logs" / "instance-0.log").read_text(), "kept\n")
        self.fails(2, "launch")
        self.fails(2, "launch", "--cpus", "9999", "--", "true", says=("--cpus",))
        self.fails(2, "launch", "--instances", 8000, "--", "true")
        self.fails(2, "launch", "--", self.dir / "nothing")


if __name__ == "__main__":
    unittest.main(verbosity=2)

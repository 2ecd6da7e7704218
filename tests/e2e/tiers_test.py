#!/usr/bin/env python3
"""The command line on CPUs that this machine is not: whole models on every tier, the four run cases of the mission in one
process, and what is said where something is missing. Everything runs in the emulator.

    TESSERA=build/release/tessera DATA=tests/data tests/e2e/tiers_test.py
"""
import concurrent.futures
import json
import os
import subprocess
import unittest

TESSERA = os.path.abspath(os.environ["TESSERA"])
DATA = os.path.abspath(os.environ["DATA"])
RUN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "emulator", "run")
# avx2 runs natively, on every machine, and is what the others are held to.
TIERS = ("avx2_vnni", "avx512_core", "avx512_core_vnni", "avx512_core_bf16", "avx512_core_amx")
# Those of which bf16 results depend on the order in which the hardware adds.
BF16_DOT_TIERS = ("avx512_core_bf16", "avx512_core_amx")
MISSION = ("fp32", "bf16@avx512_core_amx", "int8@avx512_core_vnni", "int8@avx512_core_amx")
# The guest's clock runs faster than its instructions: measuring the peak of tiles for 20 ms would take a minute.
FAST_CLOCK = ("--ips", "5000000")
NO_AMX = "this CPU has no amx_int8, amx_bf16, amx_tile"


# In INT8 already: calibration, which takes 200 times as long as a run, is what "int8" of a model in FP32 begins with.
QUANTIZED = os.path.join(DATA, "quantized", "image_qoperator.onnx")


def model(name):
    return os.path.join(DATA, name, "model.onnx")


def check_output(done):
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(done.args)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def native(*words):
    return subprocess.run([TESSERA, *words], capture_output=True, text=True, timeout=300, check=False)


def emulated(*words, options=()):
    files = [word for name in ("image", "text") for word in
             ("-f", model(name), "-f", os.path.join(DATA, name, "model.safetensors"))] + ["-f", QUANTIZED]
    return subprocess.run([RUN, "-t", "900", *options, *files, TESSERA, *words], capture_output=True, text=True, check=False)


def at_once(calls):
    """The results of functions without arguments, as many at a time as there are CPUs: an emulator uses one."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda call: call(), calls))


def run_words(file, precision, isa):
    extents = ["--seq", "24"] if file == model("text") else []
    return ["run", file, *extents, "-q", "--threads", "1", "--hash", "--strict", "--precision", precision, "--isa", isa,
            *(["--calibration", "synthetic"] if precision == "int8" else [])]


def setUpModule():
    subprocess.run([RUN, "--prepare"], check=True)


class WholeModels(unittest.TestCase):
    def same_as_natively_on_avx2(self, file, precision, tiers):
        expected = check_output(native(*run_words(file, precision, "avx2")))
        self.assertRegex(expected, r"^\S+ \S+ f32 [0-9a-f]{64}\n")
        results = at_once([lambda isa=isa: emulated(*run_words(file, precision, isa)) for isa in tiers])
        for isa, done in zip(tiers, results):
            with self.subTest(file=file, precision=precision, isa=isa):
                self.assertEqual(check_output(done), expected)

    def test_fp32_has_the_same_bits_on_every_tier(self):
        # The others have no f32 kernels of their own.
        self.same_as_natively_on_avx2(model("image"), "fp32", ("avx512_core", "avx512_core_amx"))
        self.same_as_natively_on_avx2(model("text"), "fp32", ("avx512_core",))

    def test_int8_has_the_same_bits_on_every_tier(self):
        self.same_as_natively_on_avx2(QUANTIZED, "fp32", TIERS)  # its layers are in INT8, the rest is in FP32

    def test_calibration_finds_the_same_on_every_tier(self):
        tiers = ("avx512_core_vnni", "avx512_core_amx")
        for name in ("image", "text"):
            self.same_as_natively_on_avx2(model(name), "int8", tiers)

    def test_bf16_has_the_same_bits_on_every_tier_without_a_dot_product(self):
        tiers = [isa for isa in TIERS if isa not in BF16_DOT_TIERS]
        self.same_as_natively_on_avx2(model("image"), "bf16", tiers)


class RunCases(unittest.TestCase):
    def compare(self, *words):
        common = ["--model", model("image"), "--samples", "3", "--warmup", "1", "--json", "-q", "--calibration", "synthetic"]
        return json.loads(check_output(emulated("compare", *common, *words, options=FAST_CLOCK)))["models"][0]["cases"]

    def test_the_four_cases_of_the_mission_in_one_process(self):
        """Named one by one, and by default; then bf16 on both tiers that have dot products."""
        named = [word for case in MISSION for word in ("--case", case)]
        dots = [word for case in ("fp32", *(f"bf16@{isa}" for isa in BF16_DOT_TIERS)) for word in ("--case", case)]
        by_name, by_default, bf16 = at_once([lambda words=words: self.compare(*words) for words in (named, (), dots)])
        for rows in (by_name, by_default, bf16):
            for row in rows:
                self.assertEqual((row["status"], row["reason"]), ("ok", None), row["case"])
                self.assertGreater(row["accuracy"]["cosine"], 0.999 if row["precision"] == "bf16" else 0.98, row["case"])
                self.assertGreater(row["latency_ms"]["min"], 0)
        self.assertEqual([row["case"] for row in by_name], list(MISSION))
        self.assertEqual([row["case"] for row in by_default], list(MISSION))
        self.assertEqual([row["isa"] for row in by_name],
                         ["avx512_core_amx", "avx512_core_amx", "avx512_core_vnni", "avx512_core_amx"])
        for rows in (by_name, by_default):
            fp32, bf16_row, vnni, amx = (row["output_sha256"] for row in rows)
            self.assertEqual(vnni, amx)
            self.assertEqual(len({fp32, bf16_row, vnni}), 3)
        self.assertEqual([row["output_sha256"] for row in by_name], [row["output_sha256"] for row in by_default])


class Dispatch(unittest.TestCase):
    # CPU model of the emulator, the best tier there, why the others are out.
    CPUS = (
        ("sapphire_rapids", "avx512_core_amx", {}),
        ("tigerlake", "avx512_core_vnni", {"avx2_vnni": "this CPU has no avx_vnni",
                                           "avx512_core_bf16": "this CPU has no avx512_bf16", "avx512_core_amx": NO_AMX}),
        ("corei7_skylake_x", "avx512_core", {"avx2_vnni": "this CPU has no avx_vnni",
                                             "avx512_core_vnni": "this CPU has no avx512_vnni",
                                             "avx512_core_bf16": "this CPU has no avx512_bf16", "avx512_core_amx": NO_AMX}),
        ("arrow_lake", "avx2_vnni", {"avx512_core": "this CPU has no avx512f, avx512bw, avx512vl, avx512dq",
                                     "avx512_core_vnni": "this CPU has no avx512_vnni",
                                     "avx512_core_bf16": "this CPU has no avx512_bf16", "avx512_core_amx": NO_AMX}),
        *((name, "avx2", {"avx2_vnni": "this CPU has no avx_vnni",
                          "avx512_core": "this CPU has no avx512f, avx512bw, avx512vl, avx512dq",
                          "avx512_core_vnni": "this CPU has no avx512_vnni",
                          "avx512_core_bf16": "this CPU has no avx512_bf16", "avx512_core_amx": NO_AMX})
          for name in ("corei7_haswell_4770", "ryzen")),
    )
    # The same Sapphire Rapids under a kernel or sandbox that withholds AMX.
    WITHOUT_TILES = (
        ("--no-amx-state", "the operating system has not enabled AMX tile state"),
        ("--no-amx-permission", "the kernel refused AMX permission (Operation not permitted)"),
    )

    def check_machine(self, options, best, missing):
        """doctor, a model on the best tier, and every refusal of that machine."""
        words = ["run", QUANTIZED, "-q", "--threads", "1"]
        refused = [*words, "--strict", "--isa"]
        calls = [lambda: emulated("doctor", "--json", options=options), lambda: emulated(*words, "--json", options=options),
                 *(lambda isa=isa: emulated(*refused, isa, options=options) for isa in missing)]
        doctor, run, *refusals = at_once(calls)
        doctor, run = json.loads(check_output(doctor)), json.loads(check_output(run))
        self.assertEqual(doctor["isa"], best)
        self.assertEqual({tier["isa"]: tier["reason"] for tier in doctor["tiers"] if not tier["available"]}, missing)
        self.assertEqual(run["isa"], best)
        self.assertEqual(run["outputs"][0]["sha256"], self.expected)
        for (isa, reason), refusal in zip(missing.items(), refusals):
            self.assertEqual(refusal.returncode, 3, refusal.stderr)
            self.assertEqual(refusal.stdout, "")
            self.assertTrue(refusal.stderr.startswith(f"tessera: --isa {isa}: {reason}: "), refusal.stderr)

    def setUp(self):
        words = ["run", QUANTIZED, "-q", "--threads", "1", "--isa", "avx2", "--json"]
        self.expected = json.loads(check_output(native(*words)))["outputs"][0]["sha256"]

    def test_other_cpus_run_their_best_tier_and_name_what_they_lack(self):
        for name, best, missing in self.CPUS:
            with self.subTest(cpu=name):
                self.check_machine(("--model", name), best, missing)

    def test_tiles_that_the_system_withholds(self):
        for option, reason in self.WITHOUT_TILES:
            with self.subTest(option):
                self.check_machine((option,), "avx512_core_bf16", {"avx512_core_amx": reason})

    def test_compare_says_in_the_row_what_is_missing(self):
        done = emulated("compare", "--model", model("image"), "--samples", "3", "--warmup", "1", "--json", "-q", "--calibration", "synthetic",
                        options=("--model", "corei7_haswell_4770", *FAST_CLOCK))
        rows = {row["case"]: row for row in json.loads(check_output(done))["models"][0]["cases"]}
        for case, reason in (("bf16@avx512_core_amx", NO_AMX), ("int8@avx512_core_amx", NO_AMX),
                             ("int8@avx512_core_vnni", "this CPU has no avx512_vnni")):
            self.assertEqual((rows[case]["status"], rows[case]["reason"]), ("unavailable", reason))
        for case in ("fp32", "bf16@avx2", "int8@avx2"):
            self.assertEqual(rows[case]["status"], "ok", case)


if __name__ == "__main__":
    unittest.main(verbosity=2)

"""The scripts beside the notebook, and the example, from outside."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import support

ROOT = support.DATA.parent.parent
MARKER = "[CODE_SAMPLE_COMPLETED_SUCCESSFULLY]"


def script(name, *words):
    return subprocess.run([sys.executable, ROOT / name, *map(str, words)], capture_output=True, text=True, timeout=300,
                          check=False, env=os.environ)


class Scripts(unittest.TestCase):
    def cases_of(self, name):
        with tempfile.TemporaryDirectory() as folder:
            done = script(f"scripts/{name}", "--model", support.IMAGE, "--samples", 3, "--threads", 1, "--calibration",
                          support.DATA / "image" / "calib", "--report", folder)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(done.stdout.splitlines()[-1], MARKER)
            report = json.loads((pathlib.Path(folder) / "report.json").read_text())
        return [case["case"] for case in report["models"][0]["cases"]]

    def test_amx(self):
        self.assertLessEqual({"fp32", "bf16@avx512_core_amx", "int8@avx512_core_amx"},
                             set(self.cases_of("inference_amx.py")))

    def test_vnni(self):
        self.assertLessEqual({"fp32", "int8@avx512_core_vnni"}, set(self.cases_of("inference_vnni.py")))

    def test_wrong_words(self):
        done = script("scripts/inference_amx.py", "--model", "nothing")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_the_asyncio_example(self):
        done = script("examples/python/asyncio_requests.py", support.TEXT, "--requests", 20)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"20 requests in [0-9.]+ s, [0-9.]+ per second, at most [1-9][0-9]* under way")


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""The wheel, as scripts/package and scripts/lib/wheel_of_build make it: installed in a bare virtual environment it needs nothing but
the C library and NumPy.

    WHEELS=build/packages DATA=tests/data AUDITWHEEL=build/wheelhouse/bin/auditwheel tests/e2e/wheel_test.py
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

WHEEL, = pathlib.Path(os.environ["WHEELS"]).resolve().glob("tessera-*.whl")
DATA = pathlib.Path(os.environ["DATA"]).resolve()
IMAGE, CALIB = DATA / "image" / "model.onnx", DATA / "image" / "calib"
MARKER = "[CODE_SAMPLE_COMPLETED_SUCCESSFULLY]"
# Normalisation and classes of characters, from what is left of ICU's data.
TEXTS = "0\tCaf\u00e9 \u2460 \ufb01ne \u4e2d\u6587 na\u0131ve\n1\tdull\n"


class Wheel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.folder.name)
        subprocess.run([sys.executable, "-m", "venv", cls.root / "bare"], check=True)
        cls.bin = cls.root / "bare" / "bin"
        subprocess.run([cls.bin / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", WHEEL], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def run_it(self, program, *words):
        """Without the environment in which it was built, and from a folder in which there are no sources to import."""
        done = subprocess.run([program, *map(str, words)], capture_output=True, text=True, timeout=300, cwd=self.root,
                              env={"PATH": "/usr/bin:/bin", "HOME": str(self.root)})
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def python(self, program):
        return self.run_it(self.bin / "python", "-W", "error", "-c", program)

    def test_it_is_small(self):
        self.assertLess(WHEEL.stat().st_size, 20e6)

    def test_it_runs_on_other_distributions(self):
        """auditwheel finds nothing outside the wheel that its platform does not promise."""
        shown = subprocess.run([os.environ["AUDITWHEEL"], "show", WHEEL], check=True, capture_output=True, text=True).stdout
        platform = re.search(r"(manylinux_[0-9]+_[0-9]+)_x86_64\.whl$", WHEEL.name)
        self.assertIsNotNone(platform, WHEEL.name)
        consistent = re.search(r'consistent with\s+the following platform tag: "([^"]+)_x86_64"', shown)
        self.assertIsNotNone(consistent, shown)
        self.assertEqual(consistent[1], platform[1])

    def test_what_is_in_it(self):
        names = zipfile.ZipFile(WHEEL).namelist()
        for wanted in ("tessera/__init__.py", "tessera/_tessera.pyi", "tessera/py.typed", "METADATA", "LICENSE"):
            self.assertTrue(any(name.endswith(wanted) for name in names), wanted)
        self.assertFalse([name for name in names if name.endswith((".a", ".hpp", ".cmake"))])

    def test_it_brings_numpy_and_nothing_else(self):
        listed = json.loads(self.run_it(self.bin / "python", "-m", "pip", "list", "--format", "json"))
        self.assertEqual({row["name"] for row in listed} - {"pip", "setuptools", "wheel"}, {"numpy", "tessera"})

    def test_python(self):
        program = f"""
import numpy, tessera
report = tessera.compare({str(IMAGE)!r}, ["fp32", "bf16", "int8"], calibration={str(CALIB)!r}, data={str(CALIB)!r},
                         accuracy_inputs=8, samples=3, warmup=0)
cases = {{case["case"]: case for case in report.to_dict()["models"][0]["cases"]}}
assert all(case["status"] == "ok" for case in cases.values()), cases
assert cases["int8"]["accuracy"]["cosine"] > 0.9, cases
assert "<svg" in report._repr_html_()
print(report)
"""
        self.assertIn("int8", self.python(program))

    def test_texts(self):
        program = f"""
import tessera
with open("lines.tsv", "w", encoding="utf-8") as file:
    file.write({TEXTS!r})
model = tessera.load({str(DATA / "text" / "model.onnx")!r})
print(model.dataset("lines.tsv")[0]["input_ids"].tolist())
"""
        self.assertEqual(self.python(program), "[[2, 178, 1, 1, 1, 1, 1, 3]]\n")  # "cafe", five words that it does not know

    def test_embeddings(self):
        """Of the trained classifier without its head."""
        folder = self.root / "encoder"
        shutil.copytree(DATA / "text", folder, ignore=shutil.ignore_patterns("*.onnx", "*.npy", "*.tsv"))
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "architectures": ["BertModel"]}))
        program = """
import tessera
good, bad, fine = tessera.Encoder("encoder").encode(["good food", "terrible service", "the food was good"])
print(good @ fine > good @ bad)
"""
        self.assertEqual(self.python(program), "True\n")

    def test_the_command_line(self):
        """The same bytes as from Python."""
        tessera = self.bin / "tessera"
        version = self.python("import tessera; print(tessera.__version__)").strip()
        self.assertEqual(self.run_it(tessera, "--version").strip(), f"tessera {version}")
        text = self.run_it(tessera, "compare", "--model", IMAGE, "--case", "fp32", "--samples", 3, "--warmup", 0)
        self.assertTrue(text.endswith(MARKER + "\n"), text)
        printed = self.run_it(tessera, "run", IMAGE, "--threads", 1, "--hash").split()
        program = f"""
import hashlib, tessera
model = tessera.load({str(IMAGE)!r})
output, = model.compile(threads=1).run(model.random_inputs()).values()
print(hashlib.sha256(output.tobytes()).hexdigest())
"""
        self.assertEqual(self.python(program).strip(), printed[3])


if __name__ == "__main__":
    unittest.main(verbosity=2)

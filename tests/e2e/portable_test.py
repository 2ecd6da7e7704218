#!/usr/bin/env python3
"""The portable tree, as scripts/package makes it: it runs wherever it is unpacked, with nothing but the C library from outside.

    TARBALL=build/packages/tessera-0.1.0-linux-x86_64.tar.xz DATA=tests/data tests/e2e/portable_test.py
"""
import os
import pathlib
import re
import subprocess
import tarfile
import tempfile
import unittest

TARBALL = pathlib.Path(os.environ["TARBALL"]).resolve()
DATA = pathlib.Path(os.environ["DATA"]).resolve()
C_LIBRARY = {"linux-vdso.so.1", "libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"}


class Portable(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="a place of its own ")
        with tarfile.open(TARBALL) as archive:
            archive.extractall(cls.folder.name)
        (root,) = pathlib.Path(cls.folder.name).iterdir()
        cls.root, cls.program = root, root / "bin" / "tessera"

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def run_it(self, *words):
        """Without the environment in which it was built."""
        done = subprocess.run([self.program, *map(str, words)], capture_output=True, text=True, timeout=300,
                              env={"PATH": "/usr/bin:/bin", "HOME": self.folder.name}, cwd=self.folder.name)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_it_is_small(self):
        self.assertLess(TARBALL.stat().st_size, 15e6)
        self.assertLess(self.program.stat().st_size, 15e6)

    def test_it_needs_only_the_c_library(self):
        found = subprocess.run(["ldd", self.program], check=True, capture_output=True, text=True).stdout
        for line in found.splitlines():
            name = os.path.basename(line.split()[0])
            self.assertTrue(name in C_LIBRARY or str(self.root) in line, line)
        self.assertNotIn("not found", found)
        versions = {tuple(map(int, version.split("."))) for version in
                    re.findall(r"GLIBC_([\d.]+)", subprocess.run(["objdump", "-T", self.program], check=True,
                                                                 capture_output=True, text=True).stdout)}
        self.assertLessEqual(max(versions), (2, 36), "Debian 12")

    def test_images(self):
        text = self.run_it("compare", "--model", DATA / "image" / "model.onnx", "--data", DATA / "image" / "calib", "--case", "int8",
                           "--calibration", DATA / "image" / "calib", "--accuracy-inputs", 8, "--samples", 3, "--warmup", 0)
        self.assertTrue(text.endswith("[CODE_SAMPLE_COMPLETED_SUCCESSFULLY]\n"), text)

    def test_texts(self):
        """Normalisation and classes of characters, from what is left of ICU's data."""
        lines = pathlib.Path(self.folder.name, "lines.tsv")
        lines.write_text("0\tCaf\u00e9 \u2460 \ufb01ne \u4e2d\u6587 na\u0131ve\n1\tdull\n", encoding="utf-8")
        text = self.run_it("compare", "--model", DATA / "text" / "model.onnx", "--data", lines, "--case", "fp32", "--samples", 3, "--seq", 64,
                           "--warmup", 0)
        self.assertTrue(text.endswith("[CODE_SAMPLE_COMPLETED_SUCCESSFULLY]\n"), text)

    def test_what_belongs_to_it(self):
        files = {str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()}
        for name in ("share/man/man1/tessera.1", "share/bash-completion/completions/tessera",
                     "share/zsh/vendor-completions/_tessera", "share/fish/vendor_completions.d/tessera.fish",
                     "share/doc/tessera/LICENSE"):
            self.assertIn(name, files)
            self.assertGreater((self.root / name).stat().st_size, 1000)


if __name__ == "__main__":
    unittest.main(verbosity=2)

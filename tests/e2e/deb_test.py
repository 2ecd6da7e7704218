#!/usr/bin/env python3
"""The Debian packages of a build: what is in them, what they ask for, and that programs are built with what they hold.

    BUILD=build/release DATA=tests/data tests/e2e/deb_test.py
"""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["BUILD"]).resolve()
SOURCE = pathlib.Path(__file__).resolve().parents[2]
MODEL = pathlib.Path(os.environ["DATA"]).resolve() / "image" / "model.onnx"
VERSION = re.search(r"project\(tessera VERSION ([\d.]+)", (SOURCE / "CMakeLists.txt").read_text())[1]
PYTHON = any((BUILD / "python" / "tessera").glob("_tessera*.so"))  # whether the module was built
LIBRARY = "libtessera" + ".".join(VERSION.split(".")[:2])
FULL = "libtessera-full" + ".".join(VERSION.split(".")[:2])


def run(*words, **options):
    return subprocess.run([*map(str, words)], check=True, capture_output=True, text=True, timeout=600, **options).stdout


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.place = pathlib.Path(cls.folder.name)
        run("cpack", "--config", BUILD / "CPackConfig.cmake", "-G", "DEB", "-B", cls.place, cwd=cls.place)
        cls.packages = {path.name.split("_")[0]: path for path in cls.place.glob("*.deb")}
        cls.root = cls.place / "root"
        for path in cls.packages.values():
            run("dpkg-deb", "-x", path, cls.root)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def depends(self, package):
        return re.findall(r"(?:^|, )([\w.+-]+)", run("dpkg-deb", "-f", self.packages[package], "Depends"))

    def files(self, package):
        lines = run("dpkg-deb", "-c", self.packages[package]).splitlines()
        return [re.sub(r" -> .*", "", line).split()[-1] for line in lines if not line.startswith("d")]

    def test_the_packages(self):
        expected = {LIBRARY, FULL, "libtessera-dev", "tessera"} | ({"python3-tessera"} if PYTHON else set())
        self.assertEqual(set(self.packages), expected)
        for path in self.packages.values():
            self.assertEqual(run("dpkg-deb", "-f", path, "Version").strip(), VERSION)

    def test_each_holds_its_part(self):
        self.assertTrue(all("/libtessera.so." in name for name in self.files(LIBRARY)))
        self.assertTrue(all("/libtessera_full.so." in name for name in self.files(FULL)))
        dev = self.files("libtessera-dev")
        for part in ("/include/tessera/tessera.h", "/libtessera.so", "/libtessera_full.so", "/libtessera.a", "/tesseraConfig.cmake", "/tessera.pc"):
            self.assertTrue(any(name.endswith(part) for name in dev), part)
        tool = self.files("tessera")
        for part in ("/usr/bin/tessera", "/man1/tessera.1", "/bash-completion/completions/tessera"):
            self.assertTrue(any(name.endswith(part) for name in tool), part)

    def test_dependencies_are_those_of_the_binaries(self):
        library = self.depends(LIBRARY)
        self.assertTrue({"libc6", "libstdc++6"} <= set(library) and any(name.startswith("libhwloc") for name in library))
        self.assertFalse([name for name in library if re.search("png|jpeg|icu|zip|nettle|ssl", name)])
        self.assertEqual(self.depends("libtessera-dev"), [LIBRARY, FULL])
        self.assertTrue(any(name.startswith("libicu") for name in self.depends(FULL)))
        self.assertTrue(any(name.startswith("libicu") for name in self.depends("tessera")))

    @unittest.skipUnless(PYTHON, "the module was not built")
    def test_python_has_it_where_debian_looks(self):
        names = self.files("python3-tessera")
        for part in ("/usr/lib/python3/dist-packages/tessera/__init__.py", "/tessera/_tessera.pyi", "/tessera/py.typed"):
            self.assertTrue(any(name.endswith(part) for name in names), part)
        self.assertTrue(any("/dist-packages/tessera/_tessera." in name and name.endswith(".so") for name in names))
        asked = self.depends("python3-tessera")
        self.assertTrue({"python3", "python3-numpy", "libc6"} <= set(asked), asked)

    def test_a_program_is_built_and_run_with_them(self):
        prefix = self.root / "usr"
        folder = self.place / "consumer"
        run("cmake", "-S", SOURCE / "tests" / "consumer", "-B", folder, f"-DCMAKE_PREFIX_PATH={prefix}",
            f"-DCONSUMER_EXAMPLES={SOURCE / 'examples'}")
        run("cmake", "--build", folder)
        for program in ("infer_c", "infer_cpp"):
            self.assertIn(f"tessera {VERSION}", run(folder / program, MODEL))
        full = self.place / "full"
        run("cmake", "-S", SOURCE / "tests" / "consumer", "-B", full, f"-DCMAKE_PREFIX_PATH={prefix}",
            f"-DCONSUMER_EXAMPLES={SOURCE / 'examples'}", "-DCONSUMER_FULL=ON")
        run("cmake", "--build", full)
        self.assertRegex(run(full / "compare_c", MODEL, MODEL.parent / "calib", self.place / "report"), r"int8.*×")
        self.assertEqual(run(prefix / "bin" / "tessera", "--version").strip(), f"tessera {VERSION}")


if __name__ == "__main__":
    unittest.main(verbosity=2)

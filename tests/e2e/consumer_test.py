#!/usr/bin/env python3
"""What a program sees that uses an installed Tessera: CMake, pkg-config, C and C++, shared and static, in a tree that was moved.

    BUILD=build/release DATA=tests/data tests/e2e/consumer_test.py
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["BUILD"]).resolve()
SOURCE = pathlib.Path(__file__).resolve().parents[2]
MODEL = pathlib.Path(os.environ["DATA"]).resolve() / "image" / "model.onnx"
VERSION = re.search(r"project\(tessera VERSION ([\d.]+)", (SOURCE / "CMakeLists.txt").read_text())[1]
# Of a matrix product nobody needs these.
FOREIGN = ("png", "jpeg", "icu", "zip", "crypto", "nettle")


def run(*words, **options):
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=600, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, words))}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def needed(binary):
    """The shared libraries that a program or library asks for itself."""
    return re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", binary))


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.folder.name)
        run("cmake", "--install", BUILD, "--prefix", cls.root / "first")
        cls.prefix = cls.root / "moved"
        (cls.root / "first").rename(cls.prefix)
        cls.library = next(cls.prefix.glob("lib*/**/libtessera.so"))
        cls.full = cls.library.with_name("libtessera_full.so")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def build(self, name, *options):
        folder = self.root / name
        run("cmake", "-S", SOURCE / "tests" / "consumer", "-B", folder, f"-DCMAKE_PREFIX_PATH={self.prefix}",
            f"-DCONSUMER_EXAMPLES={SOURCE / 'examples'}", *options)
        run("cmake", "--build", folder)
        return folder

    def check_output(self, program, **options):
        text = run(program, MODEL, **options)
        self.assertIn(f"tessera {VERSION}", text)
        return text

    def test_cmake_shared(self):
        folder = self.build("shared")
        self.assertIn("in place, run and run_async: the same", self.check_output(folder / "infer_c"))
        self.assertRegex(self.check_output(folder / "infer_cpp"), r"BF16 is off by at most \d")
        soname = ".".join(VERSION.split(".")[:2])
        for program in ("infer_c", "infer_cpp"):
            self.assertIn(f"libtessera.so.{soname}", needed(folder / program))

    def test_cmake_static(self):
        folder = self.build("static", "-DCONSUMER_STATIC=ON")
        for program in ("infer_c", "infer_cpp"):
            self.check_output(folder / program)
        self.check_comparing(folder)
        for program in ("infer_c", "infer_cpp", "compare_cpp", "compare_c", "embed_c"):
            self.assertFalse([name for name in needed(folder / program) if "tessera" in name])
        for program in ("infer_c", "infer_cpp"):
            self.assertFalse([name for name in needed(folder / program) if any(word in name for word in FOREIGN)])

    def test_cmake_full(self):
        """Everything from one shared library, and nothing from the one that holds the engine alone."""
        folder = self.build("full", "-DCONSUMER_FULL=ON")
        for program in ("infer_c", "infer_cpp"):
            self.check_output(folder / program)
        self.check_comparing(folder)
        soname = ".".join(VERSION.split(".")[:2])
        for program in ("infer_c", "infer_cpp", "compare_cpp", "compare_c", "embed_c"):
            self.assertEqual([name for name in needed(folder / program) if "tessera" in name], [f"libtessera_full.so.{soname}"])

    def check_comparing(self, folder):
        """The programs of examples/ that go beyond the engine."""
        text = run(folder / "compare_cpp", MODEL, MODEL.parent / "calib")
        self.assertRegex(text, r"int8.*×")
        self.assertRegex(text, r"INT8 agrees with FP32 on [\d.]+ % of 32 items")
        report = folder / "report"
        self.assertRegex(run(folder / "compare_c", MODEL, MODEL.parent / "calib", report), r"int8.*×")
        model, = json.loads((report / "report.json").read_text())["models"]
        self.assertEqual([point["batch"] for point in model["points"]], [1, 4])
        self.assertIn("nearest to \"good food\": \"the food was good\"",
                      run(folder / "embed_c", self.encoder(), "good food", "terrible service", "the food was good"))

    def encoder(self):
        """The trained classifier of tests/data without its head."""
        folder = self.root / "encoder"
        if not folder.exists():
            shutil.copytree(MODEL.parents[1] / "text", folder, ignore=shutil.ignore_patterns("*.onnx", "*.npy", "*.tsv"))
            config = json.loads((folder / "config.json").read_text())
            (folder / "config.json").write_text(json.dumps({**config, "architectures": ["BertModel"]}))
        return folder

    def test_cmake_says_no_to_what_it_has_not(self):
        script = self.root / "unknown"
        script.mkdir()
        (script / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.22)\nproject(x LANGUAGES CXX)\nfind_package(tessera REQUIRED COMPONENTS gpu)\n")
        done = subprocess.run(["cmake", "-S", script, "-B", script / "build", f"-DCMAKE_PREFIX_PATH={self.prefix}"],
                              capture_output=True, text=True, timeout=100)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("no component gpu", done.stderr)

    def test_pkg_config(self):
        # Nothing else is known: the shared library is used without the development files of others.
        environment = {**os.environ, "PKG_CONFIG_LIBDIR": str(self.library.parent / "pkgconfig"),
                       "LD_LIBRARY_PATH": str(self.library.parent)}
        flags = run("pkg-config", "--cflags", "--libs", "tessera", env=environment).split()
        self.assertEqual(run("pkg-config", "--modversion", "tessera", env=environment).strip(), VERSION)
        for compiler, source in ((["cc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror"], "c/infer.c"),
                                 (["c++", "-std=c++20", "-Wall", "-Wextra", "-Werror"], "cpp/infer.cpp")):
            program = self.root / f"by_pkg_config_{compiler[0]}"
            run(*compiler, SOURCE / "examples" / source, *flags, "-o", program, env=environment)
            self.check_output(program, env=environment)
        flags = run("pkg-config", "--cflags", "--libs", "tessera-full", env=environment).split()
        program = self.root / "by_pkg_config_full"
        run("cc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", SOURCE / "examples" / "c" / "embed.c", *flags, "-o", program,
            env=environment)
        self.assertIn("nearest to", run(program, self.encoder(), "one", "two", "three", env=environment))

    def test_the_tool_runs_where_it_was_put(self):
        self.assertEqual(run(self.prefix / "bin" / "tessera", "--version").strip(), f"tessera {VERSION}")

    def test_the_engine_needs_no_library_of_data(self):
        names = needed(self.library)
        self.assertTrue(any("hwloc" in name for name in names), names)
        self.assertFalse([name for name in names if any(word in name for word in FOREIGN)])

    def test_headers_stand_on_their_own(self):
        headers = sorted((self.prefix / "include" / "tessera").iterdir())
        self.assertGreater(len(headers), 10)
        for header in headers:
            language = "c" if header.suffix == ".h" else "c++"
            standard = "-std=c11" if language == "c" else "-std=c++20"
            run("c++" if language == "c++" else "cc", "-x", language, standard, "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
                "-I", self.prefix / "include", "-include", header, "/dev/null")

    def test_only_the_public_interface_is_shown(self):
        """Instances of the standard library's templates come along: they may be the program's as well."""
        engine = "Error|Tensor|Shape|Model|Session|name_of|to_string|operator==|\\w+_from_name"
        for library, headers, shown in ((self.library, ["tessera.h"], engine),
                                        (self.full, ["tessera.h", "encoder.h", "compare.h"],
                                         engine + "|Encoder|Comparison|compare|read_items")):
            symbols = run("nm", "-DC", "--defined-only", library).splitlines()
            names = [line.split(maxsplit=2)[2] for line in symbols]
            public = re.compile(r"^(tessera_\w+$|(guard variable for |typeinfo (name )?for |vtable for )?"
                                rf"tessera::({shown})(?!\w))")
            hidden = [name for name in names if "tessera" in name.split("(")[0].split("<")[0] and not public.match(name)]
            self.assertEqual(hidden, [])
            self.assertFalse([name for name in names if name.startswith(("onnx::", "google::", "icu_"))])
            declared = set()
            for header in headers:
                declared |= set(re.findall(r"\b(tessera_\w+)\(", (SOURCE / "include/tessera" / header).read_text()))
            declared -= {"tessera_error_"}
            self.assertEqual({name for name in names if name.startswith("tessera_")}, declared)


if __name__ == "__main__":
    unittest.main(verbosity=2)

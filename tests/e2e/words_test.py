#!/usr/bin/env python3
"""Random words on the command line, made of what --help shows: every run ends with a status that is documented and, where it is
not 0, one line that says why; no input is changed, no half-written file is left.

    TESSERA=build/release/tessera tests/e2e/words_test.py [--runs N] [--seed S] [--seconds T] [--show]

The words of run i of a seed are always the same; a failure prints them. Files are those of a folder of its own.
"""
import argparse
import collections
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile

import onnx_bytes as onnx

TESSERA = os.path.abspath(os.environ["TESSERA"])
SANITIZED = bool(os.environ.get("SANITIZED"))
STATUSES = {0, 1, 2, 3}
# Measuring takes seconds: seldom, and always with the words that make it short.
SELDOM = {"compare": 12, "doctor": 12, "launch": 4}
SHORT = {"compare": ["--model", "m.onnx", "--max-seconds", "1", "--samples", "2", "--warmup", "0"]}

NUMBERS = ["0", "1", "2", "3", "7", "-1", "-0", "+1", "01", "1e1", "1.5", "0x2", "1_0", " 1", "1 ", "", "x", "nan", "inf", "1,2", "1,,2",
           ",", "9223372036854775807", "9223372036854775808", "18446744073709551616", "-9223372036854775809", "1" * 400, "１", "-"]
FILES = ["m.onnx", "q.onnx", "n.onnx", "bad.onnx", "cut.onnx", "empty.onnx", "missing.onnx", "x.npy", "x.npz", "bad.npy", "texts.txt",
         "folder", "hub", "pipe.onnx", "loop.onnx", "link.onnx", "image.png", ".", "", "bert", "m.onnx/", "./m.onnx", "no/such/file.onnx"]
OUTPUTS = ["out.onnx", "out.tsr", "out.npy", "out", "out/deep/er", "", ".", "m.onnx", "link.onnx", "loop.onnx", "folder", "x.npy",
           "no/such/folder/out.onnx", "=cell.onnx", "-o", "a\x1b[31mb.onnx", "ü.onnx", "n" * 300 + ".onnx"]
PRECISIONS = ["fp32", "bf16", "int8", "int8-dynamic", "FP32", "int4", "int8@avx2", "fp32@avx2", "bf16@", "@avx2", "fp32@avx512_core@avx2"]
ISAS = ["avx2", "avx2_vnni", "avx512_core", "avx512_core_vnni", "avx512_core_bf16", "avx512_core_amx", "AVX2", "sse", ""]
WORDS = ["auto", "off", "mse", "minmax", "entropy", "percentile", "moving-average", "scores", "values", "top1", "synthetic", "0.5", "bash",
         "zsh", "fish", "m.onnx", "v0=x.npy", "v0=", "=x.npy", "v0=bad.npy", "v0", "v0=x.npy=x.npy", "nothing=x.npy", "export", "tiny"]
OUTPUT_OPTIONS = {"-o", "--output", "--output-dir", "--report", "--html", "--trace", "--dot", "--log-dir"}


def options_of(*path):
    """The option names of a command, and those of them that take a value."""
    text = subprocess.run([TESSERA, *path, "--help"], check=True, capture_output=True, text=True, timeout=60).stdout
    options = {}
    for names, rest in re.findall(r"^  (-[-\w,!]+)(.*)", text, re.MULTILINE):
        for name in names.split(","):
            options[name] = bool(re.match(r" [A-Z]", rest))
    commands = re.findall(r"^  (\w+) ", text.split("\nSubcommands:\n")[1].split("\n\n")[0], re.MULTILINE) \
        if "\nSubcommands:\n" in text else []
    return options, commands


class Words:
    def __init__(self):
        _, self.commands = options_of()
        self.options = {command: options_of(command)[0] for command in self.commands}

    def noise(self, draw):
        """Any bytes but zero and those that lead out of the folder."""
        letters = [chr(code) for code in range(1, 127) if chr(code) != "/"] + ["é", "\u202e", "\U0001f600", "\ud800", "\udcff"]
        return "".join(draw.choice(letters) for _ in range(draw.randrange(1, 12))).replace("..", "")

    def value(self, draw, option):
        if draw.randrange(12) == 0:
            return self.noise(draw)
        if option in OUTPUT_OPTIONS:
            return draw.choice(OUTPUTS)
        if option == "--calibration" or draw.randrange(10) == 0:
            return draw.choice(FILES + ["synthetic"])
        if option in ("--precision", "--case"):
            return draw.choice(PRECISIONS)
        if option == "--isa":
            return draw.choice(ISAS)
        if option in ("--model", "--validation"):
            return draw.choice(FILES)
        return draw.choice(NUMBERS if draw.randrange(3) else WORDS)

    def make(self, draw):
        if draw.randrange(40) == 0:
            return [self.noise(draw) for _ in range(draw.randrange(4))]
        weights = [1 / SELDOM.get(command, 1) for command in self.commands]
        command = draw.choices(self.commands, weights)[0]
        words = [command]
        if command in ("run", "explain", "compile", "quantize", "embed", "classify"):
            words += [draw.choice(["m.onnx", "m.onnx", "q.onnx", "hub", *FILES])]
        if command in ("quantize", "compile") and draw.randrange(3):
            words += ["-o", draw.choice(OUTPUTS)]
        if command == "quantize" and draw.randrange(2):
            words += ["--calibration", draw.choice(["x.npy", "x.npz", *FILES])]
        if command in ("embed", "classify"):
            words += draw.choices(["x.npy", "image.png", "texts.txt", "a text", *FILES], k=draw.randrange(3))
        names = list(self.options[command])
        for _ in range(draw.choice([0, 1, 1, 2, 2, 3, 5])):
            option = draw.choice(names)
            if draw.randrange(20) == 0:
                option = option[:-1] + draw.choice("xyz")
            words.append(option)
            if self.options[command].get(option, False) != (draw.randrange(25) == 0):
                if option.startswith("--") and draw.randrange(5) == 0:
                    words[-1] += "=" + self.value(draw, option)
                else:
                    words.append(self.value(draw, option))
        if command == "launch":
            words += draw.choice([["--dry-run"], ["--", TESSERA, "--version"], ["--", "no-such-program"], ["--"]])
        return words + SHORT.get(command, [])


def fill(folder):
    """Small files of every kind that the words name."""
    side = 4
    (folder / "m.onnx").write_bytes(onnx.products(2, side, batch="batch"))
    (folder / "n.onnx").write_bytes(onnx.products(1, side, onnx.floats(*[float("nan")] * side * side)))
    (folder / "bad.onnx").write_bytes(b"\x08\x08nothing that is a model" * 9)
    (folder / "cut.onnx").write_bytes((folder / "m.onnx").read_bytes()[:90])
    (folder / "empty.onnx").write_bytes(b"")
    array = onnx.npy([2, side], onnx.floats(*[0.5 * i for i in range(2 * side)]))
    (folder / "x.npy").write_bytes(array)
    (folder / "bad.npy").write_bytes(array[:70] + b"\xff" * 20)
    with zipfile.ZipFile(folder / "x.npz", "w") as archive:
        archive.writestr("v0.npy", array)
    (folder / "texts.txt").write_text("a text\nlabel\tanother\n")
    (folder / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    for name in ("folder", "hub"):
        (folder / name).mkdir()
    (folder / "hub" / "config.json").write_text('{"model_type": "bert"}')
    os.mkfifo(folder / "pipe.onnx")
    os.symlink("loop.onnx", folder / "loop.onnx")
    os.symlink("m.onnx", folder / "link.onnx")
    subprocess.run([TESSERA, "quantize", "m.onnx", "--calibration", "x.npy", "-o", "q.onnx", "-q"], cwd=folder, check=True, timeout=120,
                   capture_output=True)


def contents(folder):
    """What must not change: every file that was there."""
    return {path.name: path.read_bytes() for path in folder.iterdir()
            if path.is_file() and not path.is_symlink() and not path.is_fifo()}


def read_by(words):
    """The words that are not the value of an option that names an output, with links followed."""
    read, value_of = [], ""
    for word in words:
        option, _, value = word.partition("=")
        if value_of not in OUTPUT_OPTIONS and option not in OUTPUT_OPTIONS:
            read.append(word)
            read.append(value)
        value_of = word
    return {{"link.onnx": "m.onnx"}.get(os.path.normpath(word), os.path.normpath(word)) for word in read if word}


def leftovers(folder):
    return [str(path) for path in folder.rglob("*") if path.name.endswith(".part") or path.name.startswith(".probe")]


def wrong(words, done):
    """Why this end is none that is promised, or nothing."""
    launched = words[:1] == ["launch"] and "--dry-run" not in words
    if done.returncode not in STATUSES and not (launched and 0 < done.returncode < 128):
        return f"status {done.returncode}"
    if re.search(r"internal error|Sanitizer|runtime error|terminate called", done.stderr):
        return "an internal error"
    if re.search("[\x00-\x08\x0b-\x1f\x7f]", done.stderr):
        return "control characters on stderr"
    lines = done.stderr.splitlines()
    if done.returncode != 0 and not launched and not (lines and re.match(r"tessera: [^: ].*: .+", lines[-1])):
        return "no line that says why"
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0, help="go on for so long, whatever --runs says")
    parser.add_argument("--show", action="store_true", help="print every run")
    asked = parser.parse_args()
    words_of = Words()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tessera-words-"))
    statuses, failures, begin = collections.Counter(), 0, time.monotonic()
    try:
        fill(folder)
        before = contents(folder)
        environment = {**os.environ, "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache"), "TMPDIR": str(folder)}
        run = 0
        while time.monotonic() - begin < asked.seconds if asked.seconds else run < asked.runs:
            words = words_of.make(random.Random(f"{asked.seed} {run}"))
            encoded = [word.encode("utf-8", "surrogatepass") for word in words]
            why = None
            try:
                done = subprocess.run([TESSERA, *encoded], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                      errors="replace", timeout=200 if SANITIZED else 60, env=environment, check=False)
                statuses[done.returncode] += 1
                why = wrong(words, done)
                said = done.stderr
            except subprocess.TimeoutExpired:
                why, said = "it does not end", ""
            now = contents(folder)
            written = [name for name in before if now.get(name) != before[name]]
            for name in written:
                (folder / name).write_bytes(before[name])
            # A file that is named as an output and nothing else may be replaced.
            changed = sorted(read_by(words) & set(written))
            why = why or (f"changed {changed}" if changed else None) or (f"left {leftovers(folder)}" if leftovers(folder) else None)
            if why or asked.show:
                print(f"run {run} of seed {asked.seed}: {why or 'fine'}\n  {words}\n  {said[-400:]}", flush=True)
            failures += why is not None
            for path in folder.iterdir():  # what this run has made
                if path.name in ("folder", "hub", "cache") or path.name in before or path.is_symlink() or path.is_fifo():
                    continue
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            run += 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{run} runs, seed {asked.seed}, {time.monotonic() - begin:.0f} s; by exit status: {dict(sorted(statuses.items()))}")
    return 1 if failures or run == 0 else 0


if __name__ == "__main__":
    sys.exit(main())

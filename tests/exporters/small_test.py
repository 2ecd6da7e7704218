#!/usr/bin/env python3
"""Runs the small exported networks of tests/data/exporters: FP32 against double precision at both levels of
optimisation, BF16 within its own rounding, and no plain code but in front of the layers and behind them.

usage: TESSERA=build/release/tessera small_test.py
needs: numpy
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

TESSERA = os.environ.get("TESSERA", "build/release/tessera")
FOLDER = pathlib.Path(__file__).resolve().parents[1] / "data" / "exporters"
BOUNDS = {"fp32": 1e-5, "bf16": 5e-2}  # relative
# Operators that make masks and positions, once for all layers, and those of pooling.
ONCE = {"And", "Cast", "CumSum", "Equal", "Gather", "GatherND", "Not", "Mul", "Add", "Sub", "Where"}
POOLING = {"ReduceSum", "ReduceL2", "Clip"}


def run(model, inputs, folder, options):
    command = [TESSERA, "run", str(model), "--threads", "2", "--output-dir", folder, *options]
    for name, array in inputs.items():
        np.save(os.path.join(folder, name + ".npy"), array)
        command += ["--input", f"{name}={folder}/{name}.npy"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.stderr.strip() if done.returncode else np.load(os.path.join(folder, "result.npy"))


def plain_code(model, inputs):
    first = next(iter(inputs.values()))
    extents = ["--batch", str(first.shape[0])] + (["--seq", str(first.shape[1])] if first.ndim == 2 else [])
    done = subprocess.run([TESSERA, "explain", str(model), "--json", *extents], capture_output=True, text=True,
                          timeout=120, check=True)
    steps = json.loads(done.stdout)["steps"]
    return [(step["op"], step["node"]) for step in steps if step["kernel"] == "reference"]


def problems(folder):
    model, inputs = folder / "model.onnx", dict(np.load(folder / "inputs.npz"))
    want = np.load(folder / "reference.npz")["result"]
    for options in (["--opt-level", "0"], [], ["--precision", "bf16"]):
        with tempfile.TemporaryDirectory() as place:
            got = run(model, inputs, place, options)
        if isinstance(got, str):
            yield f"{options}: {got}"
            continue
        error = np.linalg.norm((got - want).ravel()) / np.linalg.norm(want.ravel())
        if got.shape != want.shape or not error <= BOUNDS["bf16" if "bf16" in options else "fp32"]:
            yield f"{options}: relative error {error:.1e}, shape {got.shape}"
    left = plain_code(model, inputs)
    for op, node in left:
        if op not in ONCE | POOLING or [other for other, _ in left].count(op) > 5:
            yield f"plain code inside the layers: {op} ({node})"


def main():
    folders = sorted(path.parent for path in FOLDER.glob("*/model.onnx"))
    failed = 0
    for folder in folders:
        found = list(problems(folder))
        failed += bool(found)
        for problem in found:
            print(f"{folder.name}: {problem}")
    print(f"{len(folders) - failed} networks right, {failed} not")
    sys.exit(1 if failed or not folders else 0)


if __name__ == "__main__":
    main()

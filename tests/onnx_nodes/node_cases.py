#!/usr/bin/env python3
"""Runs the node tests of the onnx package (onnx.backend.test, one small model per case with its right answers) through
`tessera run` at --opt-level 0 and 1. Every case must be right or refused with exit status 2 in one line that names what
is not supported; operators that docs/operators.md lists must have a case that is right.

usage: TESSERA=build/release/tessera node_cases.py [--only PREFIX] [--table]
needs: pip install onnx numpy
"""
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
import onnx.backend.test.loader

TESSERA = os.environ.get("TESSERA", "build/release/tessera")
LOWEST_OPSET, HIGHEST_OPSET = 11, 25  # that the reader takes
# What differs by more than rounding for a stated reason.
LOOSE = {"test_averagepool_2d_ceil_last_window_starts_on_pad": 1e-3}  # its answers have four decimals


def operators():
    """Operators that docs/operators.md lists."""
    page = pathlib.Path(__file__).resolve().parents[2] / "docs" / "operators.md"
    rows = [line.split("|")[1].strip() for line in page.read_text().splitlines() if line.startswith("| ")]
    return set(rows) - {"Operator"}


def cases(prefix):
    """Made by the package itself: a model, and lists of inputs and outputs."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = onnx.backend.test.loader.load_model_tests(kind="node")
    return [case for case in found if case.name.startswith(prefix) and case.model is not None]


def clip_opset(model):
    """Cases carry the operator set in which their operator was last changed: another one that has the same operator."""
    for opset in model.opset_import:
        if opset.domain == "":
            opset.version = min(max(opset.version, LOWEST_OPSET), HIGHEST_OPSET)


def compare(name, want, got):
    want = np.asarray(want)
    if tuple(want.shape) != tuple(got.shape):
        return f"shape {got.shape}, not {want.shape}"
    tolerance = LOOSE.get(name, 1e-2 if want.dtype == np.float16 else 1e-4)
    if not np.allclose(got.astype(np.float64), want.astype(np.float64), rtol=tolerance, atol=tolerance / 10, equal_nan=True):
        return f"{got.ravel()[:6]}, not {want.ravel()[:6]}"
    return None


def with_constants(model, inputs, kept):
    """All inputs but the first `kept` as initializers: what exporters write for axes, scales, sizes and weights."""
    frozen = onnx.ModelProto()
    frozen.CopyFrom(model)
    for value, array in zip(model.graph.input[kept:], inputs[kept:]):
        frozen.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(array), value.name))
    del frozen.graph.input[kept:]
    return frozen


def attempt(name, model, inputs, wanted):
    """(verdict, detail) with verdict right, refused or wrong."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.onnx")
        onnx.save(model, path)
        command = [TESSERA, "run", path, "--threads", "1", "--output-dir", os.path.join(folder, "out")]
        for value, array in zip(model.graph.input, inputs):
            file = os.path.join(folder, f"in{len(command)}.npy")
            if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
                return "refused", f"input of {array.dtype}"
            np.save(file, array.astype(np.float32) if array.dtype in (np.float16, np.float64) else array)
            command += ["--input", f"{value.name}={file}"]
        for level in ("0", "1"):
            done = subprocess.run(command + ["--opt-level", level], capture_output=True, text=True, timeout=60)
            message = (done.stderr.strip().splitlines() or [""])[-1]
            if done.returncode == 2 and message.startswith("tessera: "):
                return "refused", message.replace(path, "model")
            if done.returncode != 0:
                return "wrong", f"level {level}: exit {done.returncode}: {message}"
            for output, want in zip(model.graph.output, wanted):
                got = np.load(os.path.join(folder, "out", output.name.replace("/", "_") + ".npy"))
                if difference := compare(name, want, got):
                    return "wrong", f"level {level}, output {output.name}: {difference}"
    return "right", ""


def run(case):
    """(name, ops, verdict, detail)"""
    ops = sorted({node.op_type for node in case.model.graph.node})
    clip_opset(case.model)
    inputs, wanted = case.data_sets[0]
    if not all(isinstance(value, (np.ndarray, np.generic)) for value in [*inputs, *wanted]):
        return case.name, ops, "refused", "sequences, optionals"
    verdict, detail = attempt(case.name, case.model, inputs, wanted)
    # An operator whose output is as large as its data say works on constants only.
    kept = 0 if ops == ["NonZero"] else 1
    if verdict == "refused" and len(inputs) > kept:
        verdict, detail = attempt(case.name, with_constants(case.model, inputs, kept), inputs[:kept], wanted)
    return case.name, ops, verdict, detail


def main():
    prefix = sys.argv[sys.argv.index("--only") + 1] if "--only" in sys.argv else ""
    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, len(os.sched_getaffinity(0)))) as pool:
        results = list(pool.map(run, cases(prefix)))
    right = {op for _, ops, verdict, _ in results if verdict == "right" for op in ops}
    wrong = [result for result in results if result[2] == "wrong"]
    for name, ops, verdict, detail in results:
        if verdict == "wrong" or "--table" in sys.argv:
            print(f"{verdict:8} {name}: {detail}")
    count = {verdict: sum(result[2] == verdict for result in results) for verdict in ("right", "refused", "wrong")}
    print(f"{count['right']} cases right, {count['refused']} refused, {count['wrong']} wrong")
    with_cases = {op for _, ops, _, _ in results for op in ops}
    missing = sorted(op for op in operators() if op in with_cases and op not in right) if not prefix else []
    if missing:
        print("listed in docs/operators.md, but no case of these is right:", ", ".join(missing))
    if wrong or missing or not results:
        sys.exit(1)


if __name__ == "__main__":
    main()

"""What Tessera makes of an exported file, beside ONNX Runtime: one Row."""
import dataclasses
import json
import os
import subprocess
import tempfile
import time

import numpy as np

TESSERA = os.environ.get("TESSERA", "build/release/tessera")
BOUND = 1e-5  # relative; a network on which ONNX Runtime is itself further off than a third of that may be as much more
SECONDS = 120


@dataclasses.dataclass
class Row:
    network: str
    family: str
    exporter: str
    opset: int
    attention: str
    verdict: str = ""  # right, refused, wrong, crashed, or none: the exporter made no file
    reason: str = ""
    error: float = float("nan")  # relative, against double precision
    peer_error: float = float("nan")
    milliseconds: float = float("nan")
    peer_milliseconds: float = float("nan")
    plain_code: str = ""  # operators that run as plain code on one thread


def relative_error(got, want):
    if got.shape != want.shape or not np.isfinite(got).all():
        return float("inf")
    return float(np.linalg.norm((got - want).ravel()) / np.linalg.norm(want.ravel()))


def run_tessera(row, model, inputs, reference):
    with tempfile.TemporaryDirectory() as folder:
        command = [TESSERA, "run", str(model), "--threads", "1", "--output-dir", folder]
        for name, array in inputs.items():
            np.save(os.path.join(folder, name + ".npy"), array)
            command += ["--input", f"{name}={folder}/{name}.npy"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            row.verdict, row.reason = "crashed", f"took more than {SECONDS} s"
            return
        message = (done.stderr.strip().splitlines() or [""])[-1].replace(str(model) + ": ", "")
        if done.returncode:
            row.verdict = "refused" if done.returncode == 2 and message.startswith("tessera: ") else "crashed"
            row.reason = message.removeprefix("tessera: ") or f"exit status {done.returncode}"
            return
        row.error = relative_error(np.load(os.path.join(folder, "result.npy")), reference)
    row.verdict = "right" if row.error <= max(BOUND, 3 * row.peer_error) else "wrong"
    if row.verdict == "wrong":
        row.reason = f"relative error {row.error:.1e}"


def run_peer(row, model, inputs, reference, samples):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        row.peer_error = relative_error(session.run(None, inputs)[0], reference)
    except Exception as error:  # its own limits are no verdict on us
        row.reason = f"ONNX Runtime: {str(error).splitlines()[0][:80]}"
        return
    times = []
    for _ in range(samples):
        begin = time.perf_counter()
        session.run(None, inputs)
        times.append(time.perf_counter() - begin)
    if times:
        row.peer_milliseconds = min(times) * 1e3


def time_tessera(row, model, inputs, samples):
    first = next(iter(inputs.values()))
    extents = ["--batch", str(first.shape[0])] + (["--seq", str(first.shape[1])] if first.ndim == 2 else [])
    command = [TESSERA, "compare", "--model", str(model), "--case", "fp32", "--threads", "1", "--warmup", "2", "--json",
               "--samples", str(samples), *extents]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return  # the row has no time
    if done.returncode == 0:
        row.milliseconds = json.loads(done.stdout)["models"][0]["cases"][0]["latency_ms"]["min"]


def plain_code(model, inputs):
    first = next(iter(inputs.values()))
    extents = ["--batch", str(first.shape[0])] + (["--seq", str(first.shape[1])] if first.ndim == 2 else [])
    done = subprocess.run([TESSERA, "explain", str(model), "--json", "--threads", "1", *extents], capture_output=True,
                          text=True, timeout=SECONDS, check=False)
    if done.returncode:
        return ""
    count = {}
    for step in json.loads(done.stdout)["steps"]:
        if step["kernel"] == "reference":
            count[step["op"]] = count.get(step["op"], 0) + 1
    return " ".join(f"{op}*{n}" if n > 1 else op for op, n in sorted(count.items()))


def look_at(row, model, inputs, reference, samples):
    run_peer(row, model, inputs, reference, samples)
    run_tessera(row, model, inputs, reference)
    if row.verdict == "right":
        row.plain_code = plain_code(model, inputs)
        if samples:
            time_tessera(row, model, inputs, samples)
    return row

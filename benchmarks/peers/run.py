#!/usr/bin/env python3
"""Tessera and every peer installed here on one network, in turns: the same threads on the same CPUs, capped to the same
instruction set. Prints a Markdown table with the medians and, against each peer, how many times as fast Tessera is.

    scripts/lib/install_oracle build/oracle                          # ONNX Runtime, from npm
    python3 -m venv build/openvino && build/openvino/bin/pip install openvino nncf
    benchmarks/peers/run.py MODEL.onnx [--case fp32@avx2] [--threads 2] [--batch 1] [--seq 128]
        [--peer-model OTHER.onnx]       the file ONNX Runtime gets, where another form of the network suits it better
        [--python "COMMAND"]            a Python with PyTorch (default: python3); "" leaves PyTorch out
        [--oracle DIR]                  where ONNX Runtime is installed; "" leaves it out
        [--openvino "COMMAND"]          a Python with openvino and, for int8, nncf; without it OpenVINO is left out
        [--float-model FLOAT.onnx]      what OpenVINO reads, and quantizes itself for int8 (default: MODEL.onnx)
        [--calibration ITEMS.npz]       what Tessera and OpenVINO calibrate a float file with

OpenVINO runs twice, with its hints for latency and for throughput. With the latter its requests run side by side, and its time is
that of all inferences divided by their number; so runs Tessera once more beside it, and the two are compared with each other.

A round is a run of inferences of each, one after the other, so that a change of clock or a busy neighbour falls on all alike. The
ratio is the geometric mean over the rounds of (their median / our median); in brackets its 95 % interval, by bootstrap
over rounds (B. Efron, "Bootstrap Methods: Another Look at the Jackknife", 1979). Tessera runs one command per round (a new
process each time); the peers stay loaded.
"""
import argparse
import json
import math
import os
import random
import re
import shlex
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# What holds PyTorch's three libraries to the instruction set of a Tessera case.
PYTORCH_CAPS = {
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "OPENBLAS_CORETYPE": "Haswell"},
    "avx2_vnni": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2_VNNI", "OPENBLAS_CORETYPE": "Haswell"},
}
# glibc would give large tensors back to the kernel after every inference, which costs PyTorch a third at batch 16.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "8589934592", "MALLOC_TRIM_THRESHOLD_": "17179869184", "MALLOC_TOP_PAD_": "536870912"}


class Peer:
    """A process that speaks the protocol described in onnxruntime.mjs."""

    def __init__(self, command, environment, hint="latency"):
        self.hint = hint
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **environment})
        self.name = self.answer()["name"]

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{shlex.join(self.process.args)[-200:]}: ended with status {self.process.wait()}")
        return json.loads(line)

    def measure(self, samples, warmup):
        self.process.stdin.write(json.dumps({"samples": samples, "warmup": warmup}) + "\n")
        self.process.stdin.flush()
        return statistics.median(self.answer())


class Tessera:
    def __init__(self, options, pin, hint="latency"):
        self.hint, self.batch = hint, options.batch
        threads = options.threads if hint == "latency" else 1
        bert = ["--seq", str(options.seq)] if "bert" in options.model else []
        self.command = [*pin, options.tessera, "compare", "--model", options.model, "--case", options.case, "--threads",
                        str(threads), "--hint", hint, "--batch", str(options.batch), *bert, "--accuracy-inputs", "1", "--json", "-q",
                        *(["--calibration", options.calibration] if options.calibration else [])]
        self.name = "Tessera"

    def measure(self, samples, warmup):
        done = subprocess.run([*self.command, "--samples", str(samples), "--warmup", str(warmup)], check=True,
                              stdout=subprocess.PIPE, text=True)
        row = json.loads(done.stdout)["models"][0]["cases"][0]
        if row["status"] != "ok":
            sys.exit(f"Tessera cannot run {row['case']}: {row.get('reason', row['status'])}")
        streams = f", {row['streams']} at a time" if self.hint == "throughput" else ""
        self.name = f"Tessera ({row['case']}, {row['isa']}{streams})"
        return row["latency_ms"]["p50"] if self.hint == "latency" else 1000 * self.batch / row["throughput_per_s"]


def limited_copy(source, target, isa):
    """A copy of a peer that uses no more than AVX2, whatever this CPU has."""
    subprocess.run([sys.executable, os.path.join(HERE, "limit_to_avx2.py"), source, target, *(["--vnni"] if isa == "avx2_vnni" else [])],
                   check=True, stdout=subprocess.DEVNULL)


def openvino_environment(command, isa):
    """What holds OpenVINO to `isa`: its own variable and, where that leaves matrix products out, a copy found before the package."""
    if not isa:
        return {}
    environment = {"ONEDNN_MAX_CPU_ISA": isa.upper()}
    if isa.startswith("avx2"):
        find = [*shlex.split(command), "-c", "import openvino; print(openvino.__path__[0])"]
        package = subprocess.run(find, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        copy = os.path.join(ROOT, f"build/openvino-{isa}")
        limited_copy(package, os.path.join(copy, "openvino"), isa)
        environment["PYTHONPATH"] = copy
    return environment


def openvino_peers(options, pin, precision, isa, shape):
    if not options.openvino:
        return []
    with open(os.path.join(HERE, "openvino_cpu.py"), encoding="utf-8") as file:
        script = file.read()
    request = {"model": os.path.abspath(options.float_model or options.model), "precision": re.sub("-.*", "", precision), **shape}
    if options.calibration:
        request["calibration"] = os.path.abspath(options.calibration)
    try:
        environment = openvino_environment(options.openvino, isa)
    except (subprocess.CalledProcessError, OSError) as error:
        print(f"OpenVINO is left out: {error}", file=sys.stderr)
        return []
    started = []
    for hint in ("latency", "throughput"):
        try:
            started.append(Peer([*pin, *shlex.split(options.openvino), "-c", script, json.dumps({**request, "hint": hint})],
                                environment, hint))
        except (RuntimeError, OSError) as error:
            print(f"OpenVINO is left out: {error}", file=sys.stderr)
    return started


def peers(options, pin):
    precision, _, isa = options.case.partition("@")
    shape = {"threads": options.threads, "batch": options.batch, "seq": options.seq}
    started = []
    if options.oracle:
        oracle = options.oracle
        if isa.startswith("avx2"):
            oracle = options.oracle.rstrip("/") + "-" + isa
            limited_copy(options.oracle, oracle, isa)
        request = json.dumps({"model": os.path.abspath(options.peer_model or options.model), **shape})
        started.append(Peer([*pin, "node", os.path.join(HERE, "onnxruntime.mjs"), request], {"ORACLE": os.path.abspath(oracle)}))
    started += openvino_peers(options, pin, precision, isa, shape)
    if options.python:
        kind = "bert-base" if "bert" in options.model else "resnet50"
        with open(os.path.join(HERE, "pytorch.py"), encoding="utf-8") as file:
            script = file.read()
        request = json.dumps({"model": kind, "precision": re.sub("-.*", "", precision), **shape})
        # Handed over as text: the command may lead into a container that does not see this folder.
        try:
            started.append(Peer([*pin, *shlex.split(options.python), "-c", script, request],
                                {**KEEP_MEMORY, **PYTORCH_CAPS.get(isa, {})}))
        except (RuntimeError, OSError) as error:
            print(f"PyTorch is left out: {error}", file=sys.stderr)
    return started


def interval(logs):
    """95 % interval of the mean of logs, from 4000 resamples of the rounds."""
    dice = random.Random(1)
    means = sorted(statistics.fmean(dice.choices(logs, k=len(logs))) for _ in range(4000))
    return means[100], means[-101]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--case", default="fp32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--seq", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--warmup", type=int, default=4)
    parser.add_argument("--cpus", help="CPUs to run on, as taskset -c takes them (default: the first THREADS)")
    parser.add_argument("--peer-model")
    parser.add_argument("--python", default="python3")
    parser.add_argument("--openvino", default="")
    parser.add_argument("--float-model")
    parser.add_argument("--calibration")
    parser.add_argument("--oracle", default=os.path.join(ROOT, "build/oracle"))
    parser.add_argument("--tessera", default=os.path.join(ROOT, "build/release/tessera"))
    options = parser.parse_args()

    cpus = options.cpus or ",".join(str(cpu) for cpu in sorted(os.sched_getaffinity(0))[:options.threads])
    pin = ["taskset", "-c", cpus]
    theirs = peers(options, pin)
    ours = {"latency": Tessera(options, pin)}
    if any(peer.hint == "throughput" for peer in theirs):
        ours["throughput"] = Tessera(options, pin, "throughput")
    medians = {runner: [] for runner in [*ours.values(), *theirs]}
    for done in range(options.rounds):
        for runner, times in medians.items():
            times.append(runner.measure(options.samples, options.warmup))
            time.sleep(0.1)  # waiting threads of the one before stop spinning
        print(f"\rround {done + 1} of {options.rounds}", end="", file=sys.stderr, flush=True)
    print("", file=sys.stderr)

    size = f"batch {options.batch}" + (f" x {options.seq}" if "bert" in options.model else "")
    print(f"{os.path.basename(options.model)}, {size}, threads: {options.threads}, CPUs {cpus}, {options.rounds} rounds of "
          f"{options.samples}\n\n| engine | median ms | Tessera is |\n|---|---:|---|")
    for runner in ours.values():
        print(f"| {runner.name} | {statistics.median(medians[runner]):.2f} | |")
    for peer in theirs:
        logs = [math.log(a / b) for a, b in zip(medians[peer], medians[ours[peer.hint]])]
        low, high = interval(logs)
        print(f"| {peer.name} | {statistics.median(medians[peer]):.2f} | {math.exp(statistics.fmean(logs)):.3f} times as fast "
              f"({math.exp(low):.3f} to {math.exp(high):.3f}) |")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What a call from Python costs beyond the engine's own time, and what two Python threads gain.

    PYTHONPATH=build/release/python benchmarks/python_calls.py

Python times each call from outside and the engine the same call from inside; the difference is Python's share. It needs an idle
machine: the share is microseconds. With a small model Python's own code stays in the caches; ResNet-50, whose weights go through
them, shows what a call costs that finds them cold, and that an input of 600 kB is not copied.
"""
import argparse
import pathlib
import statistics
import threading
import time
from typing import Callable, NamedTuple

import tessera
from tessera import _tessera

SMALL = pathlib.Path(__file__).parent.parent / "tests/data/image/model.onnx"


class Share(NamedTuple):
    """Microseconds of a call: in the engine (median), and what Python adds (median, and the nine in ten below which it is)."""

    engine: float
    python: float
    python_90: float

    def __str__(self) -> str:
        return f"{self.engine:.0f} us in the engine, {self.python:.1f} us in Python (90 %: {self.python_90:.1f})"


def share_of(call: Callable[[], object], rounds: int) -> Share:
    """Of `rounds` calls. The engine times itself inside each of them, so that its own variation is in no difference."""
    engine, python = [], []
    for i in range(rounds + 20):
        begin = time.perf_counter_ns()
        call()
        taken = (time.perf_counter_ns() - begin) / 1e3
        inside = _tessera.engine_seconds() * 1e6
        if i >= 20:
            engine.append(inside)
            python.append(taken - inside)
    return Share(statistics.median(engine), statistics.median(python), sorted(python)[len(python) * 9 // 10])


def call_share(model: tessera.Model, rounds: int) -> Share:
    """Of run(), which is given arrays and makes new ones."""
    session = model.compile(threads=1)
    feeds = model.random_inputs()
    return share_of(lambda: session.run(feeds), rounds)


def in_place_share(model: tessera.Model, rounds: int) -> Share:
    """Of infer() where inputs and outputs stay in the session's memory."""
    session = model.compile(threads=1)
    views = [session.input_view(info.name) for info in session.inputs]
    for view, array in zip(views, model.random_inputs().values()):
        view[...] = array
    return share_of(session.infer, rounds)


def threads_gain(model: tessera.Model, rounds: int) -> float:
    """Throughput of two Python threads with a session of one thread each, against one."""
    sessions = [model.compile(threads=1, cpus=[cpu]) for cpu in tessera.doctor()["cpus"]["one_per_core"][:2]]
    feeds = model.random_inputs()
    for session in sessions:
        session.run(feeds)

    def seconds(used) -> float:
        workers = [threading.Thread(target=lambda s=session: [s.run(feeds) for _ in range(rounds)]) for session in used]
        begin = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return time.perf_counter() - begin

    return statistics.median(2 * seconds(sessions[:1]) / seconds(sessions) for _ in range(5))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=300)
    rounds = parser.parse_args().rounds
    for name in (str(SMALL), "resnet50"):
        print(f"{pathlib.Path(name).stem}: run() {call_share(tessera.load(name), rounds)}")
        print(f"{pathlib.Path(name).stem}: infer() in place {in_place_share(tessera.load(name), rounds)}")
    print(f"two threads, two sessions: {threads_gain(tessera.load('resnet50'), rounds // 10):.2f} times one")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What a call from Python costs beyond the engine's own time, and what two Python threads gain.

    PYTHONPATH=build/release/python benchmarks/python_calls.py

Calls through Python and calls that only C++ times take turns; the difference of their medians is Python's share. It needs an
idle machine: the share is microseconds. A small model shows it best, ResNet-50 shows that an input of 600 kB is not copied.
"""
import argparse
import pathlib
import statistics
import threading
import time

import tessera

SMALL = pathlib.Path(__file__).parent.parent / "tests/data/image/model.onnx"


def call_share(model: tessera.Model, rounds: int) -> tuple[float, float]:
    """Microseconds: of a call inside the engine, and what Python adds; medians of `rounds` calls of each kind."""
    session = model.compile(threads=1)
    feeds = model.random_inputs()
    engine, python = [], []
    session.measure(feeds, samples=1, warmup=20)
    for _ in range(rounds):
        engine.append(session.measure(feeds, samples=1, warmup=0)[0] * 1e3)
        begin = time.perf_counter_ns()
        session.run(feeds)
        python.append((time.perf_counter_ns() - begin) / 1e3)
    return statistics.median(engine), statistics.median(python) - statistics.median(engine)


def in_place_share(model: tessera.Model, rounds: int) -> tuple[float, float]:
    """The same where inputs and outputs stay in the session's memory: infer() on views."""
    session = model.compile(threads=1)
    views = [session.input_view(info.name) for info in session.inputs]
    for view, array in zip(views, model.random_inputs().values()):
        view[...] = array
    session.measure(samples=1, warmup=20)
    engine, python = [], []
    for _ in range(rounds):
        engine.append(session.measure(samples=1, warmup=0)[0] * 1e3)
        begin = time.perf_counter_ns()
        session.infer()
        python.append((time.perf_counter_ns() - begin) / 1e3)
    return statistics.median(engine), statistics.median(python) - statistics.median(engine)


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
        engine, share = call_share(tessera.load(name), rounds)
        print(f"{pathlib.Path(name).stem}: run() {engine:.0f} us in the engine, {share:+.1f} us in Python")
        engine, share = in_place_share(tessera.load(name), rounds)
        print(f"{pathlib.Path(name).stem}: infer() in place {engine:.0f} us, {share:+.1f} us in Python")
    print(f"two threads, two sessions: {threads_gain(tessera.load('resnet50'), rounds // 10):.2f} times one")


if __name__ == "__main__":
    main()

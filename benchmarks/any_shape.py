#!/usr/bin/env python3
"""What requests of any length and batch cost, and what streams gain.

    PYTHONPATH=build/release/python benchmarks/any_shape.py [lengths] [padding] [mixed] [streams] [idle] [--touch-first GIB]

lengths  requests of random batch and sequence length: what the first use of a length costs beyond its inference, and
         whether memory grows once all have been seen.
padding  texts of mixed length, sorted into batches of like lengths, against all padded to the longest.
mixed    texts of mixed length in one batch: computed with their padding, and without (skip_padding).
streams  throughput of two streams of one thread against one; ResNet-50 image by image on all streams against batches
         of 16 on one.
idle     the CPU time that a process takes with a session that has nothing to do.

It needs an idle machine. Every part prints what it saw; nothing is compared with a limit.
"""
import argparse
import os
import random
import statistics
import time

import numpy as np
import tessera

LONGEST, LARGEST_BATCH = 512, 8


def resident_mb() -> float:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def touch_memory(gigabytes: float) -> None:
    """Touches memory and gives it back. A virtual machine may get a page from its host only when it first touches it, which takes
    longer than to make a plan: seen on a Zen 5, 57 ms for the 55 MB of the largest plan, 2.3 ms once nearly all memory that was free
    had been touched."""
    np.ones(int(gigabytes * 2**30), dtype=np.uint8)


def lengths(model: tessera.Model, requests: int) -> None:
    """Request after request as a server gets them; every pair of batch and length that is new makes a plan."""
    for precision in ("int8", "fp32"):
        session = model.compile(precision)
        choose = random.Random(1)
        seen: set[tuple[int, int]] = set()
        firsts, plan_kinds = [], []
        passes = []
        for _ in range(2):
            choose.seed(1)
            for _ in range(requests):
                batch, seq = choose.randint(1, LARGEST_BATCH), choose.randint(1, LONGEST)
                begin = time.perf_counter()
                session.prepare(batch=batch, seq=seq)
                seconds = time.perf_counter() - begin
                if (batch, seq) not in seen:
                    (plan_kinds if batch not in {b for b, _ in seen} else firsts).append(seconds * 1e3)
                    seen.add((batch, seq))
                if choose.random() < 0.05:
                    session.run(model.random_inputs(batch=batch, seq=seq))
            passes.append(resident_mb())
        memory = session.memory
        print(f"{precision}: {len(seen)} kinds of request; making a plan: median {statistics.median(firsts):.2f} ms, 99 % "
              f"{np.percentile(firsts, 99):.2f}, worst {max(firsts):.2f}; the first of a batch size: worst "
              f"{max(plan_kinds):.2f} ms; resident {passes[0]:.0f} MB after one pass, {passes[1]:.0f} after two; plans take "
              f"{memory['plans'] / 2**20:.1f} of at most {memory['plan_limit'] / 2**20:.0f} MB")


def first_run(model: tessera.Model, requests: int) -> None:
    """What the first run() at a length takes beyond later ones at the same length."""
    for precision in ("int8", "fp32"):
        session = model.compile(precision)
        choose = random.Random(2)
        session.run(model.random_inputs(batch=LARGEST_BATCH, seq=LONGEST))
        extra = []
        for seq in choose.sample(range(1, 257), requests):
            feeds = model.random_inputs(seq=seq)
            begin = time.perf_counter()
            session.run(feeds)
            first = time.perf_counter() - begin
            later = session.measure(feeds, samples=5, warmup=0)
            extra.append(first * 1e3 - statistics.median(later))
        print(f"{precision}: the first run at a new length takes {statistics.median(extra):+.2f} ms (median), "
              f"{np.percentile(extra, 90):+.2f} (90 %) beyond later ones")


def padding(model: tessera.Model, texts: int) -> None:
    """Lengths as texts have them: most are short, a few reach the limit (log-normal, median 40 tokens)."""
    choose = np.random.default_rng(3)
    tokens = np.clip(np.exp(choose.normal(np.log(40), 0.7, texts)).astype(int), 4, LONGEST // 2)
    batch = 8
    session = model.compile("int8")

    def seconds(groups) -> float:
        begin = time.perf_counter()
        for group in groups:
            session.run(model.random_inputs(batch=len(group), seq=int(max(group))))
        return time.perf_counter() - begin

    ordered = np.sort(tokens)[::-1]
    by_length = [ordered[i:i + batch] for i in range(0, texts, batch)]
    longest = int(ordered[0])
    padded = [np.full(batch, longest) for _ in range(len(by_length) // 8)]  # an eighth of them: they are all alike
    seconds(by_length[::4])
    like, all_padded = seconds(by_length), seconds(padded) * len(by_length) / len(padded)
    print(f"int8, {texts} texts of {int(tokens.min())} to {longest} tokens (median {int(np.median(tokens))}), batches of {batch}: "
          f"{texts / like:.1f} texts/s sorted by length, {texts / all_padded:.1f} all padded to the longest: {all_padded / like:.2f}x")


def mixed(model: tessera.Model) -> None:
    """Eight texts of 4 to 256 tokens, evenly apart, in one batch."""
    tokens = np.linspace(4, 256, 8).round().astype(int)
    feeds = {name: array.copy() for name, array in model.random_inputs(batch=len(tokens), seq=int(tokens.max())).items()}
    feeds["attention_mask"][:] = np.arange(tokens.max()) < tokens[:, None]
    for precision in ("int8", "fp32"):
        padded, skipping = model.compile(precision), model.compile(precision, skip_padding=True)
        turns = [(padded.measure(feeds, samples=1, warmup=0)[0], skipping.measure(feeds, samples=1, warmup=0)[0])
                 for _ in range(9)]
        whole, cut = (statistics.median(column[1:]) for column in zip(*turns))
        expected, outputs = padded.run(feeds), skipping.run(feeds)
        name = next(name for name, array in outputs.items() if array.ndim == 3)
        valid = feeds["attention_mask"].astype(bool)
        apart = np.abs(outputs[name] - expected[name])[valid].max() / np.abs(expected[name][valid]).max()
        print(f"{precision}, 8 texts of {tokens.min()} to {tokens.max()} tokens ({valid.mean():.0%} of the batch): {whole:.1f} ms "
              f"with padding, {cut:.1f} without: {whole / cut:.2f}x; the first time {turns[0][1] - cut:+.1f} ms; results "
              f"differ by {apart:.1e} of the largest, {'zeros' if not outputs[name][~valid].any() else 'NO ZEROS'} elsewhere")


def throughput(session: tessera.Session, feeds, requests: int, waiting: int) -> float:
    """Requests in a second, with so many under way at a time."""
    begin = time.perf_counter()
    pending = []
    for _ in range(requests):
        pending.append(session.run_async(feeds))
        if len(pending) >= waiting:
            pending.pop(0).result()
    for future in pending:
        future.result()
    return requests / (time.perf_counter() - begin)


def streams(model: tessera.Model) -> None:
    for precision in ("fp32", "int8"):
        one = model.compile(precision, threads=1)
        two = model.compile(precision, threads=1, streams=2)
        latency = model.compile(precision, extents={"batch": 16})
        image, images = model.random_inputs(), model.random_inputs(batch=16)
        turns = []
        for _ in range(7):
            turns.append((throughput(one, image, 60, 2), throughput(two, image, 120, 4), 16 * throughput(latency, images, 8, 1)))
        first, second, third = (statistics.median(column) for column in zip(*turns))
        print(f"resnet50 {precision}: one stream of one thread {first:.1f} images/s, two {second:.1f} ({second / first:.2f}x); "
              f"batches of 16 on {latency.threads} threads {third:.1f}")


def idle(model: tessera.Model, seconds: float) -> None:
    session = model.compile(streams=2, threads=1)
    session.run(model.random_inputs())
    before = time.process_time()
    time.sleep(seconds)
    print(f"idle for {seconds:.0f} s: {(time.process_time() - before) / seconds:.3%} of a CPU")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["lengths", "padding", "mixed", "streams", "idle"])
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--touch-first", type=float, default=0, metavar="GIB",
                        help="memory to touch and give back before, on a virtual machine: most of what is free")
    options = parser.parse_args()
    touch_memory(options.touch_first)
    bert = tessera.load("bert-base")
    for part in options.parts:
        if part == "lengths":
            lengths(bert, options.requests)
            first_run(bert, 40)
        elif part == "padding":
            padding(bert, 1000)
        elif part == "mixed":
            mixed(bert)
        elif part == "streams":
            streams(tessera.load("resnet50"))
        elif part == "idle":
            idle(tessera.load("resnet50"), 5)
        else:
            parser.error(f"no part {part}: lengths, padding, mixed, streams or idle")


if __name__ == "__main__":
    main()

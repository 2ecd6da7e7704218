#!/usr/bin/env python3
"""Percent of the measured peak of every kernel on every layer, as a Markdown table with the mean by work.

usage: tessera_benchmarks --benchmark_format=json > FILE; benchmarks/kernel_table.py FILE
"""
import json
import sys


def main():
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        return 0 if len(sys.argv) == 2 else 2
    rows, kernels, spent, ideal, peak = {}, [], {}, {}, {}
    for run in json.load(open(sys.argv[1]))["benchmarks"]:
        _, kernel, network, layer = run["name"].split("/")[:4]
        if "%peak" not in run:
            continue
        if kernel not in kernels:
            kernels.append(kernel)
        rows.setdefault((network, layer), {})[kernel] = run["%peak"]
        rate = next(v for k, v in run.items() if k.endswith("OP/s"))
        peak[kernel] = rate / run["%peak"] * 100
        key = (network, kernel)
        time = run["real_time"] * run["layers"]
        spent[key] = spent.get(key, 0) + time
        ideal[key] = ideal.get(key, 0) + time * run["%peak"]
    print("| layer | " + " | ".join(kernels) + " |")
    print("|---|" + "---:|" * len(kernels))
    print("| *peak, Gop/s* | " + " | ".join(f"*{peak[k]:.0f}*" for k in kernels) + " |")
    for network in dict.fromkeys(n for n, _ in rows):
        for (n, layer), values in rows.items():
            if n == network:
                print(f"| {network} {layer} | " + " | ".join(f"{values[k]:.0f} %" if k in values else "" for k in kernels) + " |")
        print(f"| **{network}, by work** | " + " | ".join(
            f"**{ideal[network, k] / spent[network, k]:.0f} %**" if (network, k) in spent else "" for k in kernels) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())

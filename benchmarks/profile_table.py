#!/usr/bin/env python3
"""Where the time of a network goes: profiles summed by kind of layer, one column each, as a Markdown table with the percent
of peak that each kind reaches.

usage: tessera explain MODEL ... --profile 25 --json > CASE.json; benchmarks/profile_table.py CASE.json ...

Layers are told apart by the names that PyTorch gives the nodes of its exports of ResNet-50 and BERT.
"""
import json
import os
import re
import sys

REST = "everything else (pooling, layouts, LayerNormalization, embeddings)"
BOTTLENECK = {"conv1": "1x1 reduce", "conv2": "3x3 direct", "conv3": "1x1 expand + residual", "downsample": "1x1 shortcut"}
BERT = (("attention/output", "attention output"), ("intermediate", "feed-forward 1 + GELU"), ("output/dense", "feed-forward 2"),
        ("pooler", "pooler"))


def kind_of(step):
    node = step["node"]
    if step["gflop"] <= 0 and step["op"] != "StrassenRows":
        return REST
    if "Attention" in step["op"]:
        return "attention"
    if "winograd" in step["kernel"]:
        return "3x3, Winograd"
    bottleneck = re.search(r"layer\d\.\d/(conv\d|downsample)", node)
    if bottleneck:
        return BOTTLENECK[bottleneck[1]]
    if "conv1" in node:
        return "conv1 7x7"
    if "encoder" not in node and "pooler" not in node:
        return "classifier"
    return next((kind for part, kind in BERT if part in node), "Q, K, V")


def main():
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        return 0 if len(sys.argv) > 1 else 2
    cases, table = [], {}
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            profile = json.load(file)
        case = f"{profile['precision']} {profile['isa']}"
        if case in cases:  # a quantized file is fp32 to those who only ask for its precision
            case += f" ({os.path.basename(path)})"
        cases.append(case)
        for step in profile["steps"]:
            spent = table.setdefault(kind_of(step), {}).setdefault(case, [0.0, 0.0])
            spent[0] += step["ms"]
            spent[1] += step["ms"] * step["peak_fraction"]
    print("| ms (of peak) | " + " | ".join(cases) + " |\n|---|" + "---:|" * len(cases))
    for kind, row in table.items():
        cells = []
        for case in cases:
            ms, at_peak = row.get(case, (0, 0))
            cells.append("" if ms == 0 else f"{ms:.2f}" + (f" ({100 * at_peak / ms:.0f} %)" if at_peak > 0 else ""))
        print(f"| {kind} | " + " | ".join(cells) + " |")
    print("| **all** | " + " | ".join(f"**{sum(row.get(c, (0,))[0] for row in table.values()):.2f}**" for c in cases) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())

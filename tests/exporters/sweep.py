#!/usr/bin/env python3
"""Exports networks of transformers, timm and torchvision as their users would, and runs the files: one row for each
network, exporter, operator set and kind of attention, right, refused, wrong or crashed.

usage: TESSERA=build/release/tessera sweep.py WORK [--only PREFIX] [--variant PREFIX] [--export | --exported] [--samples N] [--known FILE] [--csv FILE]
                [--page FILE]
       WORK      a folder for exported files, which later runs take as they are: some 10 GB
       --variant of exporter-opset-attention, say classic-17 or dynamo
       --export  only write the files
       --exported only look at files that are there
       --samples inferences to time [0: none]
       --known   rows of an earlier --csv, which are taken as they are: so a sweep can be made in parts
needs: pip install -r requirements.txt, in a virtual environment outside the repository
"""
import argparse
import csv
import dataclasses
import sys

import numpy as np

from export import export, folder_of, variant_name
from networks import networks
from page import write_page
from verdict import Row, look_at


def row_of(network, variant, root, samples):
    folder = folder_of(root, network)
    row = Row(network.name, network.family, *variant)
    for place in (folder, folder / variant_name(variant)):
        if (place / "failure.txt").exists():
            row.verdict = "none"
            row.reason = (place / "failure.txt").read_text(encoding="utf-8").splitlines()[0][:120]
            return row
    inputs = dict(np.load(folder / "inputs.npz"))
    reference = np.load(folder / "reference.npz")["result"]
    return look_at(row, folder / variant_name(variant) / "model.onnx", inputs, reference, samples)


def was_exported(network, variant, root):
    """Whether there is a file, or the reason why there is none."""
    folder = folder_of(root, network)
    place = folder / variant_name(variant)
    return (folder / "failure.txt").exists() or any((place / name).exists() for name in ("model.onnx", "failure.txt"))


def write_csv(rows, path):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        names = [field.name for field in dataclasses.fields(Row)]
        writer.writerow(names)
        for row in rows:
            values = (getattr(row, name) for name in names)
            writer.writerow(f"{value:.3g}" if isinstance(value, float) else value for value in values)


def read_csv(path):
    """{(network, variant): row} of what write_csv wrote."""
    kinds = {field.name: field.type for field in dataclasses.fields(Row)}
    with open(path, encoding="utf-8", newline="") as file:
        rows = [Row(**{name: kinds[name](value) for name, value in line.items()}) for line in csv.DictReader(file)]
    return {(row.network, (row.exporter, row.opset, row.attention)): row for row in rows}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("work")
    parser.add_argument("--only", default="")
    parser.add_argument("--variant", default="")
    parser.add_argument("--export", action="store_true")
    parser.add_argument("--exported", action="store_true")
    parser.add_argument("--samples", type=int, default=0)
    parser.add_argument("--known")
    parser.add_argument("--csv")
    parser.add_argument("--page")
    words = parser.parse_args()
    known = read_csv(words.known) if words.known else {}
    rows = []
    for network in networks():
        if not network.name.startswith(words.only):
            continue
        wanted = [variant for variant in network.variants if variant_name(variant).startswith(words.variant)]
        if words.exported:
            wanted = [variant for variant in wanted if was_exported(network, variant, words.work)]
        elif missing := [variant for variant in wanted if (network.name, variant) not in known]:
            export(network, missing, words.work)
        if words.export:
            continue
        for variant in wanted:
            if (network.name, variant) in known:
                rows.append(known[network.name, variant])
                continue
            row = row_of(network, variant, words.work, words.samples)
            rows.append(row)
            print(f"{row.verdict:8} {row.network} {variant_name(variant)} {row.error:.1e} {row.peer_error:.1e} "
                  f"{row.milliseconds:.2f}/{row.peer_milliseconds:.2f} [{row.plain_code}] {row.reason}", flush=True)
        if words.csv:
            write_csv(rows, words.csv)
    if words.page:
        write_page(rows, words.page)
    if words.export:
        return
    bad = sum(row.verdict in ("wrong", "crashed") for row in rows)
    print(f"{len(rows)} rows, {sum(row.verdict == 'right' for row in rows)} right, {bad} wrong or crashed")
    sys.exit(1 if bad or not rows else 0)


if __name__ == "__main__":
    main()

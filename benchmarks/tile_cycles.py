#!/usr/bin/env python3
"""Cycles of the products of ResNet-50 and BERT-base on a core with tiles, PREDICTED, for want of such a machine.

usage: benchmarks/tile_cycles.py [--json]

Adds up constants that were measured on an Emerald Rapids (docs/results/intel-emerald-rapids-2026-11-29.md) over what the steps of a
plan do on one core: the loops of run/steps/gemm_step.cpp and kernels/brgemm/amx_block.hpp, in blocks of rows, panels of 32 columns,
parts of 32 rows and chunks of 64 bytes of k. A is taken to come from L2, rows an odd number of cache lines apart, B from L1 but for
the first part of each panel, and the weights from L3 once, evenly behind the products of the first block of rows. Left out: steps
between the products, attention in f32, what a residual costs beyond a plain epilogue, neighbours.
"""
import json
import os
import sys

L2_BYTES, L1_PANEL_BYTES, MOST_ROWS = 2 << 20, 32 << 10, 256
STEP_A_FROM_L2, STEP_A_AND_B_FROM_L2 = 64.5, 86.0  # cycles of 2 x 2 tiles, 64 at best
WEIGHT_BYTES_A_CYCLE = 8.5  # from L3
LOAD_OF_SUMS = 10.4  # a tile from L1, between blocks of k
CONFIGURE_AND_RELEASE, DRAIN = 215, 2 * 272 + 62
DEFERRED_STORES = 2
EPILOGUE = {1: 11, 2: 80, 4: 137, 8: 204}  # added to a part by so many rows after each product
GELU = 740  # to a part of 12 chunks: 40 % of the peak instead of 65 %
# A loop by itself that does just this took 94830 cycles for 128 x 768 x 768 and 385204 for 512 x 768 x 768 in int8: see check().
FOUND = {(128, 768, 768): 94830, (512, 768, 768): 385204}


def product(rows):
    """Cycles of a product of tiles: 16 rows 16, 8 rows 10, one row 9.7."""
    return 9.7 + (rows - 1) * 0.3 / 7 if rows <= 8 else 10 + (rows - 8) * 6 / 8


def epilogue(rows_after_each_product):
    """Between the measured numbers of rows a straight line."""
    known = sorted(EPILOGUE)
    for low, high in zip(known, known[1:]):
        if low <= rows_after_each_product <= high:
            return EPILOGUE[low] + (EPILOGUE[high] - EPILOGUE[low]) * (rows_after_each_product - low) / (high - low)
    return EPILOGUE[known[-1]]


def divide(value, by):
    return -(-value // by)


def row_blocks(m, row_bytes):
    most = max(64, min(MOST_ROWS, L2_BYTES // 2 // max(1, row_bytes) // 32 * 32))
    even = divide(m, divide(m, most))
    block = min(most, divide(even, 32) * 32)
    return [min(block, m - row) for row in range(0, m, block)]


def block_cycles(rows, n, k_bytes, gelu):
    """A block of rows with all panels."""
    panels, chunks = divide(n, 32), divide(k_bytes, 64)
    k_blocks = divide(32 * k_bytes, L1_PANEL_BYTES) if rows > 32 else 1
    parts = divide(rows, 32)
    height = divide(rows, parts)
    upper, lower = (height, 0) if height <= 16 else (divide(height, 2), height // 2)
    products = 2 if lower == 0 else 4
    step = 2 * (product(upper) + (product(lower) if lower else 0))
    first = step * STEP_A_AND_B_FROM_L2 / 64
    others = step * STEP_A_FROM_L2 / 64
    of_part = DEFERRED_STORES + epilogue(divide(height, products * divide(chunks, k_blocks))) + (GELU * height / 32 if gelu else 0)
    of_part += (k_blocks - 1) * (products * LOAD_OF_SUMS + DEFERRED_STORES)
    return panels * (chunks * (first + (parts - 1) * others) + parts * of_part)


def layer_cycles(m, n, k_bytes, gelu=False, warm=False):
    blocks = [block_cycles(rows, n, k_bytes, gelu) for rows in row_blocks(m, k_bytes)]
    from_l3 = 0 if warm else n * k_bytes / WEIGHT_BYTES_A_CYCLE
    return max(blocks[0], from_l3) + sum(blocks[1:]) + CONFIGURE_AND_RELEASE + DRAIN


def check():
    """How many times as long as predicted the loops took that were measured."""
    return [cycles / layer_cycles(*shape, warm=True) for shape, cycles in FOUND.items()]


def shapes(network):
    path = os.path.join(os.path.dirname(__file__), "../tests/shapes", network + ".txt")
    for line in open(path, encoding="utf-8"):
        words = line.split()
        if words and not line.startswith("#"):
            yield words[0], *(int(word) for word in words[1:])


def predict(network, element_bytes, batch):
    rows = []
    for name, m, n, k, taps, count in shapes(network):
        attention = name.startswith("attention_") and name != "attention_output"
        if attention and element_bytes == 1:
            continue  # in f32
        times = batch if attention else 1
        m = m if attention else m * batch
        cycles = times * layer_cycles(m, n, k * taps * element_bytes, gelu=name == "feed_forward_1")
        ideal = times * m * n * k * taps * element_bytes / 1024
        rows.append({"layer": name, "count": count, "cycles": cycles, "share_of_peak": ideal / cycles})
    return rows


def main():
    if "--help" in sys.argv or "-h" in sys.argv:
        print(__doc__)
        return 0
    cases = [(network, kind, bytes_, batch) for network in ("resnet50", "bert_base") for kind, bytes_ in (("int8", 1), ("bf16", 2))
             for batch in (1, 16)]
    tables = {f"{network} {kind} batch {batch}": predict(network, bytes_, batch) for network, kind, bytes_, batch in cases}
    if "--json" in sys.argv:
        print(json.dumps({"found_over_predicted": check(), "tables": tables}, indent=1))
        return 0
    print("Loops that were measured took", " and ".join(f"{factor:.2f}" for factor in check()), "times as long as predicted.")
    for title, rows in tables.items():
        print(f"\n{title}\n\n| layer | times | cycles | of the tile unit's peak |\n|---|---:|---:|---:|")
        for row in rows:
            print(f"| {row['layer']} | {row['count']} | {row['cycles']:,.0f} | {100 * row['share_of_peak']:.0f} % |")
        total = sum(row["cycles"] * row["count"] for row in rows)
        print(f"| all products | | {total:,.0f} | |")
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Cycles of the hot loops as llvm-mca sees them: evidence of speed for instruction sets that this machine lacks.

usage: benchmarks/hot_loops.py [BUILD_DIR] [--json]      (needs objdump and Debian's llvm-19; build first)

Each loop is taken from the disassembly of the built kernels: of the loops of a function that have multiply-adds, and no such loop
inside, the one with the most. Loops inside it, over rows of an epilogue and lines to prefetch, are taken to run once.
Cycles per iteration come from llvm-mca. "bound" is what the multiply-adds alone would take on their ports, in the same model;
"of bound" is bound / cycles.

llvm-mca 19 has no model of tiles: it gives every tile instruction the same made-up cost. Here they are replaced before the
analysis by ordinary instructions that keep as busy what they would:
  TDP*         a dependency chain of 16 cycles that all products share (the tile unit starts one every 16 cycles) and that
               waits for both operands; the bound is 16 cycles a product
  TILELOADD    16 loads of 64 bytes (the CPU has half as many micro-operations)
  TILESTORED   16 stores of 64 bytes
The model of sapphirerapids lets most 512-bit arithmetic use one port (p0) where the CPU has two (p0 and p5), so what it says of
epilogues and of AVX-512 is the worse case; icelake-server is shown beside it for AVX-512.
Out-of-order width, buffers, ports, loads and stores of everything else are llvm-mca's. Caches are taken to hit.
"""
import json
import os
import re
import shutil
import subprocess
import sys

INT8, BF16 = "U8S8Product", "Bf16Product"


GELU = "(tessera::Activation)2"


def finisher(sums, residual, output, rounds_sum="false"):
    """The class that finishes columns, as the disassembly spells it."""
    part = "(tessera::(anonymous namespace)::"
    if rounds_sum == GELU:
        return f"FinishColumns<{part}Sums){sums}, {part}Residual){residual}, {part}Output){output}>, {GELU}"
    if (sums, output) == (1, 2):  # s32 to u8: plans count in steps of C
        return f"FinishPanel<{part}Residual){residual}, {rounds_sum}, true>"
    return f"FinishColumns<{part}Sums){sums}, {part}Residual){residual}, {part}Output){output}>"


def left_of(sums, _, output, kind=""):
    """The class that divides an epilogue into portions."""
    return "VectorsLeft" if kind == GELU else "PairsLeft" if (sums, output) == (1, 2) else "RowsLeft"


# What the parts of a loop's function are called in the disassembly.
LOOPS = [
    # label, object, words in the function's name, multiply-add, CPUs
    ("f32 6x16, avx2", "avx2", ["multiply_rows", "::F32Ops", "6, 1>"], "vfmadd231ps", ["znver3", "znver4"]),
    ("u8s8 6x16, avx2_vnni", "avx2_vnni", ["multiply_rows", "6, 1>"], "vpdpbusd", ["sapphirerapids"]),
    ("f32 14x32, avx512_core", "avx512_core", ["multiply_rows", "::F32Ops", "14, 1>"], "vfmadd231ps", ["sapphirerapids", "icelake-server", "znver4"]),
    ("u8s8 14x32, avx512_core_vnni", "avx512_core_vnni", ["multiply_rows", "14, 1>"], "vpdpbusd", ["sapphirerapids", "icelake-server", "znver4"]),
    ("bf16 14x32, avx512_core_bf16", "avx512_core_bf16", ["multiply_rows", "14, 1>"], "vdpbf16ps", ["sapphirerapids", "znver4"]),
] + [
    (f"{name} {shape_name}, avx512_core_amx, {rest_name}", "avx512_core_amx",
     ["multiply_part", product, f"TileShape<{shape}>", rest], "tdp", ["sapphirerapids"])
    for name, product, sums, rests in (
        ("u8s8", INT8, 1, [("no epilogue", "NothingLeft"), ("epilogue to u8", (0, 2)), ("epilogue with u8 residual to u8", (3, 2)),
                           ("epilogue with rounded sum and u8 residual to u8", (3, 2, "true")),
                           ("epilogue to f32", (0, 0)), ("GELU to u8", (0, 2, GELU))]),
        ("bf16", BF16, 0, [("no epilogue", "NothingLeft"), ("epilogue to bf16", (0, 1)),
                           ("epilogue with bf16 residual to bf16", (2, 1)), ("GELU to bf16", (0, 1, GELU))]))
    for shape_name, shape in (("2x2 tiles", "2, 2"), ("1x4 tiles", "1, 4"))
    for rest_name, kind in rests
    for rest in ["NothingLeft" if kind == "NothingLeft" else
                 f"{left_of(sums, *kind)}<tessera::(anonymous namespace)::{finisher(sums, *kind)}"]
    if shape == "2, 2" or kind == "NothingLeft"
]


def functions_of(path):
    """{name: [(address, text)]} of an object."""
    text = subprocess.run(["objdump", "-dC", "--no-show-raw-insn", path], capture_output=True, text=True, check=True).stdout
    functions, name = {}, None
    for line in text.splitlines():
        head = re.match(r"[0-9a-f]+ <(.*)>:$", line)
        if head:
            name = head.group(1)
            functions[name] = []
        elif name is not None:
            code = re.match(r"\s*([0-9a-f]+):\s+(.*)$", line)
            if code:
                functions[name].append((int(code.group(1), 16), code.group(2).split("#")[0].strip()))
    return functions


def loops_of(code):
    """(first, last) indices of loops."""
    index = {address: i for i, (address, _) in enumerate(code)}
    loops = []
    for i, (_, text) in enumerate(code):
        jump = re.match(r"j[a-z]+\s+([0-9a-f]+)", text)
        if jump and index.get(int(jump.group(1), 16), i + 1) <= i:
            loops.append((index[int(jump.group(1), 16)], i))
    return loops


def is_product(line, multiply):
    return line.removeprefix("{vex} ").startswith(multiply)


def hot_loop(code, multiply):
    def products(loop):
        return sum(is_product(code[i][1], multiply) for i in range(loop[0], loop[1] + 1))

    loops = [loop for loop in loops_of(code) if products(loop)]
    innermost = [a for a in loops if not any(b != a and a[0] <= b[0] and b[1] <= a[1] for b in loops)]
    loop = max(innermost, key=products, default=None)
    return [code[i][1] for i in range(loop[0], loop[1] + 1)] if loop else None


def without_targets(lines):
    """What the assembler takes: jumps need a label, and their direction does not matter to the analysis."""
    out = []
    for line in lines:
        if re.match(r"(call|ret)", line):
            raise SystemExit(f"a call in a hot loop: {line}")
        out.append(re.sub(r"^(j[a-z]+)\s+.*", r"\1 1f", line))
    return out + ["1:"]


def tiles_replaced(lines):
    used = {int(n) for line in lines for n in re.findall(r"%[xyz]mm(\d+)", line)}
    free = [n for n in range(31, -1, -1) if n not in used]
    # Tiles 0 to 3 are sums, which all wait for the unit. Where registers run out, operands share one that the loop uses.
    free += [n for n in range(31, -1, -1) if n in used][:max(0, 5 - len(free))]
    unit = free[0]
    tile = {f"%tmm{i}": unit if i < 4 else free[i - 3] for i in range(8)}
    out = []
    for line in lines:
        load = re.match(r"tileloadd(?:t1)?\s+(.*),(%tmm\d)$", line)
        store = re.match(r"tilestored\s+(%tmm\d),(.*)$", line)
        product = re.match(r"tdp\w+\s+(%tmm\d),(%tmm\d),(%tmm\d)$", line)
        if load:
            register = tile[load.group(2)]
            out += [f"prefetcht0 {load.group(1)}"] * 15 + [f"vmovups {load.group(1)},%ymm{register}"]
        elif store:
            out += [f"vmovups %zmm{tile[store.group(1)]},{store.group(2)}"] * 16
        elif product:
            b, a = tile[product.group(1)], tile[product.group(2)]
            # Additions of 256 bits run on a port that 512-bit arithmetic does not use.
            out += [f"vaddps %ymm{a},%ymm{unit},%ymm{unit}"] + [f"vaddps %ymm{b},%ymm{unit},%ymm{unit}"] * 4
            out += [f"vpaddd %ymm{b},%ymm{unit},%ymm{unit}"]
        elif line.startswith("tile"):
            out.append(f"vpxord %zmm{tile[line.split()[-1]]},%zmm{tile[line.split()[-1]]},%zmm{tile[line.split()[-1]]}")
        else:
            out.append(line)
    return out


def mca(lines, cpu, tool):
    done = subprocess.run([tool, f"-mcpu={cpu}", "-iterations=200", "-instruction-info=0", "-resource-pressure=0"], text=True,
                          input="\n".join(lines) + "\n", capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f"{tool}: {done.stderr.splitlines()[0]}")
    cycles = int(re.search(r"Total Cycles:\s+(\d+)", done.stdout).group(1))
    uops = int(re.search(r"Total uOps:\s+(\d+)", done.stdout).group(1))
    throughput = float(re.search(r"Block RThroughput:\s+([\d.]+)", done.stdout).group(1))
    return cycles / 200, uops / 200, throughput


def analyse(label, lines, multiply, cpu, tool):
    products = [line for line in lines if is_product(line, multiply)]
    row = {"loop": label, "cpu": cpu, "instructions": len(lines), "multiply_adds": len(products),
           "loads_of_a_and_b": sum(bool(re.match(r"(tileload|v?(mov|broadcast|pbroadcast)).*\(.*,%[xyzt]mm", line)) for line in lines)}
    row["stores"] = sum(bool(re.match(r"v\w+\s+.*%[xyz]mm\d+,[^%]*\(", line)) for line in lines)
    if multiply == "tdp":
        row["bound"] = 16.0 * len(products)
        row["cycles"], row["uops"], _ = mca(without_targets(tiles_replaced(lines)), cpu, tool)
    else:
        row["cycles"], row["uops"], _ = mca(without_targets(lines), cpu, tool)
        row["bound"] = mca(products, cpu, tool)[2]
    row["of_bound"] = row["bound"] / row["cycles"]
    return row


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith("-")]
    if "--help" in sys.argv or "-h" in sys.argv:
        print(__doc__)
        return 0
    build = arguments[0] if arguments else os.path.join(os.path.dirname(__file__), "../build/release")
    tool = shutil.which("llvm-mca-19")
    if tool is None:
        raise SystemExit("hot_loops: llvm-mca-19 is not installed: apt-get install llvm-19")
    rows = []
    for label, tier, words, multiply, cpus in LOOPS:
        path = os.path.join(build, f"src/CMakeFiles/tessera_engine.dir/kernels/brgemm/{tier}.cpp.o")
        if not os.path.exists(path):
            raise SystemExit(f"hot_loops: {path} is not there: build first, or name the build directory")
        found = [hot_loop(code, multiply) for name, code in functions_of(path).items() if all(w in name for w in words)]
        found = [loop for loop in found if loop]
        if len(found) != 1:
            raise SystemExit(f"hot_loops: {len(found)} loops for {label}")
        rows += [analyse(label, found[0], multiply, cpu, tool) for cpu in cpus]
    if "--json" in sys.argv:
        print(json.dumps(rows, indent=1))
        return 0
    print("| loop | CPU model | instructions | multiply-adds | loads | stores | uops | cycles | bound | of bound |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for r in rows:
        print(f"| {r['loop']} | {r['cpu']} | {r['instructions']} | {r['multiply_adds']} | {r['loads_of_a_and_b']} | {r['stores']} | {r['uops']:.0f} "
              f"| {r['cycles']:.1f} | {r['bound']:.1f} | {100 * r['of_bound']:.0f} % |")
    return 0


if __name__ == "__main__":
    sys.exit(main())

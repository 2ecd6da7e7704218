# %% [markdown]
# # Faster inference with AMX, BF16 and INT8
#
# ResNet-50 and BERT-base, each in four cases, in this one process:
#
# | case | numbers | instructions |
# |---|---|---|
# | `fp32` | 32-bit floats | AVX2 or AVX-512, the best here |
# | `bf16@avx512_core_amx` | 16-bit floats, sums in 32 bits | AMX tiles, `tdpbf16ps` |
# | `int8@avx512_core_vnni` | 8-bit integers, sums in 32 bits | AVX-512 VNNI, `vpdpbusd` |
# | `int8@avx512_core_amx` | the same integers | AMX tiles, `tdpbusd` |
#
# A case that this machine does not have keeps its row and says why, and its precision also runs on the best instruction set
# that is here. Every number below was measured where you see it; none is copied. It takes a few minutes on two cores.

# %%
import os
import pathlib
import random
import time

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown, display

import tessera

ROOT = next((folder for folder in [pathlib.Path.cwd(), *pathlib.Path.cwd().parents] if (folder / "tests/data").is_dir()), None)
if ROOT is None:
    raise FileNotFoundError("no tests/data in this folder or above it: run the notebook in a copy of Tessera's repository, which has the data")
IMAGES, TEXTS = ROOT / "tests/data/image", ROOT / "tests/data/text"  # small trained models with labelled data
SECONDS = float(os.environ.get("TESSERA_NOTEBOOK_SECONDS", 25))      # for the measurement of one model
BRIEF = SECONDS < 10                                                 # for a test of this notebook: fewer of everything
COLOURS = {"fp32": "#8493a8", "bf16": "#4f7fe8", "int8": "#14a38b"}
plt.rcParams.update({"figure.dpi": 110, "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True})


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    display(Markdown("\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)))


# %% [markdown]
# ## Which instruction sets are here?
#
# `tessera.doctor()` asks the CPU, the hypervisor and the kernel. AMX needs all three: the kernel grants its tile registers
# to a process that asks for them.

# %%
doctor = tessera.doctor()
print(doctor["cpu"]["brand"], "|", doctor["cpus"]["usable"], "usable CPUs | best:", doctor["isa"])
table(["instruction set", "here", "why not"],
      [[f"`{tier['isa']}`", "yes" if tier["available"] else "no", tier.get("reason", "")] for tier in doctor["tiers"]])

# %% [markdown]
# ## The four cases side by side
#
# All cases of a model take turns, in a new random order each round, so that a change of clock or a busy neighbour falls on
# all of them alike. The INT8 cases are calibrated on real data: images of 64 x 64 pixels, enlarged, and sentences. The weights
# of the two big networks are seeded random numbers, so *accuracy* here is agreement with FP32; trained models come further
# down.

# %%
CASES = ["fp32", "bf16@avx512_core_amx", "int8@avx512_core_vnni", "int8@avx512_core_amx"]

small = tessera.load(IMAGES / "model.onnx")
pixels = np.arange(224) * 64 // 224
images = [{"input": item["input"][:, :, pixels[:, None], pixels]} for item in small.dataset(IMAGES / "calib")[::4]]

resnet50 = tessera.load("resnet50")
resnet50_report = tessera.compare(resnet50, CASES, calibration=images, max_seconds=SECONDS)
resnet50_report

# %%
bert = tessera.load("bert-base")
sentences = bert.dataset(TEXTS / "calib.tsv", seq=128)[::10 if BRIEF else 4]
bert_report = tessera.compare(bert, CASES, calibration=sentences, seq=128, max_seconds=SECONDS)
bert_report

# %% [markdown]
# ### Both at a glance
#
# Left: the median time of one inference, with whiskers from the 10th to the 90th percentile. Right: how many times faster
# than FP32.

# %%
def measured(report):
    return [case for case in report.to_dict()["models"][0]["cases"] if case["status"] == "ok"]


figure, panels = plt.subplots(2, 2, figsize=(11, 5), layout="constrained")
for row, (name, report) in zip(panels, {"ResNet-50": resnet50_report, "BERT-base": bert_report}.items()):
    cases = measured(report)
    names, colours = [case["case"] for case in cases], [COLOURS[case["precision"]] for case in cases]
    p50, p10, p90 = (np.array([case["latency_ms"][key] for case in cases]) for key in ("p50", "p10", "p90"))
    row[0].barh(names, p50, color=colours, xerr=[p50 - p10, p90 - p50])
    row[0].set(title=f"{name}: time of one inference", xlabel="ms (lower is better)")
    bars = row[1].barh(names, [case["speedup_vs_fp32"] for case in cases], color=colours)
    row[1].bar_label(bars, fmt="%.2f×", padding=3)
    row[1].axvline(1, color="#64748b", linestyle="--", linewidth=1)
    row[1].set(title=f"{name}: speed-up over FP32", yticklabels=[])
    for panel in row:
        panel.invert_yaxis()
plt.show()

# %% [markdown]
# ## What does it cost in accuracy?
#
# Two small models that were trained for this project, a ResNet-50 of a quarter of the width and a BERT of four layers, with
# 1,000 labelled test items each. `data=` scores every case on all of them, so accuracy stands beside speed.

# %%
trained_image_report = tessera.compare(small, ["fp32", "bf16", "int8"], calibration=IMAGES / "calib",
                                       data=IMAGES / "test", accuracy_inputs=100 if BRIEF else None,
                                       max_seconds=SECONDS / 5)
trained_text_report = tessera.compare(TEXTS / "model.onnx", ["fp32", "bf16", "int8"], calibration=TEXTS / "calib.tsv",
                                      data=TEXTS / "test.tsv", accuracy_inputs=100 if BRIEF else None, seq=64,
                                      max_seconds=SECONDS / 5)
table(["model", "case", "top-1 accuracy", "cosine to FP32", "median ms", "speed-up"],
      [[model, f"`{case['case']}`", f"{100 * case['accuracy']['top1']:.1f} %", f"{case['accuracy']['cosine']:.5f}",
        f"{case['latency_ms']['p50']:.3f}", f"{case['speedup_vs_fp32']:.2f}×"]
       for model, report in {"image": trained_image_report, "text": trained_text_report}.items()
       for case in measured(report)])

# %% [markdown]
# `quantize` can also be told how much accuracy may be lost: sensitive layers then stay in float until the limit holds. Its
# report says what each layer costs.

# %%
trained = tessera.load(TEXTS / "model.onnx")
labelled = trained.dataset(TEXTS / "test.tsv")[::10 if BRIEF else 1]
quantized = trained.quantize(TEXTS / "calib.tsv", max_drop=0.5, validation=labelled)
report = quantized.report
print(f"{report['metric']}: FP32 {report['fp32_score']:.1f}, INT8 {report['int8_score']:.1f}; "
      f"{100 * report['int8_mac_share']:.1f} % of the multiply-adds in INT8, SmoothQuant alpha {report['smoothquant']}")
table(["layer", "precision", "share of the work", "signal to noise alone, dB"],
      [[layer["name"], layer["precision"], f"{100 * layer['mac_share']:.1f} %", f"{layer['sqnr_db'] or float('inf'):.1f}"]
       for layer in sorted(report["layers"], key=lambda layer: layer["sqnr_db"] or float("inf"))[:6]])

# %% [markdown]
# ## Larger batches
#
# One image at a time leaves AMX waiting for weights: each is read for few multiplications. A batch uses a weight many times,
# and the distance between VNNI and AMX grows. Sessions take any batch, so one session for each case is enough.

# %%
int8 = resnet50.quantize(images, smoothquant=None, sensitivity=False)
available = [tier["isa"] for tier in doctor["tiers"] if tier["available"]]
sessions = {"fp32": resnet50.compile("fp32")}
for model, precision, isas in [(resnet50, "bf16", ["avx512_core_amx", "avx512_core_bf16"]),
                               (int8, "int8", ["avx512_core_vnni", "avx512_core_amx"])]:
    for isa in [isa for isa in isas if isa in available] or [doctor["isa"]]:
        sessions[f"{precision}@{isa}"] = model.compile(precision, isa)

BATCHES = [1, 4, 16] if BRIEF else [1, 2, 4, 8, 16, 32]
per_second = {case: [] for case in sessions}
for batch in BATCHES:
    feeds = {"input": np.concatenate([images[i % len(images)]["input"] for i in range(batch)])}
    times = {case: [] for case in sessions}
    for session in sessions.values():
        session.run(feeds)  # makes the plan
    for _ in range(max(3, int(SECONDS / 2 / batch))):
        for case in random.sample(list(sessions), len(sessions)):
            times[case].extend(sessions[case].measure(feeds, samples=1, warmup=0))
    for case in sessions:
        per_second[case].append(batch / np.median(times[case]) * 1e3)

figure, panel = plt.subplots(figsize=(8, 4), layout="constrained")
for case, values in per_second.items():
    panel.plot(BATCHES, values, "s--" if case.endswith("amx") else "o-", color=COLOURS[case.split("@")[0]], label=case)
panel.set(xscale="log", xticks=BATCHES, xticklabels=BATCHES, xlabel="batch", ylabel="images per second", ylim=(0, None),
          title="ResNet-50: throughput over batch")
panel.minorticks_off()
panel.grid(alpha=.3)
panel.legend(frameon=False)
plt.show()
table(["images per second", *map(str, BATCHES)], [[f"`{case}`", *(f"{value:.0f}" for value in values)]
                                                  for case, values in per_second.items()])

# %% [markdown]
# ## Where does each layer stand on the roofline?
#
# `session.explain(profile=20)` times every step of the plan. A layer is a point: how many operations it does for each byte
# that its inputs, weights and outputs take, and how many it does in a second. The flat roof is the rate of multiply-adds in
# registers, measured here; the slope is what copying large arrays reaches. Points above the slope find their data in the caches.

# %%
def memory_bandwidth():
    source = np.ones(1 << 26, np.float32)
    target = np.empty_like(source)
    rates = []
    for _ in range(5):
        begin = time.perf_counter()
        np.copyto(target, source)
        rates.append(2 * source.nbytes / (time.perf_counter() - begin) / 1e9)
    return max(rates)


RUNS = 5 if BRIEF else 20
bandwidth = memory_bandwidth()
figure, panels = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained", sharey=True)
for panel, (name, make) in zip(panels, {
        "ResNet-50": lambda precision: (int8 if precision == "int8" else resnet50).compile(precision),
        "BERT-base": lambda precision: bert.compile(precision, seq=128, calibration=sentences)}.items()):
    for precision, colour in COLOURS.items():
        steps = [step for step in make(precision).explain(RUNS) if step["gflop"] > 0 and step["peak_fraction"] > 0]
        intensity = np.array([step["gflop"] * 1e9 / step["bytes"] for step in steps])
        rate = np.array([step["gflop"] / step["ms"] * 1e3 for step in steps])
        peak = max(rate / [step["peak_fraction"] for step in steps])
        reach = np.geomspace(min(intensity) / 2, max(intensity) * 2)
        panel.scatter(intensity, rate, s=16, color=colour, alpha=.7, label=f"{precision}: {len(steps)} layers")
        panel.plot(reach, np.minimum(peak, reach * bandwidth), color=colour, linewidth=1)
    panel.set(xscale="log", yscale="log", title=name, xlabel="operations per byte")
    panel.legend(frameon=False, loc="lower right")
panels[0].set_ylabel("10⁹ operations per second")
plt.show()
print(f"copying large arrays: {bandwidth:.1f} GB/s")

# %% [markdown]
# Any step can be asked why it is not faster:

# %%
steps = int8.compile("int8").explain(RUNS)
table(["layer", "kernel", "precision", "ms", "of peak", "why not better"],
      [[step["node"], f"`{step['kernel']}`", f"`{step['precision']}`", f"{step['ms']:.3f}",
        f"{100 * step['peak_fraction']:.0f} %" if step["gflop"] > 0 else "", step["why"]]
       for step in sorted(steps, key=lambda step: -step["ms"])[:8]])

# %% [markdown]
# ## And without AMX?
#
# - `compile("int8")` and `compile("bf16")` take the best instruction set there is: VNNI and AVX512_BF16 on recent AMD and older
#   Intel server CPUs, AVX-VNNI on client CPUs, plain AVX2 everywhere else. INT8 gives the same bits on all of them.
# - Where the CPU has AMX and the table at the top still says no, the hypervisor or the kernel hides it; the remedy is below.
# - `tests/emulator` in the repository runs the AMX code paths on any machine, slowly: for correctness, not for speed.

# %%
for tier in doctor["tiers"]:
    if not tier["available"]:
        print(f"{tier['isa']}: {tier['reason']}\n    {tier['remedy']}")
if all(tier["available"] for tier in doctor["tiers"]):
    print("Nothing is missing here.")

# %%
print("[CODE_SAMPLE_COMPLETED_SUCCESSFULLY]")

#!/usr/bin/env python3
"""What INT8 and BF16 cost the trained models: the first table of docs/quantization.md.

    benchmarks/quantization_table.py build/release/tessera tests/data

Quantizes each model with all of its calibration data and with either half of them, and scores every result on the labelled
test set, as `tessera quantize` does; BF16 is scored by `tessera compare --data`.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

TESSERA, DATA = sys.argv[1], pathlib.Path(sys.argv[2]).absolute()


def tessera(*words):
    done = subprocess.run([TESSERA, *map(str, words)], stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def half_of_images(source, number, target):
    """Every other file of each class."""
    for folder in sorted(source.iterdir()):
        (target / folder.name).mkdir(parents=True)
        for image in sorted(folder.iterdir())[number::2]:
            (target / folder.name / image.name).symlink_to(image)
    return target


def half_of_lines(source, number, target):
    target.write_text("".join(source.read_text().splitlines(keepends=True)[number::2]))
    return target


def quantized(model, calibration, test, folder):
    report = tessera("quantize", model, "--calibration", calibration, "--validation", test, "-o", folder / "out.onnx",
                     "--keep-slower", "--no-sensitivity", "--json", "-q")
    return report["int8_score"], 100 * report["top1_agreement"], report["sqnr_db"]


def bf16(model, test, sequence):
    report = tessera("compare", "--model", model, "--case", "fp32", "--case", "bf16", "--data", test, "--samples", 3,
                     "--warmup", 0, "--json", *sequence)
    case = report["models"][0]["cases"][1]["accuracy"]
    return 100 * case["top1"], 100 * case["top1_agreement"], case["sqnr_db"]


def row(name, figures):
    print(f"| {name} | {figures[0]:.1f} % | {figures[1]:.1f} % | {figures[2]:.1f} dB |", flush=True)


def main():
    print("| model, precision, calibration data | top-1 | same top-1 as FP32 | SQNR of the logits |\n|---|---|---|---|")
    cases = [("image", DATA / "image" / "calib", DATA / "image" / "test", half_of_images, ()),
             ("text", DATA / "text" / "calib.tsv", DATA / "text" / "test.tsv", half_of_lines, ("--seq", 64))]
    for name, calibration, test, half, sequence in cases:
        model = DATA / name / "model.onnx"
        row(f"{name}, BF16", bf16(model, test, sequence))
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            row(f"{name}, INT8, all", quantized(model, calibration, test, folder))
            for number in (0, 1):
                part = half(calibration, number, folder / f"half{number}{calibration.suffix}")
                row(f"{name}, INT8, half {number + 1}", quantized(model, part, test, folder))


if __name__ == "__main__":
    main()

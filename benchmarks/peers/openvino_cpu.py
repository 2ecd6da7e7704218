#!/usr/bin/env python3
"""One peer of benchmarks/peers/run.py: OpenVINO's CPU plugin, which reads the ONNX file that Tessera reads.

INT8 is its own: NNCF quantizes the float file after training, with the calibration items of the request (.npz, the first axis of
each array counts items) or, without any, with random ones. `hint` is OpenVINO's performance hint: with "latency" one request runs
at a time, with "throughput" as many as OpenVINO finds best, and the time of a sample is that of all samples divided by their number.
ONEDNN_MAX_CPU_ISA holds its convolutions and INT8 and BF16 matrix products to an instruction set; f32 matrix products (MLAS) and some
other nodes go beyond it, so run.py gives the avx2 tiers a copy that limit_to_avx2.py made.
The protocol is that of onnxruntime.mjs.
    openvino_cpu.py '{"model": "resnet50.onnx", "precision": "int8", "hint": "latency", "threads": 2, "batch": 1, "seq": 128}'
"""
import json
import os
import sys
import time

# Standard output is the protocol's; NNCF shows its progress there.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import numpy  # noqa: E402
import openvino  # noqa: E402

RANDOM_ITEMS = 32


def extents(port, batch, seq):
    """The extents of an input with every symbol bound: the first is the batch, others those of a sequence or an image."""
    symbols = [batch if axis == 0 else (seq if port.partial_shape.rank.get_length() == 2 else 224)
               for axis in range(port.partial_shape.rank.get_length())]
    return [symbol if dim.is_dynamic else dim.get_length() for dim, symbol in zip(port.partial_shape, symbols)]


def item(model, batch, seq, dice):
    """Random pixels; tokens of a small vocabulary, of one segment, none masked."""
    made = {}
    for port in model.inputs:
        shape, name = extents(port, batch, seq), port.get_any_name()
        if port.element_type.is_real():
            made[name] = dice.random(shape, dtype=numpy.float32)
        else:
            made[name] = numpy.full(shape, 1 if "mask" in name else 0, dtype=port.element_type.to_dtype())
            if "mask" not in name and "type" not in name:
                made[name] = dice.integers(0, 1000, shape).astype(made[name].dtype)
    return made


def calibration_items(model, request):
    if not request.get("calibration"):
        dice = numpy.random.default_rng(1)
        return [item(model, 1, request["seq"], dice) for _ in range(RANDOM_ITEMS)]
    arrays = numpy.load(request["calibration"])
    count = len(next(iter(arrays.values())))
    return [{name: array[i:i + 1] for name, array in arrays.items()} for i in range(count)]


def quantized(model, request):
    import nncf
    items = calibration_items(model, request)
    text = all(port.element_type.is_integral() for port in model.inputs)
    return nncf.quantize(model, nncf.Dataset(items), subset_size=len(items),
                         model_type=nncf.ModelType.TRANSFORMER if text else None)


def compiled(request):
    core = openvino.Core()
    model = core.read_model(request["model"])
    if request["precision"] == "int8":
        model = quantized(model, request)
    model.reshape({port.get_any_name(): extents(port, request["batch"], request["seq"]) for port in model.inputs})
    settings = {"PERFORMANCE_HINT": request["hint"].upper(), "INFERENCE_NUM_THREADS": request["threads"]}
    if request["precision"] != "int8":
        settings["INFERENCE_PRECISION_HINT"] = "bf16" if request["precision"] == "bf16" else "f32"
    return core.compile_model(model, "CPU", settings), item(model, request["batch"], request["seq"], numpy.random.default_rng(2))


def one_by_one(model, inputs, count):
    request, result = model.create_infer_request(), []
    for _ in range(count):
        began = time.perf_counter()
        request.infer(inputs, share_inputs=True)
        result.append((time.perf_counter() - began) * 1e3)
    return result


def all_at_once(model, inputs, count):
    queue = openvino.AsyncInferQueue(model)
    began = time.perf_counter()
    for _ in range(count):
        queue.start_async(inputs, share_inputs=True)
    queue.wait_all()
    return [(time.perf_counter() - began) * 1e3 / count]


def main():
    request = json.loads(sys.argv[1])
    model, inputs = compiled(request)
    requests = model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
    run = one_by_one if request["hint"] == "latency" else all_at_once
    version = openvino.__version__.split("-")[0]
    print(json.dumps({"name": f"OpenVINO {version} ({request['hint']}, {requests} at a time)"}), file=answers, flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        run(model, inputs, max(1, order["warmup"]))
        print(json.dumps(run(model, inputs, order["samples"])), file=answers, flush=True)


main()

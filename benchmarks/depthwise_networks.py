#!/usr/bin/env python3
"""MobileNetV2, MobileNetV3 (large) and EfficientNet-B0 with random weights: time against ONNX Runtime, in turns.

    pip install onnx onnxruntime numpy
    benchmarks/depthwise_networks.py build/release/tessera [--threads 1 2] [--rounds 5] [--models DIR]

Graphs are written as PyTorch's exporter writes them: Conv with the normalisation folded, Clip for ReLU6,
HardSwish, Sigmoid and Mul for SiLU, GlobalAveragePool for the squeeze. Each round times every program once; the
table has the median of the rounds' medians. INT8 of ONNX Runtime is its static quantization (QDQ, u8 activations,
s8 weights per channel) of the same file."""
import argparse, json, pathlib, statistics, subprocess, time

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


class Net:
    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.constants, self.count = [], [], 0

    def constant(self, array):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def op(self, kind, inputs, **attributes):
        self.count += 1
        out = f"{kind.lower()}_{self.count}"
        self.nodes.append(helper.make_node(kind, inputs, [out], name=out, **attributes))
        return out

    def conv(self, x, out, into, kernel=1, stride=1, groups=1):
        shape = (out, into // groups, kernel, kernel)
        deviation = np.sqrt(2.0 / np.prod(shape[1:]))
        w = self.constant((self.random.standard_normal(shape) * deviation).astype(np.float32))
        b = self.constant((self.random.standard_normal(out) * 0.1).astype(np.float32))
        pad = (kernel - 1) // 2
        return self.op("Conv", [x, w, b], kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4, group=groups)

    def act(self, x, kind):
        if kind == "relu6":
            return self.op("Clip", [x, self.constant(np.float32(0)), self.constant(np.float32(6))])
        if kind == "silu":
            return self.op("Mul", [x, self.op("Sigmoid", [x])])
        return self.op({"relu": "Relu", "hard_swish": "HardSwish"}[kind], [x])

    def squeeze(self, x, channels, few, inner, gate):
        s = self.act(self.conv(self.op("GlobalAveragePool", [x]), few, channels), inner)
        s = self.conv(s, channels, few)
        s = self.op("Sigmoid", [s]) if gate == "Sigmoid" else self.op("HardSigmoid", [s], alpha=1 / 6)
        return self.op("Mul", [x, s])

    def block(self, x, into, middle, out, kernel, stride, act, squeeze=None):
        y = x if middle == into else self.act(self.conv(x, middle, into), act)
        y = self.act(self.conv(y, middle, middle, kernel, stride, middle), act)
        if squeeze:
            y = self.squeeze(y, middle, *squeeze)
        y = self.conv(y, out, middle)
        return self.op("Add", [x, y]) if stride == 1 and into == out else y

    def finish(self, x, channels, path):
        x = self.op("Flatten", [self.op("GlobalAveragePool", [x])])
        w = self.constant((self.random.standard_normal((1000, channels)) * 0.03).astype(np.float32))
        b = self.constant(np.zeros(1000, np.float32))
        self.nodes.append(helper.make_node("Gemm", [x, w, b], ["logits"], name="classifier", transB=1))
        graph = helper.make_graph(
            self.nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 224, 224])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 1000])], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        onnx.save(model, path)


def mobilenet_v2(path):
    net, act, into = Net(1), "relu6", 32
    x = net.act(net.conv("x", 32, 3, 3, 2), act)
    for t, out, n, stride in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
                              (6, 320, 1, 1)]:
        for i in range(n):
            x = net.block(x, into, into * t, out, 3, stride if i == 0 else 1, act)
            into = out
    net.finish(net.act(net.conv(x, 1280, into), act), 1280, path)


def mobilenet_v3(path):
    net, into = Net(2), 16
    x = net.act(net.conv("x", 16, 3, 3, 2), "hard_swish")
    for kernel, middle, out, squeezed, act, stride in [
            (3, 16, 16, 0, "relu", 1), (3, 64, 24, 0, "relu", 2), (3, 72, 24, 0, "relu", 1), (5, 72, 40, 24, "relu", 2),
            (5, 120, 40, 32, "relu", 1), (5, 120, 40, 32, "relu", 1), (3, 240, 80, 0, "hard_swish", 2),
            (3, 200, 80, 0, "hard_swish", 1), (3, 184, 80, 0, "hard_swish", 1), (3, 184, 80, 0, "hard_swish", 1),
            (3, 480, 112, 120, "hard_swish", 1), (3, 672, 112, 168, "hard_swish", 1),
            (5, 672, 160, 168, "hard_swish", 2), (5, 960, 160, 240, "hard_swish", 1),
            (5, 960, 160, 240, "hard_swish", 1)]:
        x = net.block(x, into, middle, out, kernel, stride, act, (squeezed, "relu", "HardSigmoid") if squeezed else None)
        into = out
    net.finish(net.act(net.conv(x, 960, into), "hard_swish"), 960, path)


def efficientnet_b0(path):
    net, act, into = Net(3), "silu", 32
    x = net.act(net.conv("x", 32, 3, 3, 2), act)
    for t, kernel, out, n, stride in [(1, 3, 16, 1, 1), (6, 3, 24, 2, 2), (6, 5, 40, 2, 2), (6, 3, 80, 3, 2),
                                      (6, 5, 112, 3, 1), (6, 5, 192, 4, 2), (6, 3, 320, 1, 1)]:
        for i in range(n):
            x = net.block(x, into, into * t, out, kernel, stride if i == 0 else 1, act, (into // 4, "silu", "Sigmoid"))
            into = out
    net.finish(net.act(net.conv(x, 1280, into), act), 1280, path)


class Samples:
    def __init__(self):
        random = np.random.default_rng(4)
        self.items = iter([{"x": random.standard_normal((1, 3, 224, 224)).astype(np.float32)} for _ in range(8)])

    def get_next(self):
        return next(self.items, None)


def quantize(path, target):
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    quantize_static(path, target, Samples(), quant_format=QuantFormat.QDQ, per_channel=True,
                    activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)


def time_onnxruntime(path, threads, samples):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feed = {"x": np.random.default_rng(5).standard_normal((1, 3, 224, 224)).astype(np.float32)}
    times = []
    for i in range(samples + 5):
        start = time.perf_counter()
        session.run(None, feed)
        if i >= 5:
            times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def time_tessera(program, path, precision, threads, samples):
    text = subprocess.run([program, "-q", "compare", "--model", path, "--case", precision, "--threads", str(threads),
                           "--samples", str(samples), "--warmup", "5", "--accuracy-inputs", "1", "--json",
                           "--calibration", "synthetic"],
                          check=True, capture_output=True, text=True).stdout
    report = json.loads(text)
    return next(c["latency_ms"]["p50"] for c in report["models"][0]["cases"] if c["precision"] == precision)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tessera")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=30)
    parser.add_argument("--models", type=pathlib.Path, default=pathlib.Path("build/depthwise-networks"))
    arguments = parser.parse_args()
    arguments.models.mkdir(parents=True, exist_ok=True)
    print("network            threads precision   onnxruntime ms   tessera ms   times as fast")
    for write in (mobilenet_v2, mobilenet_v3, efficientnet_b0):
        path = arguments.models / f"{write.__name__}.onnx"
        integers = arguments.models / f"{write.__name__}_int8.onnx"
        if not path.exists():
            write(str(path))
        if not integers.exists():
            quantize(str(path), str(integers))
        for threads in arguments.threads:
            for precision, theirs in (("fp32", path), ("int8", integers)):
                both = [(time_onnxruntime(theirs, threads, arguments.samples),
                         time_tessera(arguments.tessera, str(path), precision, threads, arguments.samples))
                        for _ in range(arguments.rounds)]
                peer, own = (statistics.median(column) for column in zip(*both))
                print(f"{write.__name__:18} {threads:7} {precision:9} {peer:16.2f} {own:12.2f} {peer / own:15.2f}",
                      flush=True)


if __name__ == "__main__":
    main()

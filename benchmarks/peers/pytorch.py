#!/usr/bin/env python3
"""One peer of benchmarks/peers/run.py: PyTorch, in whichever of its own ways to run the network is fastest here.

PyTorch reads no ONNX, so the network is spelled out below with the shapes of ResNet-50 v1.5 and BERT-base and random weights: how
long dense arithmetic takes does not depend on values. Every mode that this PyTorch offers is tried for a few inferences; the
fastest serves. The protocol is that of onnxruntime.mjs.
    pytorch.py '{"model": "resnet50", "precision": "fp32", "threads": 2, "batch": 1, "seq": 128}'
"""
import json
import os
import sys
import time
import warnings

request = json.loads(sys.argv[1])
os.environ["OMP_NUM_THREADS"] = str(request["threads"])
warnings.filterwarnings("ignore")

import torch  # noqa: E402  (the number of threads is read on import)
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)
        self.relu1, self.relu2, self.relu3 = nn.ReLU(), nn.ReLU(), nn.ReLU()
        self.shortcut = (nn.Sequential(nn.Conv2d(inputs, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width))
                         if stride != 1 or inputs != 4 * width else nn.Identity())

    def forward(self, x):
        y = self.relu1(self.bn1(self.conv1(x)))
        y = self.relu2(self.bn2(self.conv2(y)))
        return self.relu3(self.bn3(self.conv3(y)) + self.shortcut(x))


def resnet50():
    layers, inputs = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)], 64
    for width, blocks, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for block in range(blocks):
            layers.append(Bottleneck(inputs, width, stride if block == 0 else 1))
            inputs = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 1000))


class EncoderLayer(nn.Module):
    def __init__(self, hidden=768, heads=12, feed_forward=3072):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.output = (nn.Linear(hidden, hidden) for _ in range(4))
        self.up, self.down = nn.Linear(hidden, feed_forward), nn.Linear(feed_forward, hidden)
        self.norm1, self.norm2 = nn.LayerNorm(hidden, 1e-12), nn.LayerNorm(hidden, 1e-12)

    def split(self, x):
        return x.view(x.size(0), x.size(1), self.heads, -1).transpose(1, 2)

    def forward(self, x, mask):
        context = F.scaled_dot_product_attention(self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x)),
                                                 attn_mask=mask)
        x = self.norm1(self.output(context.transpose(1, 2).reshape(x.shape)) + x)
        return self.norm2(self.down(F.gelu(self.up(x))) + x)


class BertBase(nn.Module):
    def __init__(self, hidden=768):
        super().__init__()
        self.words, self.positions, self.types = nn.Embedding(30522, hidden), nn.Embedding(512, hidden), nn.Embedding(2, hidden)
        self.norm, self.pooler = nn.LayerNorm(hidden, 1e-12), nn.Linear(hidden, hidden)
        self.layers = nn.ModuleList(EncoderLayer() for _ in range(12))

    def forward(self, ids, mask, types):
        x = self.norm(self.words(ids) + self.positions(torch.arange(ids.size(1))) + self.types(types))
        mask = (1.0 - mask[:, None, None, :].to(x.dtype)) * torch.finfo(x.dtype).min
        for layer in self.layers:
            x = layer(x, mask)
        return x, torch.tanh(self.pooler(x[:, 0]))


def network():
    batch, seq = request["batch"], request["seq"]
    if request["model"] == "resnet50":
        return resnet50().eval(), (torch.rand(batch, 3, 224, 224),)
    ones = torch.ones(batch, seq, dtype=torch.int64)
    return BertBase().eval(), (ones, ones, torch.zeros_like(ones))


def graph(model, inputs):
    return torch.jit.freeze(torch.jit.trace(model, inputs, check_trace=False))


def compiled(model):
    import torch._inductor.config as inductor
    inductor.freezing = True
    return torch.compile(model)


def channels_last(model, inputs):
    images = tuple(x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x for x in inputs)
    return model.to(memory_format=torch.channels_last), images


def in_bf16(model, inputs):
    return model.to(torch.bfloat16), tuple(x.to(torch.bfloat16) if x.is_floating_point() else x for x in inputs)


def static_int8(model, inputs):
    """FX graph mode: u8 activations, s8 weights per channel, on oneDNN."""
    from torch.ao.quantization import get_default_qconfig_mapping
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx
    torch.backends.quantized.engine = "onednn"
    prepared = prepare_fx(model, get_default_qconfig_mapping("onednn"), inputs)
    prepared(*inputs)
    return convert_fx(prepared)


def dynamic_int8(model):
    from torch.ao.quantization import per_channel_dynamic_qconfig, quantize_dynamic
    torch.backends.quantized.engine = "onednn"
    return quantize_dynamic(model, {nn.Linear: per_channel_dynamic_qconfig}, dtype=torch.qint8)


def ways():
    """(name, function that gives a callable and its inputs), each from fresh weights."""
    image, precision = request["model"] == "resnet50", request["precision"]
    if precision == "int8":
        if not image:
            return [("dynamic int8", lambda m, x: (dynamic_int8(m), x))]
        return [("fx int8", lambda m, x: (static_int8(m, x), x)),
                ("fx int8, graph", lambda m, x: (graph(static_int8(m, x), x), x))]
    layouts = [("", lambda m, x: (m, x))] + ([(", channels last", channels_last)] if image else [])
    runners = [("eager", lambda m, x: m), ("graph", graph), ("compile", lambda m, x: compiled(m))]

    def build(arrange, runner):
        def both(model, inputs):
            model, inputs = arrange(*(in_bf16(model, inputs) if precision == "bf16" else (model, inputs)))
            return runner(model, inputs), inputs
        return both
    return [(runner_name + layout_name, build(arrange, runner)) for layout_name, arrange in layouts for runner_name, runner in runners]


def times(model, inputs, warmup, samples):
    result = []
    for i in range(warmup + samples):
        began = time.perf_counter()
        model(*inputs)
        if i >= warmup:
            result.append((time.perf_counter() - began) * 1e3)
    return result


def fastest():
    """The fastest way that works; why another does not is said on standard error."""
    best = None
    for name, build in ways():
        try:
            torch.manual_seed(0)
            model, inputs = build(*network())
            trial = sorted(times(model, inputs, 3, 5))[2]
        except Exception as error:  # pylint: disable=broad-except  (a mode that this PyTorch lacks is not the end)
            print(f"pytorch.py: no {name}: {str(error).splitlines()[0] if str(error) else type(error).__name__}", file=sys.stderr)
            continue
        print(f"pytorch.py: {name}: {trial:.2f} ms", file=sys.stderr)
        if best is None or trial < best[0]:
            best = (trial, name, model, inputs)
    if best is None:
        sys.exit(f"pytorch.py: no mode of PyTorch {torch.__version__} runs {request['model']} in {request['precision']}")
    return best[1:]


def main():
    torch.set_num_threads(request["threads"])
    with torch.no_grad():
        name, model, inputs = fastest()
        print(json.dumps({"name": f"PyTorch {torch.__version__.split('+')[0]} ({name})"}), flush=True)
        for line in sys.stdin:
            order = json.loads(line)
            print(json.dumps(times(model, inputs, order["warmup"], order["samples"])), flush=True)


main()

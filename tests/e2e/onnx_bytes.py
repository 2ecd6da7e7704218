"""ONNX files written byte by byte, so that tests need no ONNX library and may write what no library would."""
import struct

FLOAT, INT64 = 1, 7


def varint(value):
    out = b""
    value &= (1 << 64) - 1
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, payload):
    """A length-delimited protobuf field."""
    payload = payload.encode() if isinstance(payload, str) else payload
    return varint(field << 3 | 2) + varint(len(payload)) + payload


def value_info(name, extents, kind=FLOAT):
    """Extents are numbers, or names of symbols."""
    dims = b"".join(text(1, number(1, extent) if isinstance(extent, int) else text(2, extent)) for extent in extents)
    return text(1, name) + text(2, text(1, number(1, kind) + text(2, dims)))


def tensor(name, extents, raw, kind=FLOAT):
    return b"".join(number(1, extent) for extent in extents) + number(2, kind) + text(8, name) + text(9, raw)


def external_tensor(name, extents, location, kind=FLOAT):
    entry = text(13, text(1, "location") + text(2, location))
    return b"".join(number(1, extent) for extent in extents) + number(2, kind) + text(8, name) + entry + number(14, 1)


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


def node(op, inputs, outputs, name=""):
    return (b"".join(text(1, entry) for entry in inputs) + b"".join(text(2, entry) for entry in outputs) +
            text(3, name or outputs[0] + "_node") + text(4, op))


def model(nodes, inputs, outputs, initializers=()):
    graph = b"".join(text(1, entry) for entry in nodes) + text(2, "g")
    graph += b"".join(text(5, entry) for entry in initializers)
    graph += b"".join(text(11, entry) for entry in inputs) + b"".join(text(12, entry) for entry in outputs)
    return number(1, 8) + text(7, graph) + text(8, number(2, 17))


def npy(extents, data, descr="<f4"):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({', '.join(map(str, extents))},), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def products(count, side, raw=None, batch=1):
    """x [batch, side] times `count` square matrices one after the other."""
    raw = raw if raw is not None else floats(*((1.0 if i % (side + 1) == 0 else 0.01) for i in range(side * side)))
    nodes = [node("MatMul", [f"v{i}", f"w{i}"], [f"v{i + 1}"]) for i in range(count)]
    weights = [tensor(f"w{i}", [side, side], raw) for i in range(count)]
    return model(nodes, [value_info("v0", [batch, side])], [value_info(f"v{count}", [batch, side])], weights)

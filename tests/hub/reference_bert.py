"""BERT in NumPy, in double precision, from a folder's safetensors: what embeddings are compared with."""
import json
import math
import struct

import numpy as np

ERF = np.vectorize(math.erf)


def read_safetensors(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = (8 + size + offset for offset in entry["data_offsets"])
            tensors[name] = np.frombuffer(data[begin:end], "<f4").reshape(entry["shape"]).astype(np.float64)
    return tensors


class Bert:
    def __init__(self, folder):
        self.config = json.loads((folder / "config.json").read_text())
        self.weights = read_safetensors(folder / "model.safetensors")

    def linear(self, x, name):
        return x @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]

    def norm(self, x, name):
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + self.config["layer_norm_eps"])
        return x * self.weights[name + ".weight"] + self.weights[name + ".bias"]

    def attention(self, x, name):
        heads = self.config["num_attention_heads"]
        split = lambda part: self.linear(x, name + part).reshape(len(x), heads, -1).swapaxes(0, 1)
        q, k, v = split("self.query"), split("self.key"), split("self.value")
        scores = q @ k.swapaxes(1, 2) / math.sqrt(q.shape[-1])
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (weights / weights.sum(-1, keepdims=True)) @ v
        return self.norm(x + self.linear(mixed.swapaxes(0, 1).reshape(x.shape), name + "output.dense"), name + "output.LayerNorm")

    def tokens(self, ids):
        """[tokens, hidden] of one text without padding."""
        words = self.weights["embeddings.word_embeddings.weight"][ids]
        places = self.weights["embeddings.position_embeddings.weight"][:len(ids)]
        x = self.norm(words + places + self.weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for layer in range(self.config["num_hidden_layers"]):
            name = f"encoder.layer.{layer}."
            x = self.attention(x, name + "attention.")
            inner = self.linear(x, name + "intermediate.dense")
            inner = inner * 0.5 * (1 + ERF(inner / math.sqrt(2)))
            x = self.norm(x + self.linear(inner, name + "output.dense"), name + "output.LayerNorm")
        return x

    def embedding(self, ids):
        mean = self.tokens(ids).mean(0)
        return mean / np.linalg.norm(mean)

#!/usr/bin/env python3
"""Writes the exported files that the tests run everywhere, without PyTorch: tests/data/exporters/NAME with model.onnx,
inputs.npz and reference.npz. Only to be run again when a network or a variant is added.

usage: small.py    (in the environment of requirements.txt)
"""
import pathlib
import shutil
import tempfile

import onnx
import torch

from export import in_a_process, write_model, write_reference
from networks import MeanPooled, Network, OfPixels, OfText, hugging_face

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "data" / "exporters"
VOCABULARY = 40
SIZE = dict(vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
            max_position_embeddings=50)
DEBERTA = dict(SIZE, relative_attention=True, position_buckets=8, norm_rel_ebd="layer_norm", share_att_key=True,
               pos_att_type=["p2c", "c2p"], position_biased_input=False, type_vocab_size=0)
MODERN = dict(SIZE, global_attn_every_n_layers=2, local_attention=16, pad_token_id=1, bos_token_id=2, eos_token_id=3,
              cls_token_id=2, sep_token_id=3)
VIT = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, image_size=32, patch_size=8)


def text(name, variant, model, config, wrapper=OfText, **settings):
    return Network(name, "text", hugging_face(model, config, wrapper, **settings), (variant,), 0, VOCABULARY)


def image(name, variant, model, config, **settings):
    return Network(name, "image", hugging_face(model, config, OfPixels, **settings), (variant,), 32)


def mobile_network(_):
    """MobileNetV2 and V3 in few blocks: depthwise convolutions, ReLU6, HardSwish, squeeze-and-excite."""
    from torchvision.models import MobileNetV3
    from torchvision.models.mobilenetv3 import InvertedResidualConfig

    blocks = [InvertedResidualConfig(8, 3, 16, 8, True, "RE", 2, 1, 1.0),
              InvertedResidualConfig(8, 5, 24, 8, True, "HS", 1, 1, 1.0)]
    return MobileNetV3(blocks, 16, num_classes=4)


NETWORKS = [
    text("bert", ("dynamo", 23, "sdpa"), "BertModel", "BertConfig", **SIZE),
    text("roberta", ("classic", 17, "eager"), "RobertaModel", "RobertaConfig", **SIZE),
    text("minilm-pooled", ("classic", 17, "sdpa"), "BertModel", "BertConfig", MeanPooled, **SIZE),
    text("mpnet", ("classic", 13, "eager"), "MPNetModel", "MPNetConfig", **SIZE),
    text("deberta-v2", ("dynamo", 20, "eager"), "DebertaV2Model", "DebertaV2Config", **DEBERTA),
    text("modernbert", ("dynamo", 20, "sdpa"), "ModernBertModel", "ModernBertConfig", **MODERN),
    image("vit", ("dynamo", 20, "sdpa"), "ViTForImageClassification", "ViTConfig", **VIT),
    Network("mobile", "image", mobile_network, (("dynamo", 20, "default"),), 32),
]


def without_notes(path):
    """The exporter notes for each node from which line of which file it comes."""
    model = onnx.load(path)
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    for part in (*model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output,
                 *model.graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    del model.graph.value_info[:]
    onnx.save(model, path)


def main():
    for network in NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            place, log = pathlib.Path(folder), FOLDER / (network.name + ".failure.txt")
            made = in_a_process(lambda: write_reference(network, place), log) and in_a_process(
                lambda: write_model(network, network.variants[0], place), log)
            if not made:
                raise SystemExit(log.read_text())
            without_notes(place / "model.onnx")
            (FOLDER / network.name).mkdir(parents=True, exist_ok=True)
            for file in ("model.onnx", "inputs.npz", "reference.npz"):
                shutil.copy(place / file, FOLDER / network.name / file)
        print(network.name, sum(file.stat().st_size for file in (FOLDER / network.name).iterdir()), "bytes")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()

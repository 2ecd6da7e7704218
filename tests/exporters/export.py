"""Exports one network in all its variants, each in a process of its own, so that none can harm the next:

    DIR/NAME/inputs.npz, reference.npz     what to run, and what it gives in double precision
    DIR/NAME/VARIANT/model.onnx            or failure.txt, why there is none
"""
import os
import pathlib
import signal
import traceback
import warnings

import numpy as np
import torch

EXPORT_SECONDS = 400


def variant_name(variant):
    exporter, opset, attention = variant
    return f"{exporter}-{opset}-{attention}"


def folder_of(root, network):
    return pathlib.Path(root) / network.name.replace("/", "_")


def build(network, attention):
    torch.manual_seed(0)
    with torch.no_grad():
        return network.build(attention).eval()


def write_reference(network, folder):
    """The eager network in double precision, on other extents than it is exported with."""
    module = build(network, network.variants[0][2]).double()
    inputs = network.example(2 if not network.side else 1, 40)
    wide = [value.double() if value.is_floating_point() else value for value in inputs.values()]
    with torch.no_grad():
        result = module(*wide)
    if not torch.isfinite(result).all() or not result.any():
        raise ValueError("the network gives nothing but zeros, or numbers that are not finite")
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "inputs.npz", **{name: value.numpy() for name, value in inputs.items()})
    np.savez(folder / "reference.npz", result=result.numpy())


def write_model(network, variant, folder):
    exporter, opset, attention = variant
    module = build(network, attention)
    inputs = network.example(2 if not network.side else 1, 24)
    options = dict(input_names=list(inputs), output_names=["result"], opset_version=opset)
    if exporter == "classic":
        options["dynamo"] = False
        if not network.side:
            options["dynamic_axes"] = {name: {0: "batch", 1: "length"} for name in inputs}
    else:
        options.update(dynamo=True, external_data=False, verbose=False)
        if not network.side:
            extents = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length")}
            options["dynamic_shapes"] = tuple(dict(extents) for _ in inputs)
    with torch.no_grad():
        torch.onnx.export(module, tuple(inputs.values()), str(folder / "model.onnx"), **options)


def in_a_process(action, log):
    """Runs `action` in a fork of this process; False, with the reason in the file `log`, where it does not succeed."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    status = 1
    try:
        signal.alarm(EXPORT_SECONDS)
        with open(os.devnull, "w", encoding="utf-8") as nothing:
            os.dup2(nothing.fileno(), 1)
            os.dup2(nothing.fileno(), 2)
        warnings.simplefilter("ignore")
        action()
        status = 0
    except BaseException as error:  # whatever an exporter throws is its answer
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"{type(error).__name__}: {error}\n\n{traceback.format_exc()}", encoding="utf-8")
    finally:
        os._exit(status)


def export(network, variants, root):
    """Whatever of these variants is not there yet."""
    folder = folder_of(root, network)
    if not (folder / "reference.npz").exists() and not (folder / "failure.txt").exists():
        if not in_a_process(lambda: write_reference(network, folder), folder / "failure.txt"):
            return
    for variant in variants:
        place = folder / variant_name(variant)
        if (place / "model.onnx").exists() or (place / "failure.txt").exists():
            continue
        place.mkdir(parents=True, exist_ok=True)
        if not in_a_process(lambda: write_model(network, variant, place), place / "failure.txt"):
            (place / "model.onnx").unlink(missing_ok=True)
            if not (place / "failure.txt").exists():
                (place / "failure.txt").write_text(f"the exporter took more than {EXPORT_SECONDS} s or crashed\n")

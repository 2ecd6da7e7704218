"""The part of onnxruntime's interface that inference scripts use, on Tessera.

    import tessera.onnxruntime as ort

    session = ort.InferenceSession("model.onnx", precision="bf16")
    logits, = session.run(["logits"], {"input": images})
"""
from collections.abc import Mapping, Sequence
import os
from typing import Any, NamedTuple, Optional, Union

import numpy as np

from tessera._error import Error
from tessera._info import TensorInfo
from tessera._model import load

_PROVIDER = "TesseraExecutionProvider"
_ELEMENT_TYPES = {"float32": "float", "float64": "double"}  # the others are called as in NumPy


class NodeArg(NamedTuple):
    """An input or output of the model."""

    name: str
    """By which arrays are given to it, or taken from it."""
    type: str
    """As ONNX Runtime writes it: "tensor(float)", "tensor(int64)" ..."""
    shape: list[Union[int, str]]
    """Its extents; a symbol such as "batch" where any number will do."""


class SessionOptions:
    """Other attributes than these may be set, as scripts do, and change nothing."""

    intra_op_num_threads: int
    """Threads; 0: all usable CPUs."""

    def __init__(self):
        self.intra_op_num_threads = 0


class InferenceSession:
    """Loads and compiles an ONNX file. Providers are accepted and not needed: everything runs on the CPU.

    precision, isa, streams and whatever else is given by name are those of `tessera.Model.compile`, and so is what is raised.
    """

    def __init__(self, path_or_bytes: Union[str, os.PathLike], sess_options: Optional[SessionOptions] = None,
                 providers: Optional[Sequence[Any]] = None, provider_options: Optional[Sequence[dict]] = None, *,
                 precision: str = "fp32", isa: Optional[str] = None, streams: Union[int, str] = 1, **compile_options):
        if isinstance(path_or_bytes, (bytes, bytearray, memoryview)):
            raise Error("InferenceSession", "a model in memory cannot be loaded", "write it to a file and give its path")
        self._model = load(path_or_bytes)
        threads = sess_options.intra_op_num_threads if sess_options is not None else 0
        self._session = self._model.compile(precision, isa, threads, streams, **compile_options)

    def run(self, output_names: Optional[Sequence[str]], input_feed: Mapping[str, Any], run_options: Any = None
            ) -> list[np.ndarray]:
        """Runs the model.

        Args:
            output_names: The outputs that are wanted; None or empty: all.
            input_feed: {input name: array}, as in `tessera.Session.run`.
            run_options: Accepted, and not used.

        Returns:
            One new array for each of these outputs, in their order.

        Raises:
            tessera.Error: "invalid" for a name, a shape or a type that does not fit.
        """
        outputs = self._session.run(input_feed)
        names = output_names or list(outputs)
        for name in names:
            if name not in outputs:
                raise Error(f"output {name}", "the model has no such output", f"use one of: {', '.join(outputs)}")
        return [outputs[name] for name in names]

    def get_inputs(self) -> list[NodeArg]:
        """What the model takes, as its file declares it."""
        return [_node_arg(info) for info in self._model.inputs]

    def get_outputs(self) -> list[NodeArg]:
        """What the model gives; likewise."""
        return [_node_arg(info) for info in self._model.outputs]

    def get_providers(self) -> list[str]:
        """The one there is, "TesseraExecutionProvider"."""
        return [_PROVIDER]


def get_available_providers() -> list[str]:
    """The one there is, "TesseraExecutionProvider"."""
    return [_PROVIDER]


def get_device() -> str:
    """Always "CPU"."""
    return "CPU"


def _node_arg(info: TensorInfo) -> NodeArg:
    return NodeArg(info.name, f"tensor({_ELEMENT_TYPES.get(info.dtype, info.dtype)})", list(info.shape))

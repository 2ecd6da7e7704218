"""What a model or a session says of its inputs and outputs."""
from typing import NamedTuple, Union


class TensorInfo(NamedTuple):
    """An input or output of a model or a session."""

    name: str
    """By which arrays are given to it, or taken from it."""
    dtype: str
    """Of NumPy, by name: "float32", "int64" ..."""
    shape: tuple[Union[int, str], ...]
    """Its extents; a symbol such as "batch" where any number will do."""


class Described:
    """What has inputs and outputs: a Model, as its file declares them, and a Session, at the extents that are prepared."""

    @property
    def inputs(self) -> list[TensorInfo]:
        """What it takes. Symbols such as "batch" stand where a Model takes any extent."""
        return _infos(self._compiled.inputs())

    @property
    def outputs(self) -> list[TensorInfo]:
        """What it gives; likewise."""
        return _infos(self._compiled.outputs())


def _infos(rows) -> list[TensorInfo]:
    return [TensorInfo(*row) for row in rows]

"""What a model or a session says of its inputs and outputs."""
from typing import NamedTuple, Union


class TensorInfo(NamedTuple):
    """An input or output: its name, its NumPy dtype by name, and its extents, a symbol such as "batch" where any will do."""

    name: str
    dtype: str
    shape: tuple[Union[int, str], ...]


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

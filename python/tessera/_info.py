"""What a model or a session says of its inputs and outputs."""
from typing import NamedTuple, Union


class TensorInfo(NamedTuple):
    """An input or output: its name, its NumPy dtype by name, and its extents, a symbol such as "batch" where any will do."""

    name: str
    dtype: str
    shape: tuple[Union[int, str], ...]


def infos(rows) -> list[TensorInfo]:
    return [TensorInfo(*row) for row in rows]

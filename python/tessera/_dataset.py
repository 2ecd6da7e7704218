"""Items of data: of a folder or file, or those that a program has."""
from collections.abc import Iterable, Mapping, Sequence
import os
from typing import Any, Optional, Union
import warnings

import numpy as np

from tessera import _tessera
from tessera._arrays import convert
from tessera._error import Error

Item = Mapping[str, Any]


class Dataset(Sequence):
    """Images, texts or arrays of a folder or file as a model takes them, read one at a time. Made by `Model.dataset`.

    `dataset[i]` is a dict of NumPy arrays of batch 1, of the types and extents of the model's inputs (an image is
    float32 [1, channels, height, width]), with "label", an int, where the data have labels. A slice is a list of these.
    """

    def __init__(self, compiled: _tessera.Dataset):
        self._compiled = compiled
        for note in compiled.notes():
            warnings.warn(note, stacklevel=3)

    def __len__(self) -> int:
        return self._compiled.size()

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(f"{index} is not one of the {len(self)} items of {self.name}")
        item = self._compiled.item(index)
        label = self._compiled.label(index)
        return item if label is None else {**item, "label": label}

    def label(self, index: int) -> Optional[int]:
        """The class of an item, an int from 0 on, without reading it; None where the data have no labels."""
        return self._compiled.label(index)

    @property
    def name(self) -> str:
        """The path that the items are read from."""
        return self._compiled.name

    def __repr__(self) -> str:
        return f"tessera.Dataset({self.name!r}, {len(self)} items)"


Items = Union[str, os.PathLike, Dataset, Iterable[Item]]


class _Samples:
    """Any items as samples of batch 1. Items that hold several are taken apart."""

    def __init__(self, items: Iterable[Item], input_names: set[str]):
        self._label_is_input = "label" in input_names
        lazy = isinstance(items, Sequence) and not isinstance(items, (list, tuple))
        self._items = items if lazy else list(items)
        if lazy:
            self._places = [(i, 0, 1) for i in range(len(items))]  # read when they are needed, one sample each
        else:
            self._places = [(i, row, rows) for i, item in enumerate(self._items)
                            for rows in [self._rows(item)] for row in range(rows)]

    def __len__(self) -> int:
        return len(self._places)

    def item(self, index: int) -> dict[str, Any]:
        i, row, rows = self._places[index]
        item = self._inputs(self._items[i])
        return item if rows == 1 else {name: np.asarray(value)[row:row + 1] for name, value in item.items()}

    def label(self, index: int) -> Optional[int]:
        if self._label_is_input:
            return None
        i, row, rows = self._places[index]
        label = self._items[i].get("label")
        if label is None:
            return None
        return int(label) if np.ndim(label) == 0 else int(np.asarray(label).reshape(-1)[row])

    def _inputs(self, item: Item) -> dict[str, Any]:
        if not isinstance(item, Mapping):
            raise Error("items", f"a {type(item).__name__} is not a dict of arrays", "give {input name: array} for each")
        return {name: value for name, value in item.items() if name != "label" or self._label_is_input}

    def _rows(self, item: Item) -> int:
        extents = {np.shape(value)[0] if np.ndim(value) > 0 else 1 for value in self._inputs(item).values()}
        if len(extents) > 1:
            raise Error("items", f"the arrays of one item hold {sorted(extents)} samples", "give as many of each input")
        return extents.pop() if extents else 1


def is_synthetic(items: Optional[Items]) -> bool:
    """Whether seeded random data are asked for by the word "synthetic"."""
    return isinstance(items, str) and items == "synthetic"


def dataset_of(model: _tessera.Model, items: Optional[Items], extents: Optional[dict[str, int]]):
    """`items` as the engine reads them; None for none."""
    if items is None:
        return None
    if isinstance(items, (str, os.PathLike)):
        return Dataset(model.dataset(os.fspath(items), extents))._compiled
    if isinstance(items, Dataset):
        return items._compiled
    samples = _Samples(items, {name for name, _, _ in model.inputs()})
    if len(samples) == 0:
        raise Error("items", "there are none", "give at least one")
    return model.items(len(samples), samples.item, samples.label, convert)

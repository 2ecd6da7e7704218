"""Arrays that the engine cannot read where they lie."""
from typing import Any

import numpy as np

from tessera._error import Error


def convert(name: str, value: Any, dtype: str) -> np.ndarray:
    """A dense array of `dtype` with the values of `value`.

    Types change only where that loses nothing (int32 to int64, uint8 to float32), and float64 is rounded to float32.
    """
    array = _as_array(name, value)
    if array.dtype != dtype and not (np.can_cast(array.dtype, dtype, "safe")
                                     or (array.dtype.kind == "f" and dtype == "float32")):
        raise Error(f"input {name}", f"{array.dtype} {list(array.shape)} is not {dtype}, and converting it would lose "
                    "something", f"convert it with .astype({dtype!r})")
    return np.require(array, dtype, ["C", "A"])


def _as_array(name: str, value: Any) -> np.ndarray:
    try:
        if not isinstance(value, np.ndarray) and hasattr(value, "__dlpack__"):
            array = np.from_dlpack(value)
        else:
            array = np.asarray(value)
    except Exception as error:  # what a foreign array says of itself: on a GPU, ragged, needing gradients
        raise Error(f"input {name}", f"a {type(value).__name__} cannot be read as an array ({error})",
                    "give a NumPy array, or a DLPack tensor in the memory of the CPU") from error
    if array.dtype.kind not in "biuf":
        raise Error(f"input {name}", f"its elements are {array.dtype}, not numbers", "give a NumPy array of numbers")
    return array

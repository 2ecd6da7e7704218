"""Texts to embeddings."""
from collections.abc import Iterable, Sequence
import os
from typing import Optional, Union

import numpy as np

from tessera import _tessera
from tessera._error import Error


class Encoder:
    """A text encoder from a folder as Hugging Face and sentence-transformers lay it out; runs without either.

        encoder = tessera.Encoder("all-MiniLM-L6-v2", "bf16")
        embeddings = encoder.encode(["a text", "another"])         # float32 [2, 384], of length 1

    The folder's own tokenizer, pooling and normalisation are used. encode() may be called by any number of threads.
    """

    def __init__(self, folder: Union[str, os.PathLike], precision: str = "fp32", isa: Optional[str] = None,
                 threads: int = 0, streams: Union[int, str] = 1, *, calibration: Iterable[str] = ()):
        """precision, isa, threads and streams as in Model.compile; calibration: for int8, a hundred texts like those to come."""
        self._compiled = _tessera.load_encoder(folder=os.fspath(folder), precision=precision, isa=isa, threads=threads,
                                               streams=0 if streams == "auto" else streams,
                                               calibration_texts=_texts(calibration))

    def encode(self, sentences: Union[str, Sequence[str]], batch_size: int = 32, normalize: bool = True, *,
               normalize_embeddings: Optional[bool] = None) -> np.ndarray:
        """float32 [texts, hidden] in their order, [hidden] for one str; cut to max_seq_length tokens.

        normalize  to length 1; a folder that asks for this gets it anyway. normalize_embeddings: the same, as
                   sentence-transformers calls it
        """
        if normalize_embeddings is not None:
            normalize = normalize_embeddings
        if isinstance(sentences, str):
            return self._compiled.encode([sentences], batch_size, normalize)[0]
        return self._compiled.encode(_texts(sentences), batch_size, normalize)

    @property
    def max_seq_length(self) -> int:
        """Tokens of a text, with those that stand around it."""
        return self._compiled.max_tokens()

    def get_sentence_embedding_dimension(self) -> int:
        """Elements of an embedding."""
        return self._compiled.hidden()


def _texts(texts: Iterable[str]) -> list[str]:
    listed = list(texts)
    for index, text in enumerate(listed):
        if not isinstance(text, str):
            raise Error(f"text {index}", f"is a {type(text).__name__}", "give a list of str")
    return listed

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

    The folder's own tokenizer, pooling and normalisation are used. `encode` may be called by any number of threads.
    """

    def __init__(self, folder: Union[str, os.PathLike], precision: str = "fp32", isa: Optional[str] = None,
                 threads: int = 0, streams: Union[int, str] = 1, *, calibration: Iterable[str] = ()):
        """Loads and compiles the encoder.

        Args:
            folder: With config.json and model.safetensors, or a model.onnx; tokenizer.json or vocab.txt; and modules.json
                where it is there.
            precision: As in `Model.compile`, like isa, threads and streams.
            isa: Highest instruction set to use; None: the best here.
            threads: Of each stream; 0: all usable CPUs.
            streams: Requests that run side by side; "auto": one for each core.
            calibration: For int8 of a model that is not quantized: a hundred texts like those to come. Empty: seeded
                random tokens, which cost accuracy.

        Raises:
            Error: "invalid" naming the file that is missing or not understood, "unavailable" for an instruction set that
                this machine lacks.
        """
        self._compiled = _tessera.load_encoder(folder=os.fspath(folder), precision=precision, isa=isa, threads=threads,
                                               streams=0 if streams == "auto" else streams,
                                               calibration_texts=_texts(calibration))

    def encode(self, sentences: Union[str, Sequence[str]], batch_size: int = 32, normalize: bool = True, *,
               normalize_embeddings: Optional[bool] = None) -> np.ndarray:
        """Embeddings of texts.

        Args:
            sentences: Texts of any length, each cut to `max_seq_length` tokens; or one str.
            batch_size: Texts that are computed together. Neither their company nor the padding changes an embedding by more
                than rounding does.
            normalize: To length 1. A folder that asks for this gets it anyway.
            normalize_embeddings: The same, as sentence-transformers calls it.

        Returns:
            float32 [texts, hidden], in the order of the texts; [hidden] for one str.

        Raises:
            Error: "invalid" naming what is not a text.
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
        """Elements of an embedding, as sentence-transformers asks for them."""
        return self._compiled.hidden()


def _texts(texts: Iterable[str]) -> list[str]:
    listed = list(texts)
    for index, text in enumerate(listed):
        if not isinstance(text, str):
            raise Error(f"text {index}", f"is a {type(text).__name__}", "give a list of str")
    return listed

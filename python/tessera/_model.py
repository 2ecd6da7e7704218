"""Models: loaded, compiled, quantized."""
from collections.abc import Sequence
import json
import os
from typing import Any, Optional, Union
import warnings

import numpy as np

from tessera import _tessera
from tessera._dataset import Dataset, Items, dataset_of, is_synthetic
from tessera._error import Error
from tessera._info import Described, TensorInfo
from tessera._progress import Progress, as_function
from tessera._session import Session
from tessera._tuning import cache_file

Path = Union[str, os.PathLike]


def load(path_or_name: Path) -> "Model":
    """A model from a file, a folder or a built-in name.

    Args:
        path_or_name: An .onnx file (weights inside, or beside it as external data), a packed model (.tsr), a Hugging Face
            folder (config.json, model.safetensors), or "resnet50", "bert-base" or "bert-large", which have seeded random
            weights.

    Raises:
        Error: "invalid", with the node, the tensor or the file that is not understood.
    """
    return Model(_tessera.load(os.fspath(path_or_name)))


class Model(Described):
    """A network and its weights. Made by `load`; sessions compiled from one model share their packed weights."""

    def __init__(self, compiled: _tessera.Model):
        self._compiled = compiled

    @property
    def name(self) -> str:
        """As reports call it: the built-in name, or that of the file or folder without its ending."""
        return self._compiled.name()

    @property
    def synthetic_weights(self) -> bool:
        """True of built-in models: accuracy can then only mean agreement with FP32."""
        return self._compiled.synthetic_weights()

    def compile(self, precision: str = "fp32", isa: Optional[str] = None, threads: int = 0, streams: Union[int, str] = 1,
                *, batch: int = 1, seq: Optional[int] = None, extents: Optional[dict[str, int]] = None,
                fixed_extents: bool = False, skip_padding: bool = False, calibration: Optional[Items] = None,
                tune: bool = False, tune_cache: Optional[Path] = None, pin: bool = True, cpus: Sequence[int] = (),
                numa_node: Optional[int] = None, plan_cache_bytes: int = 64 << 20, queue_limit: int = 1024,
                opt_level: int = 1, progress: Progress = None) -> Session:
        """A session that runs the model.

        Args:
            precision: "fp32", "bf16", "int8" or "int8-dynamic" (linear layers only, their inputs quantized as they come).
            isa: Highest instruction set to use: avx2, avx2_vnni, avx512_core, avx512_core_vnni, avx512_core_bf16 or
                avx512_core_amx. None: the best here.
            threads: Of each stream; 0: all usable CPUs.
            streams: Requests that run side by side on cores of their own; "auto": one for each core.
            batch: Samples of an inference that a plan is made for now; any other number works too.
            seq: Tokens of a text, likewise; None: 128.
            extents: The same by symbol, {"batch": 8}.
            fixed_extents: Refuses any others.
            skip_padding: `Session.run` does not compute what stands behind the last element of a row of the attention mask that
                is not 0; outputs hold zeros there. An error for a model whose results depend on padding.
            calibration: For int8 of a model that is not quantized: a path, or items as in `quantize`. None: an error, except
                for built-in models. "synthetic": insists on seeded random data.
            tune: Times the ways to compute each layer and takes the fastest: compiling takes seconds more.
            tune_cache: A JSON file that keeps these times. None: the one that the command line uses.
            pin: Pins threads to cores.
            cpus: To these CPUs, by the numbers of the system, in this order; empty: one of each core.
            numa_node: Uses the cores of this NUMA node only.
            plan_cache_bytes: Bytes at most that plans for different extents take together.
            queue_limit: Requests of `Session.run_async` that may wait.
            opt_level: 0: node by node as the file has it, in its own precision; 1: all passes.
            progress: A function that is called with the activity (str) and the fraction that is done (float, or None) while
                tuning, or True for a bar.

        Raises:
            Error: "unavailable" for an instruction set that this machine lacks; "invalid" for a word, an extent or data that
                do not fit; "failed" for want of memory.
        """
        prepared = _extents(batch, seq, extents)
        compiled = self._compiled.compile(
            precision=precision, isa=isa, threads=threads, streams=stream_count(streams), extents=prepared,
            fixed_extents=fixed_extents, skip_padding=skip_padding, opt_level=opt_level, pin=pin, cpus=list(cpus),
            numa_node=numa_node, plan_cache_bytes=plan_cache_bytes, queue_limit=queue_limit,
            calibration=dataset_of(self._compiled, None if is_synthetic(calibration) else calibration, None),
            synthetic_calibration=is_synthetic(calibration), tune_cache=cache_file(tune, tune_cache),
            progress=as_function(progress))
        if compiled.tuning_warning():
            warnings.warn(compiled.tuning_warning(), stacklevel=2)
        return Session(compiled)

    def quantize(self, items: Items, *, max_drop: Optional[float] = None, validation: Optional[Items] = None,
                 most: int = 0, method: str = "mse", gelu_method: Optional[str] = None, percentile: float = 99.99,
                 smoothquant: Union[float, str, None] = "auto", metric: str = "auto", fallback: Optional[str] = None,
                 attention: str = "linears", int8_residual: bool = False, round_sums: bool = False,
                 bias_correction: bool = True, speed_aware: bool = False, sensitivity: bool = True, threads: int = 0,
                 progress: Progress = None) -> "Quantized":
        """An INT8 model, calibrated on `items`.

        Args:
            items: Any iterable of {input name: array} with an optional "label" (int); an item may hold several samples along
                the first axis. Or a `Dataset`, or the path of images, texts or arrays.
            max_drop: Points (of 100) that the score may lose against FP32: sensitive layers go back to float until it holds.
            validation: Items for the score; None: those of calibration.
            most: Calibrates on at most so many samples, spread evenly; 0: all.
            method: How ranges follow from what was seen: "minmax", "moving-average", "percentile", "entropy" or "mse".
            gelu_method: The same for what a GELU puts out; None: as the others.
            percentile: For that method: percent of the elements that stay inside the range.
            smoothquant: Alpha from 0 to 1, "auto" to find it, None for none.
            metric: Of the score: "auto", "top1", "agreement" or "cosine".
            fallback: "fp32" or "bf16": what layers go back to; None: what this CPU is faster with.
            attention: "linears", "qk" or "full": what of attention is INT8.
            int8_residual: Linear layers add INT8 where what they add comes from a LayerNormalization.
            round_sums: Rounds the sum of a convolution and a residual to INT8 first, as ONNX Runtime does.
            bias_correction: Takes the mean error that rounding the weights causes out of the biases.
            speed_aware: Leaves layers in FP32 that are timed to be slower in INT8 here: the result then depends on the run.
            sensitivity: Measures what each layer alone costs; `max_drop` needs it.
            threads: 0: all usable CPUs.
            progress: A function that is called with the activity (str) and the fraction that is done (float, or None), or
                True for a bar.

        Raises:
            Error: "invalid" for a model that is quantized already, and for items that do not fit it; "failed" where
                `max_drop` cannot be held.
        """
        search = smoothquant == "auto"
        quantized, report = self._compiled.quantize(
            items=dataset_of(self._compiled, items, None), validation=dataset_of(self._compiled, validation, None),
            most=most, method=method, gelu_method=gelu_method, percentile=percentile,
            smoothquant=None if search else smoothquant, search_smoothquant=search, max_drop=max_drop, fallback=fallback,
            metric=metric, attention=attention, int8_residual=int8_residual, round_sums=round_sums,
            bias_correction=bias_correction, speed_aware=speed_aware, sensitivity=sensitivity, threads=threads,
            progress=as_function(progress))
        return Quantized(quantized, json.loads(report))

    def save(self, path: Path) -> None:
        """Writes the model in standard ONNX operators. The file appears complete or not at all.

        Raises:
            Error: "invalid" for a packed model, "failed" where the file cannot be written.
        """
        self._compiled.save(os.fspath(path))

    def save_packed(self, path: Path, precision: str = "fp32", isa: Optional[str] = None, *, batch: int = 1,
                    seq: Optional[int] = None, extents: Optional[dict[str, int]] = None,
                    calibration: Optional[Items] = None) -> None:
        """Compiles the model and writes it with its packed weights (.tsr), as `tessera compile`.

        `load` maps such a file and packs nothing; its sessions run that precision on that instruction set, at any extents.
        Only the version of Tessera that wrote a file reads it. The arguments, and what they raise, are those of `compile`.
        """
        self._compiled.save_packed(
            path=os.fspath(path), precision=precision, isa=isa, extents=_extents(batch, seq, extents),
            calibration=dataset_of(self._compiled, None if is_synthetic(calibration) else calibration, None),
            synthetic_calibration=is_synthetic(calibration))

    def dataset(self, path: Path, *, batch: int = 1, seq: Optional[int] = None) -> Dataset:
        """Images, texts or arrays as this model takes them.

        Files that describe its preprocessing (preprocessor_config.json, vocab.txt, labels.json) are looked for beside
        the model and the data.

        Args:
            path: A folder of images (or of one folder per class), a text file (a text per line, or label TAB text), an .npz
                or .npy file, or a folder of those.
            batch: Samples of an item, with `seq`.
            seq: Tokens that texts are padded or cut to; None: each as long as it is.

        Raises:
            Error: "invalid", with what is wrong and what to give instead.
        """
        return Dataset(self._compiled.dataset(os.fspath(path), None if seq is None else _extents(batch, seq, None)))

    def random_inputs(self, batch: int = 1, seq: Optional[int] = None, seed: int = 1,
                      extents: Optional[dict[str, int]] = None) -> dict[str, np.ndarray]:
        """Seeded inputs in the range the model expects; those that `tessera run --seed` uses.

        Returns:
            {input name: array} at these extents; symbols that are not given are batch 1 and sequence 128.
        """
        return self._compiled.random_inputs(_extents(batch, seq, extents), seed)

    def __repr__(self) -> str:
        def text(rows: list[TensorInfo]) -> str:
            return ", ".join(f"{row.name} {row.dtype} [{', '.join(map(str, row.shape))}]" for row in rows)
        return f"tessera.{type(self).__name__}({self.name!r}: {text(self.inputs)} -> {text(self.outputs)})"


class Quantized(Model):
    """An INT8 model. Made by `Model.quantize`."""

    report: dict[str, Any]
    """What quantization did, layer by layer, and what it cost in accuracy, as `tessera quantize --json`."""

    def __init__(self, compiled: _tessera.Model, report: dict[str, Any]):
        super().__init__(compiled)
        self.report = report

    def compile(self, precision: str = "int8", *words, **options) -> Session:
        """As `Model.compile`; INT8 whatever precision is asked for."""
        return super().compile(precision, *words, **options)


def stream_count(streams: Union[int, str]) -> int:
    """As the engine takes it: 0 for "auto"."""
    if isinstance(streams, str) and streams != "auto":
        raise Error("streams", f"{streams!r} is no number of streams", 'give a number, or "auto" for one on each core')
    return 0 if streams == "auto" else streams


def _extents(batch: Optional[int], seq: Optional[int], extents: Optional[dict[str, int]]) -> dict[str, int]:
    named = {"batch": batch, "seq": seq}
    return {**{name: value for name, value in named.items() if value is not None}, **(extents or {})}

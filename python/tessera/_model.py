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
    """A model from an .onnx file, a Hugging Face folder (config.json, model.safetensors), or a built-in name.

    Built in are resnet50, bert-base and bert-large, with seeded random weights. tessera.Error says what is wrong with a
    file.
    """
    return Model(_tessera.load(os.fspath(path_or_name)))


class Model(Described):
    """A network and its weights. Made by load(); sessions compiled from one model share their packed weights."""

    def __init__(self, compiled: _tessera.Model):
        self._compiled = compiled

    @property
    def name(self) -> str:
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

        precision         "fp32", "bf16", "int8" or "int8-dynamic"
        isa               highest instruction set to use: avx2, avx2_vnni, avx512_core, avx512_core_vnni,
                          avx512_core_bf16 or avx512_core_amx; None: the best here. Error of kind "unavailable" for one
                          that this machine lacks
        threads           of each stream; 0: all usable CPUs
        streams           requests that run side by side on cores of their own; "auto": one for each core
        batch, seq        extents to prepare a plan for; any others work too. extents: the same by symbol
        fixed_extents     refuse any others
        skip_padding      run() does not compute what stands behind the last element of a row of the attention mask that is
                          not 0; outputs hold zeros there. Error for a model whose results depend on padding
        calibration       for int8 of a model that is not quantized: a path, or items as in quantize(). None: an Error,
                          except for built-in models; "synthetic": insists on seeded random data
        tune, tune_cache  time the ways to compute each layer, take the fastest, and remember it
        pin, cpus         pin threads to cores; to these CPUs, in this order. numa_node: only those of this node
        plan_cache_bytes  bound of what plans for different extents take together
        queue_limit       requests of run_async() that may wait
        opt_level         0: node by node as the file has it; 1: all passes
        progress          function(activity, fraction) for tuning, or True for a bar
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

        items        {input name: array} with an optional "label", any iterable of these; an item may hold several
                     samples along the first axis. Or a Dataset, or the path of images, texts or arrays
        max_drop     points (of 100) that the score may lose against FP32: sensitive layers go back to float until it
                     holds; Error where it cannot
        validation   items for the score; None: those of calibration
        most         calibrate on at most so many samples, spread evenly; 0: all
        method       "minmax", "moving-average", "percentile", "entropy" or "mse"; gelu_method: after GELU
        smoothquant  alpha from 0 to 1, "auto" to find it, None for none
        metric       "auto", "top1", "agreement" or "cosine"
        fallback     "fp32" or "bf16": what layers go back to; None: what this CPU is faster with
        attention    "linears", "qk" or "full": what of attention is INT8
        speed_aware  leave layers in FP32 that are timed to be slower in INT8 here: the result then depends on the run
        progress     function(activity, fraction), or True for a bar
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
        """Writes the model in standard ONNX operators. The file appears complete or not at all."""
        self._compiled.save(os.fspath(path))

    def save_packed(self, path: Path, precision: str = "fp32", isa: Optional[str] = None, *, batch: int = 1,
                    seq: Optional[int] = None, extents: Optional[dict[str, int]] = None,
                    calibration: Optional[Items] = None) -> None:
        """Compiles the model and writes it with its packed weights (.tsr), as `tessera compile`.

        load() maps such a file and packs nothing; its sessions run that precision on that instruction set, at any extents.
        Only the version of Tessera that wrote a file reads it. The arguments are those of compile().
        """
        self._compiled.save_packed(
            path=os.fspath(path), precision=precision, isa=isa, extents=_extents(batch, seq, extents),
            calibration=dataset_of(self._compiled, None if is_synthetic(calibration) else calibration, None),
            synthetic_calibration=is_synthetic(calibration))

    def dataset(self, path: Path, *, batch: int = 1, seq: Optional[int] = None) -> Dataset:
        """Images (a folder, of one folder per class), texts or arrays as this model takes them.

        Files that describe its preprocessing (preprocessor_config.json, vocab.txt, labels.json) are looked for beside
        the model and the data. With `seq` texts are padded or cut to that length.
        """
        return Dataset(self._compiled.dataset(os.fspath(path), None if seq is None else _extents(batch, seq, None)))

    def random_inputs(self, batch: int = 1, seq: Optional[int] = None, seed: int = 1,
                      extents: Optional[dict[str, int]] = None) -> dict[str, np.ndarray]:
        """Seeded inputs in the range the model expects; those that `tessera run --seed` uses."""
        return self._compiled.random_inputs(_extents(batch, seq, extents), seed)

    def __repr__(self) -> str:
        def text(rows: list[TensorInfo]) -> str:
            return ", ".join(f"{row.name} {row.dtype} [{', '.join(map(str, row.shape))}]" for row in rows)
        return f"tessera.{type(self).__name__}({self.name!r}: {text(self.inputs)} -> {text(self.outputs)})"


class Quantized(Model):
    """An INT8 model; report says what quantization did, layer by layer, as `tessera quantize --json`."""

    def __init__(self, compiled: _tessera.Model, report: dict[str, Any]):
        super().__init__(compiled)
        self.report = report

    def compile(self, precision: str = "int8", *words, **options) -> Session:
        """As Model.compile; INT8 whatever precision is asked for."""
        return super().compile(precision, *words, **options)


def stream_count(streams: Union[int, str]) -> int:
    """As the engine takes it: 0 for "auto"."""
    if isinstance(streams, str) and streams != "auto":
        raise Error("streams", f"{streams!r} is no number of streams", 'give a number, or "auto" for one on each core')
    return 0 if streams == "auto" else streams


def _extents(batch: Optional[int], seq: Optional[int], extents: Optional[dict[str, int]]) -> dict[str, int]:
    named = {"batch": batch, "seq": seq}
    return {**{name: value for name, value in named.items() if value is not None}, **(extents or {})}

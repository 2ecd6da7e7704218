"""Precisions and instruction sets side by side, and what this machine offers."""
from collections.abc import Iterable
import json
import os
from typing import Any, Optional, Union
import warnings

from tessera import _tessera
from tessera._dataset import Items, dataset_of, is_synthetic
from tessera._error import Error
from tessera._model import Model, Path, _extents, load, stream_count
from tessera._progress import Progress, as_function
from tessera._report_html import report_html
from tessera._tuning import cache_file

Models = Union[Path, Model, Iterable[Union[Path, Model]]]


def doctor() -> dict[str, Any]:
    """What this machine offers, what is missing and how to get it: the report of `tessera doctor --json`.

    Returns:
        A dict with "cpu" (brand and features), "cpus" (how many are usable, and their numbers), "isa" (the best
        instruction set here) and "tiers" (each of them, whether it is available, and the reason where it is not), among
        others. Sizes are in bytes.
    """
    return json.loads(_tessera.doctor())


def compare(models: Models = ("resnet50", "bert-base"), cases: Optional[Iterable[str]] = None, *,
            batch: Union[int, Iterable[int]] = 1, seq: Union[None, int, Iterable[int]] = None, samples: int = 1000,
            warmup: int = 20, max_seconds: float = 0, threads: int = 0, streams: Union[int, str] = 1, profile: int = 0,
            calibration: Optional[Items] = None, data: Optional[Items] = None, accuracy_inputs: Optional[int] = None,
            seed: int = 1, strict: bool = False, tune: bool = False, tune_cache: Optional[Path] = None,
            progress: Progress = None) -> "Report":
    """Runs every model in every case and reports, as `tessera compare` does.

    What happens to one case is in its row of the report: another does not suffer from it. Notes that no row can hold are
    Python warnings.

    Args:
        models: Names, paths or Models; one or several.
        cases: "PRECISION[@ISA]", such as "int8@avx2". None: fp32, bf16@avx512_core_amx, int8@avx512_core_vnni and
            int8@avx512_core_amx. One that is not available here keeps its row with the reason, and its precision also
            runs on the best that is.
        batch: Samples of one inference; several make a sweep: each model runs at all combinations with `seq`, loaded and
            calibrated once, and appears once in the report, with its points.
        seq: Tokens of a text, one number or several. None: 128.
        samples: Inferences to time for each case; the cases take turns.
        warmup: Inferences of each case before that.
        max_seconds: Seconds at most for all cases of a model; 0: no limit.
        threads: Threads of each stream; 0: all usable CPUs.
        streams: Requests side by side on cores of their own, "auto": one for each core. Throughput is then measured with
            all of them busy, and times are those of one request.
        profile: Inferences over which every layer of every case is timed, for the rooflines in report.html; 0: none.
        calibration: For int8: a path, or items as in `Model.quantize`. None: only built-in and quantized models run in
            int8. "synthetic": insists on seeded random data.
        data: Real data for the accuracy, with labels if there are some. None: agreement with FP32 on other inputs.
        accuracy_inputs: Inputs for the accuracy. None: all of `data`, or 8.
        seed: Of random inputs, and of the order in which cases take turns.
        strict: Makes a case that is not available here an error.
        tune: Times the ways to compute each layer and takes the fastest.
        tune_cache: A JSON file that keeps these times. None: the one that the command line uses.
        progress: A function that is called with the activity (str) and the fraction that is done (float, or None), or
            True for a bar.

    Returns:
        The report: milliseconds, samples per second, accuracy and megabytes of each case.

    Raises:
        Error: "invalid" for a model, a case or data that do not exist or do not fit; "unavailable" with `strict`.
    """
    points = [_extents(b, s, None) for s in _several(seq) for b in _several(batch)]
    loaded = [model if isinstance(model, Model) else load(model) for model in _listed(models)]
    if not loaded:
        raise Error("models", "there are none", "give at least one")
    real = None if is_synthetic(calibration) else calibration
    longest = _extents(None, max((point["seq"] for point in points if "seq" in point), default=None), None)
    entries = [(model._compiled, dataset_of(model._compiled, real, {**points[0], **longest}),
                [] if data is None else [dataset_of(model._compiled, data, point) for point in points])
               for model in loaded]
    report, notes = _tessera.compare(
        models=entries, cases=[] if cases is None else [cases] if isinstance(cases, str) else list(cases), points=points,
        samples=samples, warmup=warmup, max_seconds=max_seconds, threads=threads, streams=stream_count(streams),
        profile=profile, accuracy_inputs=accuracy_inputs, seed=seed, strict=strict, synthetic_calibration=is_synthetic(calibration),
        tune_cache=cache_file(tune, tune_cache), progress=as_function(progress))
    for note in notes:
        warnings.warn(note, stacklevel=2)
    return Report(report)


def _several(extent: Union[None, int, Iterable[int]]) -> list[Optional[int]]:
    values = list(extent) if isinstance(extent, Iterable) else [extent]
    if not values:
        raise Error("batch, seq", "a list of them is empty", "give at least one")
    return values


def _listed(models: Models) -> list[Union[Path, Model]]:
    return [models] if isinstance(models, (str, os.PathLike, Model)) else list(models)


class Report:
    """What compare() found. Shows itself as tables and charts in Jupyter, as text elsewhere."""

    def __init__(self, compiled: _tessera.Report):
        self._compiled = compiled

    def to_dict(self) -> dict[str, Any]:
        """The content of report.json: "machine", "protocol" and "models", each with its "cases".

        Times are in milliseconds, rates in samples per second, memory in megabytes, sizes of work in 10^9 operations.
        """
        return json.loads(self._compiled.json())

    def save(self, folder: Path) -> None:
        """Writes report.json, report.csv, report.html (one page, opens offline) and the charts of each model.

        Args:
            folder: Where to; made if it is not there. The files appear together or not at all.

        Raises:
            Error: "failed" where they cannot be written.
        """
        self._compiled.save(os.fspath(folder))

    def __str__(self) -> str:
        return self._compiled.text(100)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return report_html(self.to_dict(), self._compiled.charts())

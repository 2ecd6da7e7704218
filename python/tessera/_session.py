"""A compiled model."""
import atexit
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, Optional
import weakref

import numpy as np

from tessera import _tessera
from tessera._arrays import convert
from tessera._info import Described

Feeds = Mapping[str, Any]


class Session(Described):
    """Runs a model in one precision on one instruction set. Made by `Model.compile`.

    `run` and `run_async` take any batch and any sequence length, and may be called by any number of threads; the GIL is
    not held meanwhile. Extents that are new cost the making of a plan, about a millisecond.

    An input is a NumPy array, a DLPack tensor in CPU memory, or anything that NumPy makes an array of. One that is dense
    and of the model's type is read where it lies; others are converted where that loses nothing (and float64 to
    float32), or refused.
    """

    def __init__(self, compiled: _tessera.Session):
        self._compiled = compiled
        _sessions.add(self)

    def run(self, feeds: Feeds) -> dict[str, np.ndarray]:
        """Runs the model.

        Args:
            feeds: {input name: array}, one for each input, of the types and extents that `Model.inputs` shows; an image model
                takes float32 [batch, channels, height, width].

        Returns:
            {output name: new array}, in the model's order of outputs; what is bf16 in the model comes as float32.

        Raises:
            Error: "invalid" for a name, a shape or a type that does not fit, and for data that cannot be worked on (a token
                id outside the vocabulary); "failed" for want of memory.
        """
        return self._compiled.run(feeds if type(feeds) is dict else dict(feeds), convert)

    def run_async(self, feeds: Feeds) -> "Future[dict[str, np.ndarray]]":
        """The same without waiting: the next free stream takes it. The arrays must not change before the result is there.

        With asyncio: `await asyncio.wrap_future(session.run_async(feeds))`. A request that has been handed over cannot
        be cancelled.

        Raises:
            Error: At once where a value cannot be read as an array of the model's type, and where `queue_limit` requests wait
                already. What else goes wrong is raised by the future's `result()`.
        """
        future: "Future[dict[str, np.ndarray]]" = Future()
        future.set_running_or_notify_cancel()

        def done(outputs, error):
            if error is None:
                future.set_result(outputs)
            else:
                future.set_exception(error)

        self._compiled.run_async(dict(feeds), convert, done)
        return future

    def input_view(self, name: str) -> np.ndarray:
        """Where `infer` reads this input, at the prepared extents: write into it, and nothing is copied at all.

        While arrays from `input_view` or `output_view` are alive, `run`, `run_async`, `prepare`, and `measure` with feeds
        raise Error.
        """
        return self._compiled.input_view(name)

    def output_view(self, name: str) -> np.ndarray:
        """Where `infer` leaves this output, at the prepared extents."""
        return self._compiled.output_view(name)

    def infer(self) -> None:
        """Runs on what the input views hold; the output views show the result. For one thread at a time.

        Raises:
            Error: "invalid" for data that cannot be worked on, and when two threads do this at once.
        """
        self._compiled.infer()

    def measure(self, feeds: Optional[Feeds] = None, samples: int = 100, warmup: int = 10) -> np.ndarray:
        """What calls take inside the engine.

        Args:
            feeds: As in `run`, which is then called. None: `infer` is, on what the input views hold.
            samples: Calls to time.
            warmup: Calls before that.

        Returns:
            Milliseconds of each call, float32 [samples].
        """
        return self._compiled.measure(None if feeds is None else dict(feeds), convert, samples, warmup)

    def prepare(self, **extents: int) -> None:
        """Makes a plan for these extents (batch=8, seq=128) now. `explain` and the properties speak of it from then on.

        Raises:
            Error: "invalid" for a symbol that the model does not have and a number that does not fit it.
        """
        self._compiled.prepare(extents)

    def explain(self, profile: int = 0) -> list[dict[str, Any]]:
        """The plan, a dict for each step: node, op, kernel, isa, precision, why (not a better one), runs and choices.

        gflop is its 10^9 operations, two per multiply-add, and bytes what its inputs, weights and outputs take; reads are
        the indices of the steps whose results it takes, -1 for inputs. reason is `why`, or else what the times show.

        Args:
            profile: Inferences on seeded random inputs over which every step is timed: ms (milliseconds), share of the
                inference, and peak_fraction of the rate that multiply-adds in registers reach here in that precision. With 0
                these three are None.
        """
        return self._compiled.explain(profile)

    @property
    def isa(self) -> str:
        """The instruction set, "avx512_core_vnni"."""
        return self._compiled.isa()

    @property
    def threads(self) -> int:
        """Threads of each stream."""
        return self._compiled.threads()

    @property
    def streams(self) -> int:
        """Requests that run side by side."""
        return self._compiled.streams()

    @property
    def gflop(self) -> float:
        """10^9 operations of one inference at the prepared extents, two per multiply-add."""
        return self._compiled.gflop()

    @property
    def memory(self) -> dict[str, int]:
        """Bytes: packed_weights (shared by sessions of a model), arena, plans (plan_count of them, at most plan_limit)."""
        return self._compiled.memory()

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """What was wrong with inputs so far though nothing failed: code, subject (an input), message and count.

        NaN and infinity have no INT8 code: where a session multiplies integers they end in results that look like any
        others. In FP32 and BF16 they pass through as IEEE 754 says.
        """
        return self._compiled.warnings()

    def __repr__(self) -> str:
        inputs = ", ".join(f"{info.name} {info.dtype} {list(info.shape)}" for info in self.inputs)
        return f"tessera.Session({inputs}; {self.isa}, {self.streams} x {self.threads} threads)"


_sessions: "weakref.WeakSet[Session]" = weakref.WeakSet()


@atexit.register
def _finish_requests() -> None:
    """Requests under way call Python when they are done, which must still be there."""
    for session in list(_sessions):
        session._compiled.wait()

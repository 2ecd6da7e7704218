"""Progress of long calls."""
import sys
from typing import Callable, Optional, Union

Progress = Union[None, bool, Callable[[str, Optional[float]], None]]


def as_function(progress: Progress) -> Optional[Callable[[str, Optional[float]], None]]:
    """None or False: silence. True: a bar of tqdm, or plain lines where tqdm is not installed. Else the function itself."""
    if progress is None or progress is False:
        return None
    if progress is not True:
        return progress
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return _Lines()
    return _Bar(tqdm)


class _Bar:
    def __init__(self, tqdm):
        self._bar = tqdm(total=1.0, bar_format="{desc}: {percentage:3.0f} % |{bar}| {elapsed}")

    def __call__(self, activity: str, fraction: Optional[float]) -> None:
        self._bar.set_description_str(activity, refresh=False)
        self._bar.n = fraction or 0.0
        self._bar.refresh()

    def __del__(self):
        self._bar.close()


class _Lines:
    def __init__(self):
        self._activity: Optional[str] = None

    def __call__(self, activity: str, fraction: Optional[float]) -> None:
        if activity != self._activity:
            print(activity, file=sys.stderr, flush=True)
        self._activity = activity

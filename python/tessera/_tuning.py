"""Where the times of layers are kept between sessions."""
import os
from typing import Optional


def cache_file(tune: bool, path: Optional[os.PathLike]) -> Optional[str]:
    """None: no tuning. The given file, or the one that the command line uses; "" where the environment names no home."""
    if not tune:
        return None
    if path is not None:
        return os.fspath(path)
    cache_home = os.environ.get("XDG_CACHE_HOME", "")
    if not cache_home.startswith("/"):
        home = os.environ.get("HOME", "")
        cache_home = home + "/.cache" if home else ""
    return cache_home + "/tessera/tuning.json" if cache_home else ""

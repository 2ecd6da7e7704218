"""What the tests of the Python package share: the command line to compare with, the data, and how to call both.

    PYTHONPATH=build/release/python TESSERA=build/release/tessera DATA=tests/data python3 -m unittest discover tests/python
"""
import hashlib
import os
import pathlib
import subprocess
import sys

TESSERA = os.path.abspath(os.environ["TESSERA"])
DATA = pathlib.Path(os.environ["DATA"]).absolute()
IMAGE = DATA / "image" / "model.onnx"
TEXT = DATA / "text" / "model.onnx"


def command_line(*words) -> str:
    """What the program prints; an error fails the test."""
    done = subprocess.run([TESSERA, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=300, check=False)
    if done.returncode != 0:
        raise AssertionError(f"tessera {' '.join(map(str, words))}: {done.stderr}")
    return done.stdout


def hash_lines(outputs) -> list[str]:
    """The lines of `tessera run --hash` for arrays of float32."""
    return [f"{name} [{','.join(map(str, array.shape))}] f32 {hashlib.sha256(array.tobytes()).hexdigest()}"
            for name, array in outputs.items()]


def python(program: str, *, timeout: float = 60) -> subprocess.CompletedProcess:
    """A program in a process of its own, with the same package."""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=timeout, check=False,
                          env={**os.environ, "IMAGE": str(IMAGE)})

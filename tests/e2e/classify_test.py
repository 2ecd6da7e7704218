#!/usr/bin/env python3
"""tessera classify on the small trained models of tests/data: images, folders, texts, labels, accuracy.

    TESSERA=build/release/tessera DATA=tests/data tests/e2e/classify_test.py
"""
import json
import os
import pathlib
import subprocess
import unittest

TESSERA = os.path.abspath(os.environ["TESSERA"])
DATA = pathlib.Path(os.environ["DATA"]).resolve()
IMAGE, TEXT = DATA / "image" / "model.onnx", DATA / "text" / "model.onnx"


def tessera(*words, status=0):
    done = subprocess.run([TESSERA, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != status:
        raise AssertionError(f"exit status {done.returncode}: {done.stderr}")
    return done.stdout if status == 0 else done.stderr


class Classify(unittest.TestCase):
    def test_an_image(self):
        file = sorted((DATA / "image" / "test" / "star_plain").iterdir())[0]
        result = json.loads(tessera("classify", IMAGE, file, "--json"))
        self.assertEqual(list(result), ["items"])
        top = result["items"][0]["top"]
        self.assertEqual(len(top), 5)
        self.assertEqual(top[0]["label"], "star_plain")
        self.assertEqual([entry["probability"] for entry in top], sorted((entry["probability"] for entry in top), reverse=True))
        self.assertLessEqual(sum(entry["probability"] for entry in top), 1 + 1e-6)
        text = tessera("classify", IMAGE, file)
        self.assertIn("star_plain", text.splitlines()[1])
        self.assertIn(f"{100 * top[0]['probability']:.2f} %", text)

    def test_a_folder_of_classes(self):
        folder = DATA / "image" / "test"
        names = json.loads((DATA / "image" / "labels.json").read_text())
        result = json.loads(tessera("classify", IMAGE, folder, "--json"))
        items, accuracy = result["items"], result["accuracy"]
        self.assertEqual(len(items), len(list(folder.rglob("*.png"))))
        right = sum(item["top"][0]["label"] == pathlib.Path(item["item"]).parent.name for item in items)
        self.assertEqual(accuracy["items"], len(items))
        self.assertAlmostEqual(accuracy["top1"], 100 * right / len(items))
        self.assertGreater(accuracy["top1"], 90)
        self.assertGreaterEqual(accuracy["top5"], accuracy["top1"])
        self.assertTrue(all(entry["label"] in names for item in items for entry in item["top"]))
        self.assertIn(f"top-1 {accuracy['top1']:.2f} %", tessera("classify", IMAGE, folder))

    def test_texts(self):
        lines = [line.split("\t") for line in (DATA / "text" / "test.tsv").read_text().splitlines()]
        names = json.loads((DATA / "text" / "config.json").read_text())["id2label"]
        first = json.loads(tessera("classify", TEXT, lines[0][1], "--json"))["items"][0]
        self.assertEqual(first["item"], lines[0][1])
        self.assertEqual(first["top"][0]["label"], names[lines[0][0]])
        result = json.loads(tessera("classify", TEXT, DATA / "text" / "test.tsv", "--json"))
        self.assertEqual(result["accuracy"]["items"], len(lines))
        self.assertEqual([item["expected"] for item in result["items"]], [int(label) for label, _ in lines])
        self.assertGreater(result["accuracy"]["top1"], 90)
        # The folder of a model, with its safetensors, is the same model.
        folder = json.loads(tessera("classify", DATA / "text", DATA / "text" / "test.tsv", "--json"))
        self.assertEqual([item["top"][0]["index"] for item in folder["items"]], [item["top"][0]["index"] for item in result["items"]])

    def test_what_cannot_be_classified(self):
        self.assertIn("no such file", tessera("classify", IMAGE, DATA / "nothing.png", status=2))
        self.assertIn("required", tessera("classify", IMAGE, status=2))
        self.assertIn("images", tessera("classify", IMAGE, DATA / "text" / "test.tsv", status=2))


if __name__ == "__main__":
    unittest.main(verbosity=2)

"""Model.quantize: any items, the gate, and the file of the command line."""
import collections.abc
import hashlib
import pathlib
import tempfile
import unittest

import numpy as np
import support
import tessera

CALIB = support.DATA / "image" / "calib"
FAST = {"sensitivity": False}  # nothing is measured layer by layer


class Quantize(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = tessera.load(support.IMAGE)
        cls.calib = cls.model.dataset(CALIB)
        cls.items = [cls.calib[i] for i in range(0, 200, 10)]
        cls.name = cls.model.inputs[0].name

    def bytes_of(self, quantized):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "int8.onnx"
            quantized.save(path)
            return hashlib.sha256(path.read_bytes()).hexdigest()

    def test_a_dataset_is_a_sequence_of_items(self):
        self.assertEqual(len(self.calib), 200)
        self.assertEqual(self.calib[3][self.name].shape, (1, 3, 64, 64))
        self.assertEqual(self.calib[-1]["label"], self.calib.label(199))
        self.assertEqual({item["label"] for item in self.items}, set(range(10)))
        self.assertEqual(len(self.calib[:3]), 3)
        with self.assertRaises(IndexError):
            self.calib[200]
        with self.assertRaisesRegex(tessera.Error, "no such file"):
            self.model.dataset(CALIB / "nothing")

    def test_the_file_of_the_command_line(self):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "int8.onnx"
            support.command_line("quantize", support.IMAGE, "--calibration", CALIB, "--items", 20, "-o", out,
                                 "--keep-slower", "--no-sensitivity", "--smoothquant", "off")
            expected = hashlib.sha256(out.read_bytes()).hexdigest()
        by_path = self.model.quantize(CALIB, most=20, smoothquant=None, **FAST)
        self.assertEqual(self.bytes_of(by_path), expected)
        by_items = self.model.quantize(self.items, smoothquant=None, **FAST)
        self.assertEqual(self.bytes_of(by_items), expected)
        by_generator = self.model.quantize((item for item in self.items), smoothquant=None, **FAST)
        self.assertEqual(self.bytes_of(by_generator), expected)
        batches = [{self.name: np.concatenate([item[self.name] for item in self.items[i:i + 8]]),
                    "label": np.array([item["label"] for item in self.items[i:i + 8]])} for i in range(0, 20, 8)]
        by_batches = self.model.quantize(batches, smoothquant=None, **FAST)
        self.assertEqual(self.bytes_of(by_batches), expected)
        self.assertEqual(by_batches.report["fp32_score"], by_path.report["fp32_score"])

    def test_the_report_and_the_session(self):
        activities = set()
        quantized = self.model.quantize(self.items, max_drop=5,
                                        progress=lambda activity, fraction: activities.add(activity))
        report = quantized.report
        self.assertEqual((report["metric"], report["calibration_items"]), ("top1", 20))
        self.assertLessEqual(report["drop"], 5)
        self.assertGreater(report["int8_mac_share"], 0.5)
        self.assertIsNone(report["output"])
        self.assertIn("calibrating", activities)
        session = quantized.compile(threads=1)
        self.assertTrue(any(row["precision"].startswith("u8*s8") for row in session.explain()))
        test = self.model.dataset(support.DATA / "image" / "test")
        chosen = [test[i] for i in range(0, 1000, 20)]
        scores, = session.run({self.name: np.concatenate([item[self.name] for item in chosen])}).values()
        right = np.mean(scores.argmax(1) == [item["label"] for item in chosen])
        self.assertGreaterEqual(right, 0.8)  # 91.9 % in FP32 on all 1000; 50 of them

    def test_a_limit_that_nothing_can_hold(self):
        with self.assertRaisesRegex(tessera.Error, "the drop exceeds max_drop") as caught:
            self.model.quantize(self.items[:4], max_drop=-101, smoothquant=None, threads=1)
        self.assertEqual(caught.exception.kind, "failed")

    def test_texts_of_different_length(self):
        model = tessera.load(support.TEXT)
        texts = model.dataset(support.DATA / "text" / "calib.tsv")
        lengths = {texts[i]["input_ids"].shape[1] for i in range(20)}
        self.assertGreater(len(lengths), 1)
        quantized = model.quantize([texts[i] for i in range(20)], **FAST)
        self.assertEqual(quantized.report["metric"], "top1")
        self.assertGreater(quantized.report["cosine"], 0.9)

    def test_what_is_refused(self):
        for items, says in [([], "none"), ([{"x": np.zeros((1, 3, 64, 64), np.float32)}], "no data for input"),
                            ([np.zeros((1, 3, 64, 64), np.float32)], "not a dict"),
                            ([{self.name: np.zeros((1, 3, 8), np.float32)}], r"f32 \[1, 3, 8\], the model takes")]:
            with self.subTest(says), self.assertRaisesRegex(tessera.Error, says):
                self.model.quantize(items, **FAST)
        for options, says in [({"method": "best"}, "minmax"), ({"metric": "f1"}, "top1"), ({"fallback": "int8"}, "bf16")]:
            with self.subTest(says), self.assertRaisesRegex(tessera.Error, says):
                self.model.quantize(self.items, **options)
        with self.assertRaisesRegex(tessera.Error, "quantized already"):
            self.model.quantize(self.items, **FAST).quantize(self.items)

    def test_what_an_item_raises_comes_through(self):
        def items():
            yield self.items[0]
            raise LookupError("the database is gone")

        class Shelf(collections.abc.Sequence):
            """Read while the engine calibrates."""

            def __len__(self):
                return 5

            def __getitem__(self, index):
                if index == 3:
                    raise LookupError("the database is gone")
                return outer.items[index]

        outer = self
        with self.assertRaisesRegex(LookupError, "database"):
            self.model.quantize(Shelf(), **FAST)
        with self.assertRaisesRegex(LookupError, "database"):
            self.model.quantize(items(), **FAST)


if __name__ == "__main__":
    unittest.main()

"""tessera.compare and tessera.doctor: what the command line reports."""
import json
import pathlib
import re
import tempfile
import unittest
import xml.etree.ElementTree

import support
import tessera

BRIEF = {"samples": 5, "warmup": 1, "threads": 1}


def keys(value, path=""):
    """All paths through dicts and lists."""
    if isinstance(value, dict):
        return {path}.union(*(keys(entry, f"{path}/{name}") for name, entry in value.items()))
    if isinstance(value, list):
        return {path}.union(*(keys(entry, path + "/*") for entry in value))
    return {path}


class Compare(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.activities = []
        cls.report = tessera.compare([support.IMAGE], ["fp32", "int8@avx2", "int8@avx512_core_amx"], **BRIEF,
                                     calibration=support.DATA / "image" / "calib", data=support.DATA / "image" / "test",
                                     accuracy_inputs=40, progress=lambda *words: cls.activities.append(words))

    def test_it_is_what_the_command_line_reports(self):
        printed = json.loads(support.command_line(
            "compare", "--model", support.IMAGE, "--case", "fp32", "--case", "int8@avx2", "--case",
            "int8@avx512_core_amx", "--samples", 5, "--warmup", 1, "--threads", 1, "--calibration",
            support.DATA / "image" / "calib", "--data", support.DATA / "image" / "test", "--accuracy-inputs", 40, "--json"))
        content = self.report.to_dict()
        self.assertEqual(keys(content), keys(printed))
        for ours, theirs in zip(content["models"][0]["cases"], printed["models"][0]["cases"]):
            for name in ("case", "precision", "isa", "status", "reason", "accuracy", "output_sha256", "samples"):
                self.assertEqual(ours.get(name), theirs.get(name), name)
        self.assertEqual(content["models"][0]["source"], str(support.IMAGE))

    def test_progress(self):
        activities = [activity for activity, _ in self.activities]
        for activity in ("measuring the peak of this machine", "model: preparing fp32", "model: measuring"):
            self.assertIn(activity, activities)
        self.assertTrue(all(fraction is None or 0 <= fraction <= 1 for _, fraction in self.activities))

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            self.report.save(pathlib.Path(folder) / "out")
            names = {path.name for path in (pathlib.Path(folder) / "out").iterdir()}
            self.assertLessEqual({"report.json", "report.csv", "report.html", "model-time.svg", "model-speedup.svg"}, names)
            self.assertEqual(json.loads((pathlib.Path(folder) / "out" / "report.json").read_text()), self.report.to_dict())

    def test_how_it_shows_itself(self):
        html = self.report._repr_html_()
        self.assertEqual(html.count("<svg"), 2)
        self.assertEqual(html.count("<tr>"), 1 + len(self.report.to_dict()["models"][0]["cases"]))
        self.assertNotIn("<body", html)
        xml.etree.ElementTree.fromstring(f"<div>{html}</div>".replace("&nbsp;", " "))
        self.assertIn("int8@avx2", html)
        self.assertRegex(str(self.report), re.compile("^int8@avx2 ", re.MULTILINE))

    def test_models_cases_and_items_in_other_forms(self):
        model = tessera.load(support.IMAGE)
        calib = model.dataset(support.DATA / "image" / "calib")
        items = [calib[i] for i in range(0, 200, 20)]
        content = tessera.compare(model, "int8", calibration=items, data=items, batch=2, **BRIEF).to_dict()
        self.assertEqual(content["models"][0]["batch"], 2)
        case, = content["models"][0]["cases"]
        self.assertEqual((case["precision"], case["status"]), ("int8", "ok"))
        self.assertGreater(case["accuracy"]["cosine"], 0.9)

    def test_a_sweep_over_batches_and_lengths(self):
        report = tessera.compare([support.TEXT], ["fp32", "int8@avx2"], batch=[1, 2], seq=(16, 32), accuracy_inputs=2,
                                 calibration=support.DATA / "text" / "calib.tsv", **BRIEF)
        model, = report.to_dict()["models"]
        self.assertEqual([(point["batch"], point["seq"]) for point in model["points"]], [(1, 16), (2, 16), (1, 32), (2, 32)])
        self.assertTrue(all(case["status"] == "ok" for point in model["points"] for case in point["cases"]))
        html = report._repr_html_()
        self.assertEqual(html.count("<svg"), 4)
        self.assertEqual(html.count("<tr>"), 1 + 4 * 2)
        self.assertIn("per s over batch and sequence length", str(report))
        with self.assertRaisesRegex(tessera.Error, "empty"):
            tessera.compare([support.TEXT], batch=[])

    def test_streams_and_layers(self):
        report = tessera.compare([support.IMAGE], ["fp32@avx2"], samples=16, warmup=1, threads=1, streams=2, profile=2)
        case, = report.to_dict()["models"][0]["cases"]
        self.assertEqual((case["streams"], case["threads"], case["samples"]), (2, 1, 16))
        self.assertTrue(case["profile"]["steps"])
        with self.assertRaisesRegex(tessera.Error, "auto"):
            tessera.compare([support.IMAGE], streams="many")

    def test_what_is_wrong(self):
        with self.assertRaisesRegex(tessera.Error, "no case|fp99"):
            tessera.compare([support.IMAGE], ["fp99"])
        with self.assertRaisesRegex(tessera.Error, "none"):
            tessera.compare([])
        for tier in tessera.doctor()["tiers"]:
            if not tier["available"]:
                with self.assertRaises(tessera.Error) as caught:
                    tessera.compare([support.IMAGE], ["fp32@" + tier["isa"]], strict=True, **BRIEF)
                self.assertEqual(caught.exception.kind, "unavailable")

    def test_what_progress_raises_ends_it(self):
        def stop(activity, fraction):
            raise LookupError(activity)

        with self.assertRaisesRegex(LookupError, "peak"):
            tessera.compare([support.IMAGE], ["fp32"], progress=stop, **BRIEF)


class Doctor(unittest.TestCase):
    def test_it_is_what_the_command_line_reports(self):
        told, printed = tessera.doctor(), json.loads(support.command_line("doctor", "--json"))
        for report in (told, printed):  # what is free changes from moment to moment on a machine that others use, too
            self.assertGreater(report["memory"].pop("available_bytes"), 0)
        self.assertEqual(told, printed)

    def test_version(self):
        self.assertIn(tessera.__version__, support.command_line("--version"))


if __name__ == "__main__":
    unittest.main()

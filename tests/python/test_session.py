"""Sessions: the bytes of the command line, any shape, threads, futures, and a process that ends cleanly."""
import asyncio
import gc
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import numpy as np
import support
import tessera


class Bytes(unittest.TestCase):
    """Every precision gives what `tessera run --hash` gives."""

    def same(self, path, precision, *words, **options):
        printed = support.command_line("run", path, "--precision", precision, "--threads", 1, "--hash", *words)
        model = tessera.load(path)
        session = model.compile(precision, threads=1, **options)
        extents = {name: options[name] for name in ("batch", "seq") if name in options}
        self.assertEqual(support.hash_lines(session.run(model.random_inputs(**extents))), printed.splitlines())

    def test_images(self):
        self.same(support.IMAGE, "fp32", "--batch", 3, batch=3)
        self.same(support.IMAGE, "bf16")
        self.same(support.IMAGE, "fp32", "--isa", "avx2", isa="avx2")

    def test_int8_calibrated_on_a_folder(self):
        folder = support.DATA / "image" / "calib"
        self.same(support.IMAGE, "int8", "--calibration", folder, calibration=folder)

    def test_a_packed_model(self):
        folder = support.DATA / "image" / "calib"
        model = tessera.load(support.IMAGE)
        feeds = model.random_inputs(batch=2)
        expected = model.compile("int8", "avx2", threads=1, calibration=folder).run(feeds)
        with tempfile.TemporaryDirectory() as made:
            path = pathlib.Path(made) / "image.tsr"
            model.save_packed(path, "int8", "avx2", calibration=folder)
            session = tessera.load(path).compile("int8", threads=1)
            self.assertEqual(session.isa, "avx2")
            for name, array in session.run(feeds).items():
                self.assertEqual(array.tobytes(), expected[name].tobytes())

    def test_texts(self):
        texts = support.DATA / "text" / "calib.tsv"
        self.same(support.TEXT, "fp32", "--seq", 33, seq=33)
        self.same(support.TEXT, "int8", "--seq", 40, "--calibration", texts, seq=40, calibration=texts)
        self.same(support.TEXT, "int8-dynamic", "--seq", 16, "--batch", 2, seq=16, batch=2)

    def test_a_folder_of_hugging_face(self):
        self.same(support.DATA / "text", "fp32", "--seq", 20, seq=20)


class Sessions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = tessera.load(support.IMAGE)
        cls.session = cls.model.compile(threads=1)
        cls.name = cls.model.inputs[0].name

    def test_what_it_says_of_itself(self):
        self.assertEqual(self.model.name, "model")
        self.assertFalse(self.model.synthetic_weights)
        self.assertEqual(self.model.inputs[0].dtype, "float32")
        self.assertIsInstance(self.model.inputs[0].shape[0], str)
        self.assertEqual(self.model.inputs[0].shape[1:], (3, 64, 64))
        self.assertEqual(self.session.inputs[0].shape, (1, 3, 64, 64))
        self.assertEqual(self.session.outputs[0].shape, (1, 10))
        self.assertEqual((self.session.threads, self.session.streams), (1, 1))
        self.assertEqual(self.session.isa, tessera.doctor()["isa"])
        self.assertGreater(self.session.gflop, 0)
        self.assertGreater(self.session.memory["packed_weights"], 10**5)
        self.assertIn("float32 [1, 3, 64, 64]", repr(self.session))
        self.assertIn("float32", repr(self.model))

    def test_warnings_count_what_int8_has_no_code_for(self):
        model = tessera.load(support.IMAGE)
        feeds = model.random_inputs()
        name, array = next(iter(feeds.items()))
        array = array.copy()
        array.flat[:3] = [np.nan, np.inf, -np.inf]
        session = model.compile("int8", threads=1, calibration=support.DATA / "image" / "calib")
        session.run(feeds)
        self.assertEqual(session.warnings, [])
        session.run({name: array})
        warning, = session.warnings
        self.assertEqual((warning["code"], warning["subject"], warning["count"]), ("non_finite_input", name, 3))
        self.assertIn(name, warning["message"])

    def test_a_call_knows_how_much_of_it_was_the_engine(self):
        """What benchmarks/python_calls.py takes Python's share from."""
        for call in (lambda: self.session.run(self.model.random_inputs()), self.session.infer):
            begin = time.perf_counter()
            call()
            whole, inside = time.perf_counter() - begin, tessera._tessera.engine_seconds()
            self.assertGreater(inside, 1e-5)
            self.assertLess(inside, whole)

    def test_any_batch(self):
        whole = self.model.random_inputs(batch=5)[self.name]
        together, = self.session.run({self.name: whole}).values()
        for i in range(5):
            alone, = self.session.run({self.name: whole[i:i + 1]}).values()
            np.testing.assert_array_equal(alone[0], together[i])
        fixed = self.model.compile(threads=1, batch=2, fixed_extents=True)
        with self.assertRaisesRegex(tessera.Error, "extent"):
            fixed.run({self.name: whole})

    def test_padding_is_left_out(self):
        model = tessera.load(support.TEXT)
        feeds = {name: array.copy() for name, array in model.random_inputs(batch=3, seq=60).items()}
        feeds["attention_mask"][1, 5:] = feeds["attention_mask"][2, 17:] = 0
        expected = model.compile(threads=1).run(feeds)
        skipping = model.compile(threads=1, skip_padding=True)
        np.testing.assert_array_equal(skipping.run(feeds)["logits"], expected["logits"])
        with tempfile.TemporaryDirectory() as folder:
            words = []
            for name, array in feeds.items():
                np.save(pathlib.Path(folder) / f"{name}.npy", array)
                words += ["--input", f"{name}={folder}/{name}.npy"]
            printed = support.command_line("run", support.TEXT, "--hash", "--skip-padding", *words)
        self.assertEqual(support.hash_lines(expected), printed.splitlines())
        with self.assertRaisesRegex(tessera.Error, "attention_mask"):
            self.model.compile(skip_padding=True)

    def test_in_place(self):
        session = self.model.compile(threads=1, batch=3)
        (name, image), = self.model.random_inputs(batch=3).items()
        expected, = session.run({name: image}).values()
        output = session.outputs[0].name
        into, result = session.input_view(name), session.output_view(output)
        self.assertEqual((into.shape, into.dtype, into.ctypes.data % 64), (image.shape, np.float32, 0))
        into[:] = image
        session.infer()
        np.testing.assert_array_equal(result, expected)
        into[:] = 0
        session.infer()
        self.assertFalse(np.array_equal(result, expected))
        for call in (lambda: session.run({name: image}), lambda: session.prepare(batch=9),
                     lambda: session.run_async({name: image}), lambda: session.measure({name: image}, 1, 0)):
            with self.assertRaisesRegex(tessera.Error, "view"):
                call()
        del into
        with self.assertRaisesRegex(tessera.Error, "view"):
            session.run({name: image})
        del result
        session.prepare(batch=9)
        view = session.input_view(name)
        del session
        gc.collect()
        view[:] = 1  # its memory is still there
        self.assertEqual(view.shape[0], 9)

    def test_explain(self):
        plan = self.session.explain()
        self.assertIsNone(plan[0]["ms"])
        timed = self.session.explain(profile=3)
        self.assertEqual([row["node"] for row in plan], [row["node"] for row in timed])
        self.assertAlmostEqual(sum(row["share"] for row in timed), 1, places=6)
        products = [row for row in timed if row["gflop"] > 0]
        self.assertGreater(len(products), 50)
        self.assertTrue(all(row["ms"] > 0 and 0 < row["peak_fraction"] for row in products))
        self.assertTrue(all(row["kernel"] and row["precision"] for row in timed))
        self.session.prepare(batch=4)
        self.assertEqual(self.session.inputs[0].shape[0], 4)
        self.session.prepare(batch=1)

    def test_measure_without_feeds_is_of_infer_in_place(self):
        model = tessera.load(support.IMAGE)
        session = model.compile(threads=1)
        feeds = model.random_inputs()
        name, = feeds
        view = session.input_view(name)  # run() would refuse while it is there
        view[...] = feeds[name]
        times = session.measure(samples=4, warmup=0)
        self.assertEqual((times.shape, times.dtype), ((4,), np.float32))
        self.assertTrue((times > 0).all())
        output = session.outputs[0].name
        self.assertEqual(session.output_view(output).tobytes(), model.compile(threads=1).run(feeds)[output].tobytes())

    def test_measure_counts_the_engine_alone(self):
        feeds = self.model.random_inputs(batch=2)
        times = self.session.measure(feeds, samples=7, warmup=2)
        self.assertEqual((times.dtype, times.shape), (np.float32, (7,)))
        self.assertTrue((times > 0).all())

    def test_options_that_are_wrong(self):
        for options, kind, says in [({"precision": "fp64"}, "invalid", "precision fp64"),
                                    ({"isa": "mmx"}, "invalid", "choose one of avx2"),
                                    ({"opt_level": 7}, "invalid", "opt-level"),
                                    ({"batch": 0}, "invalid", "batch")]:
            with self.subTest(options), self.assertRaisesRegex(tessera.Error, says) as caught:
                self.model.compile(**options)
            self.assertEqual(caught.exception.kind, kind)
        missing = [tier["isa"] for tier in tessera.doctor()["tiers"] if not tier["available"]]
        for isa in missing:
            with self.assertRaises(tessera.Error) as caught:
                self.model.compile(isa=isa)
            self.assertEqual(caught.exception.kind, "unavailable")
        with self.assertRaisesRegex(tessera.Error, "resnet50") as caught:
            tessera.load("no-such-model")
        error = caught.exception
        self.assertEqual(str(error), f"{error.what}: {error.why}: {error.remedy}")
        with self.assertRaises(tessera.Error):
            tessera.load(support.DATA / "image" / "labels.json")


class Threads(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = tessera.load(support.IMAGE)
        cls.inputs = [cls.model.random_inputs(batch=1 + seed % 3, seed=seed) for seed in range(12)]
        session = cls.model.compile(threads=1)
        cls.expected = [session.run(feeds) for feeds in cls.inputs]

    def same(self, outputs, i):
        for name, array in self.expected[i].items():
            np.testing.assert_array_equal(outputs[name], array)

    def test_one_session_many_threads(self):
        session = self.model.compile(threads=1, streams=2)
        failures = []

        def work(first):
            try:
                for round_ in range(10):
                    i = (first + round_) % len(self.inputs)
                    self.same(session.run(self.inputs[i]), i)
            except BaseException as error:  # for the test's own thread
                failures.append(error)

        threads = [threading.Thread(target=work, args=(first,)) for first in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_the_gil_is_free_while_it_runs(self):
        session = self.model.compile(threads=1)
        feeds = self.model.random_inputs(batch=64)
        counted, running = 0, True

        def count():
            nonlocal counted
            while running:
                counted += 1
                time.sleep(0)

        thread = threading.Thread(target=count)
        thread.start()
        before = counted
        session.measure(feeds, samples=1, warmup=0)
        during = counted - before
        running = False
        thread.join()
        self.assertGreater(during, 10)

    def test_futures(self):
        session = self.model.compile(threads=1, streams=2)
        futures = [session.run_async(feeds) for feeds in self.inputs * 5]
        for i, future in enumerate(futures):
            self.same(future.result(timeout=60), i % len(self.inputs))
        name = self.model.inputs[0].name
        wrong = session.run_async({name: np.zeros((1, 3, 64), np.float32)})
        self.assertIsInstance(wrong.exception(timeout=60), tessera.Error)

    def test_a_full_queue_says_so(self):
        session = self.model.compile(threads=1, queue_limit=1)
        feeds = self.model.random_inputs(batch=16)
        with self.assertRaisesRegex(tessera.Error, "wait already"):
            accepted = [session.run_async(feeds) for _ in range(50)]
            self.fail(f"{len(accepted)} requests were taken")

    def test_asyncio(self):
        session = self.model.compile(threads=1, streams=2)

        async def all_of_them():
            return await asyncio.gather(*[asyncio.wrap_future(session.run_async(feeds)) for feeds in self.inputs])

        for i, outputs in enumerate(asyncio.run(all_of_them())):
            self.same(outputs, i)

    def test_a_session_may_go_while_requests_run(self):
        session = self.model.compile(threads=1)
        futures = [session.run_async(feeds) for feeds in self.inputs]
        del session
        gc.collect()
        for i, future in enumerate(futures):
            self.same(future.result(timeout=60), i)

    def test_a_session_may_go_inside_its_own_callback(self):
        holder = [self.model.compile(threads=1)]
        gone = threading.Event()

        def drop(_):
            holder.clear()
            gc.collect()
            gone.set()

        holder[0].run_async(self.inputs[0]).add_done_callback(drop)
        self.assertTrue(gone.wait(60))


class Process(unittest.TestCase):
    def test_it_ends_while_requests_wait(self):
        done = support.python("import os, tessera\n"
                              "model = tessera.load(os.environ['IMAGE'])\n"
                              "session = model.compile(threads=1)\n"
                              "feeds = model.random_inputs(batch=8)\n"
                              "futures = [session.run_async(feeds) for _ in range(50)]\n"
                              "print('sent')\n")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "sent\n", ""))

    def test_ctrl_c_ends_a_long_call(self):
        process = subprocess.Popen(
            [sys.executable, "-c", "import os, tessera\n"
             "tessera.compare([os.environ['IMAGE']], ['fp32'], samples=10**7,\n"
             "                progress=lambda activity, _: print(activity, flush=True))\n"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "IMAGE": str(support.IMAGE)})
        for line in process.stdout:
            if line.strip().endswith(": measuring"):
                break
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        self.assertIn("KeyboardInterrupt", errors)
        self.assertEqual(process.returncode, -signal.SIGINT)


if __name__ == "__main__":
    unittest.main()

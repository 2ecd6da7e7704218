"""tessera.Encoder: what `tessera embed` gives."""
import json
import pathlib
import shutil
import tempfile
import threading
import unittest

import numpy as np
import support
import tessera

CLASSIFIER = support.DATA / "text"
TEXTS = ["The soup was cold.", "A friendly waiter!", "Great", "the service, sadly, took for ever and a day", ""]


class Encode(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """The trained classifier without its head."""
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        for name in ("model.safetensors", "vocab.txt", "tokenizer_config.json"):
            shutil.copy(CLASSIFIER / name, cls.folder)
        config = json.loads((CLASSIFIER / "config.json").read_text())
        (cls.folder / "config.json").write_text(json.dumps({**config, "architectures": ["BertModel"]}))
        cls.encoder = tessera.Encoder(cls.folder, threads=1)
        cls.embeddings = cls.encoder.encode(TEXTS)

    def test_it_is_what_the_command_line_embeds(self):
        lines = support.command_line("embed", self.folder, *TEXTS[:4], "--threads", 1).splitlines()
        printed = np.array([json.loads(line)["embedding"] for line in lines], np.float32)
        np.testing.assert_allclose(self.embeddings[:4], printed, atol=1e-6)

    def test_shapes_order_and_length(self):
        self.assertEqual(self.embeddings.shape, (5, self.encoder.get_sentence_embedding_dimension()))
        self.assertEqual(self.embeddings.dtype, np.float32)
        np.testing.assert_allclose(np.linalg.norm(self.embeddings, axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(self.encoder.encode(TEXTS[::-1], batch_size=2)[::-1], self.embeddings, atol=1e-5)
        one = self.encoder.encode(TEXTS[1])
        self.assertEqual(one.shape, self.embeddings[1].shape)
        np.testing.assert_allclose(one, self.embeddings[1], atol=1e-5)
        longer = self.encoder.encode(TEXTS, normalize_embeddings=False)
        np.testing.assert_allclose(longer / np.linalg.norm(longer, axis=1, keepdims=True), self.embeddings, atol=1e-5)
        self.assertGreater(self.encoder.max_seq_length, 8)
        self.assertEqual(self.encoder.encode([]).shape, (0, self.embeddings.shape[1]))

    def test_other_precisions_are_near(self):
        for precision, cosine in (("bf16", 0.999), ("int8", 0.98)):
            encoder = tessera.Encoder(self.folder, precision, calibration=TEXTS[:4] * 10)
            self.assertGreater((encoder.encode(TEXTS[:4]) * self.embeddings[:4]).sum(1).min(), cosine)

    def test_threads(self):
        results = [None] * 6

        def work(i):
            results[i] = self.encoder.encode(TEXTS)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(len(results))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for result in results:
            np.testing.assert_array_equal(result, self.embeddings)

    def test_what_is_refused(self):
        with self.assertRaisesRegex(tessera.Error, "text 1: is a int"):
            self.encoder.encode(["a", 7])
        with self.assertRaisesRegex(tessera.Error, "without a classifier"):
            tessera.Encoder(CLASSIFIER)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""Embeddings of the trained all-MiniLM-L6-v2 from its folder, against NumPy in double precision; what BF16 and INT8 keep of them.

    TESSERA=build/release/tessera build/hub/bin/python tests/hub/embeddings_test.py
"""
import json
import pathlib
import shutil
import tempfile
import unittest

import numpy as np

import support
from reference_bert import Bert

# Sentences of a few subjects: pairs of one subject are near each other, others are not, and there are degrees between.
SENTENCES = """A man is playing a guitar on stage.
Someone plays an instrument in front of an audience.
The orchestra rehearses a symphony by Beethoven.
A woman sings along to the radio in her kitchen.
The cat sleeps on the warm windowsill.
A kitten is napping in the sun.
Two dogs chase a ball across the park.
The puppy buried its bone in the garden.
Stock prices fell sharply after the announcement.
Investors sold their shares as the market dropped.
The central bank raised interest rates by half a point.
Inflation makes food and rent more expensive.
The train to Berlin leaves at nine in the morning.
Our flight was delayed because of fog.
Take the second street on the left and cross the bridge.
The museum is closed on Mondays.
Add two eggs and a pinch of salt to the flour.
The recipe calls for fresh basil and olive oil.
This restaurant serves the best noodles in town.
The soup is too salty for me.
Neural networks are trained by gradient descent.
The compiler turns source code into machine instructions.
A bug in the parser made the program crash.
Matrix multiplication dominates the running time.
The patient was given antibiotics for an infection.
Doctors recommend thirty minutes of exercise a day.
The vaccine protects against several strains of the virus.
Rain is expected in the north tomorrow.
A storm damaged dozens of houses along the coast.
The glacier has lost half of its ice in thirty years.
How do I reset my password?
I cannot log in to my account.""".split("\n")
LONG = " ".join(SENTENCES * 2)  # more than the 256 tokens that the model takes


def spearman(a, b):
    """Of values without ties."""
    ranks = [np.argsort(np.argsort(values)).astype(np.float64) for values in (a, b)]
    return np.corrcoef(*ranks)[0, 1]


def pair_cosines(embeddings):
    return (embeddings @ embeddings.T)[np.triu_indices(len(embeddings), 1)]


class Embeddings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.texts = support.write_texts(cls.folder / "texts.jsonl", SENTENCES)
        cls.fp32 = cls.embed(cls.texts)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def embed(cls, texts, *words, model=support.MINILM):
        file = cls.folder / "embeddings.npy"
        support.tessera("embed", model, texts, "--output", file, *words)
        return np.load(file)

    def test_equal_to_the_reference(self):
        texts = SENTENCES[:6] + ["", "[MASK]", "naïve 北京 😀", LONG]
        file = support.write_texts(self.folder / "some.jsonl", texts)
        bert = Bert(support.MINILM)
        ids = [entry["tokens"] for entry in support.json_lines(support.tessera("embed", support.MINILM, file, "--tokens"))]
        self.assertEqual(len(ids[-1]), 256)
        want = np.stack([bert.embedding(row) for row in ids])
        got = self.embed(file)
        self.assertEqual(got.shape, (len(texts), 384))
        self.assertLess(np.abs(got - want).max(), 1e-5)

    def test_company_and_padding_change_nothing(self):
        together = self.embed(support.write_texts(self.folder / "long.jsonl", SENTENCES + [LONG]), "--batch", 64)
        alone = self.embed(self.texts, "--batch", 1)
        self.assertLess(np.abs(together[:-1] - alone).max(), 1e-5)
        self.assertLess(np.abs(self.fp32 - alone).max(), 1e-5)

    def test_ranking_is_kept(self):
        kept = {"bf16": ["--precision", "bf16"],
                "int8": ["--precision", "int8", "--calibration", self.texts],
                "int8-dynamic": ["--precision", "int8-dynamic"]}
        for name, words in kept.items():
            with self.subTest(name):
                embeddings = self.embed(self.texts, *words)
                self.assertGreater(np.abs(embeddings - self.fp32).max(), 0)
                self.assertGreaterEqual(spearman(pair_cosines(embeddings), pair_cosines(self.fp32)), 0.99)

    def test_forms_of_output(self):
        lines = support.json_lines(support.tessera("embed", support.MINILM, SENTENCES[0], self.texts))
        self.assertEqual([line["text"] for line in lines], [SENTENCES[0]] + SENTENCES)
        embeddings = np.array([line["embedding"] for line in lines], np.float32)
        self.assertLess(np.abs(embeddings[1:] - self.fp32).max(), 1e-5)
        cosine = float(support.tessera("embed", support.MINILM, "--compare", SENTENCES[4], SENTENCES[5]))
        self.assertAlmostEqual(cosine, float(self.fp32[4] @ self.fp32[5]), delta=1e-4)
        result = json.loads(support.tessera("embed", support.MINILM, "--json", "--compare", "same", "same"))
        self.assertAlmostEqual(result["cosine"], 1, delta=1e-6)

    def variant(self, name, **files):
        """The model with other files beside its weights; None takes one away."""
        folder = self.folder / name
        shutil.copytree(support.MINILM, folder, ignore=shutil.ignore_patterns("model.safetensors", "README.md"))
        (folder / "model.safetensors").symlink_to(support.MINILM / "model.safetensors")
        for file, content in files.items():
            path = folder / file.replace("_json", ".json")
            path.unlink() if content is None else path.write_text(json.dumps(content))
        return folder

    def test_other_pooling(self):
        bert, text = Bert(support.MINILM), SENTENCES[0]
        ids = support.json_lines(support.tessera("embed", support.MINILM, text, "--tokens"))[0]["tokens"]
        tokens = bert.tokens(ids)
        want = {"cls": tokens[0], "max": tokens.max(0), "mean_sqrt_len_tokens": tokens.sum(0) / np.sqrt(len(ids))}
        modules = json.loads((support.MINILM / "modules.json").read_text())[:2]  # without normalisation
        for mode, row in want.items():
            with self.subTest(mode):
                folder = self.variant(mode, modules_json=modules)
                (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": mode}))
                line = support.json_lines(support.tessera("embed", folder, text, "--as-given"))[0]
                self.assertLess(np.abs(np.array(line["embedding"]) - row).max(), 1e-4)

    def test_without_modules_the_mean_is_taken(self):
        folder = self.variant("plain", modules_json=None)
        self.assertLess(np.abs(self.embed(self.texts, model=folder) - self.fp32).max(), 1e-5)

    def test_prompt(self):
        folder = self.variant("prompt", config_sentence_transformers_json={"prompts": {"query": "query: "}, "default_prompt_name": "query"})
        got = support.json_lines(support.tessera("embed", folder, "a text"))[0]["embedding"]
        want = support.json_lines(support.tessera("embed", support.MINILM, "query: a text"))[0]["embedding"]
        self.assertEqual(got, want)

    def test_unknown_modules_are_refused(self):
        modules = json.loads((support.MINILM / "modules.json").read_text())
        modules[1]["type"] = "sentence_transformers.models.WordWeights"
        self.assertIn("WordWeights", support.tessera("embed", self.variant("words", modules_json=modules), "a", status=2))


if __name__ == "__main__":
    unittest.main(verbosity=2)

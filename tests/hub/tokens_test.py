#!/usr/bin/env python3
"""Token ids against the `tokenizers` library: the trained all-MiniLM-L6-v2, and small tokenizers of every kind trained here.

    TESSERA=build/release/tessera build/hub/bin/python tests/hub/tokens_test.py
"""
import pathlib
import tempfile
import unittest

import tokenizers

import support
import texts
import tokenizer_models

WITH_ADDED = texts.WRITTEN + ["a [word] b[word]c [word].", "x  [right]   y [right]z", "[word]\n[word]", "|||ADDRESS||| |||ADDRESS|||x"]


class Tokens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def ids(self, folder, lines):
        file = support.write_texts(self.folder / "texts.jsonl", lines)
        printed = support.json_lines(support.tessera("embed", folder, file, "--tokens"))
        self.assertEqual([entry["text"] for entry in printed], lines)
        return [entry["tokens"] for entry in printed]

    def check(self, folder, limit, lines):
        reference = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        reference.no_padding()
        reference.enable_truncation(limit)
        expected = [encoding.ids for encoding in reference.encode_batch(lines)]
        wrong = [(ascii(line), want, got) for line, want, got in zip(lines, expected, self.ids(folder, lines)) if want != got]
        self.assertFalse(wrong, f"{len(wrong)} of {len(lines)} texts have other tokens: {wrong[:3]}")

    def test_all_minilm(self):
        self.check(support.MINILM, 256, texts.WRITTEN + texts.random_texts(400, seed=1) + texts.all_characters())

    def test_vocabulary_without_tokenizer_json(self):
        folder = self.folder / "vocabulary"
        folder.mkdir()
        for name in ("vocab.txt", "tokenizer_config.json", "config.json"):
            (folder / name).write_bytes((support.MINILM / name).read_bytes())
        lines = texts.WRITTEN + texts.random_texts(200, seed=2)
        reference = tokenizers.Tokenizer.from_file(str(support.MINILM / "tokenizer.json"))
        reference.no_padding()
        reference.enable_truncation(512)
        self.assertEqual(self.ids(folder, lines), [encoding.ids for encoding in reference.encode_batch(lines)])

    def test_every_kind(self):
        lines = WITH_ADDED + texts.random_texts(200, seed=3) + texts.all_characters()
        for kind in tokenizer_models.KINDS:
            with self.subTest(kind.__name__):
                folder = self.folder / kind.__name__
                tokenizer_models.save(kind, folder)
                self.check(folder, 64, lines)

    def test_what_is_not_known_is_refused(self):
        folder = self.folder / "unknown"
        tokenizer_models.save(tokenizer_models.roberta, folder)
        file = folder / "tokenizer.json"
        file.write_text(file.read_text().replace('"ByteLevel"', '"Unheard"', 1))
        self.assertIn("Unheard is not known", support.tessera("embed", folder, "a", "--tokens", status=2))
        file.write_text("{")
        self.assertIn("tokenizer.json", support.tessera("embed", folder, "a", "--tokens", status=2))
        file.unlink()
        self.assertIn("save_pretrained", support.tessera("embed", folder, "a", "--tokens", status=2))


if __name__ == "__main__":
    unittest.main(verbosity=2)

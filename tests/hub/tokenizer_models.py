"""Tokenizers of every kind that encoders come with, trained small on the texts of this repository."""
import json
import pathlib
import tempfile

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import texts

ROOT = pathlib.Path(__file__).resolve().parents[2]
GPT4_WORDS = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def corpus():
    pages = [ROOT / "README.md", ROOT / "docs" / "design.md", ROOT / "CONTRIBUTING.md"]
    return [line for page in pages for line in page.read_text(encoding="utf-8").splitlines()] + texts.WRITTEN * 3


def field(message, number):
    """The bytes of a field of a protocol buffers message."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        key = varint()
        size = {0: lambda: 0, 1: lambda: 8, 2: varint, 5: lambda: 4}[key & 7]()
        if key & 7 == 0:
            varint()
        if key >> 3 == number and key & 7 == 2:
            return message[at:at + size]
        at += size
    raise KeyError(number)


def sentencepiece_map(rule):
    """The table of characters that SentencePiece compiles into a model: normalizer_spec.precompiled_charsmap."""
    with tempfile.TemporaryDirectory() as folder:
        prefix = folder + "/model"
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(["a b c d e f g"] * 10), model_prefix=prefix, vocab_size=12,
                                                 hard_vocab_limit=False, normalization_rule_name=rule, minloglevel=2)
        return field(field(pathlib.Path(prefix + ".model").read_bytes(), 3), 2)


def roberta():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True)]
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=900, special_tokens=special, show_progress=False,
                                                               initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer, "<pad>"


def modernbert():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True)
    special = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", AddedToken("[MASK]", lstrip=True)]
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=900, special_tokens=special, show_progress=False,
                                                               initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.add_tokens([AddedToken(" " * n, normalized=True) for n in (2, 3, 4, 8)] + [AddedToken("|||ADDRESS|||", normalized=True)])
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
                                                             special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    return tokenizer, "[PAD]"


def gpt4():
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(GPT4_WORDS), "isolated"),
                                                       pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=900, special_tokens=["<pad>"], show_progress=False,
                                                               initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tokenizer, "<pad>"


def llama():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer.train_from_iterator([line for line in corpus() if line.isascii()],
                                  trainers.BpeTrainer(vocab_size=900, special_tokens=special, show_progress=False))
    data = json.loads(tokenizer.to_str())  # the bytes are pieces, no words to be looked for in texts
    data["added_tokens"] = [token for token in data["added_tokens"] if not token["content"].startswith("<0x")]
    return Tokenizer.from_str(json.dumps(data)), "</s>"


def clip():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", continuing_subword_prefix="", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.Lowercase(), normalizers.StripAccents(),
                                                 normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True),
                                                       pre_tokenizers.Punctuation("merged_with_previous")])
    tokenizer.train_from_iterator([line for line in corpus() if line.isascii()],
                                  trainers.BpeTrainer(vocab_size=700, special_tokens=["<unk>", "<pad>"], end_of_word_suffix="</w>",
                                                      show_progress=False))
    return tokenizer, "<pad>"


def unigram(pre_tokenizer, normalizer):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizer
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer.train_from_iterator(corpus(), trainers.UnigramTrainer(vocab_size=800, special_tokens=special, unk_token="<unk>",
                                                                   show_progress=False))
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>",
                                                             special_tokens=[("<s>", 0), ("</s>", 2)])
    return tokenizer, "<pad>"


def xlm_roberta():
    return unigram(pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]),
                   normalizers.Precompiled(sentencepiece_map("nmt_nfkc")))


def multilingual_e5():
    return unigram(pre_tokenizers.Metaspace(prepend_scheme="always"),
                   normalizers.Sequence([normalizers.Precompiled(sentencepiece_map("nmt_nfkc_cf")), normalizers.Replace(Regex(" {2,}"), " ")]))


def albert():
    return unigram(pre_tokenizers.Metaspace(prepend_scheme="first", split=False),
                   normalizers.Sequence([normalizers.Replace("``", '"'), normalizers.NFKD(), normalizers.Nmt()]))


def bert_cased():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=40))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, handle_chinese_chars=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", AddedToken("[word]", single_word=True), AddedToken("[right]", rstrip=True)]
    tokenizer.train_from_iterator(corpus(), trainers.WordPieceTrainer(vocab_size=800, special_tokens=special, show_progress=False))
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer, "[PAD]"


KINDS = [roberta, modernbert, gpt4, llama, clip, xlm_roberta, multilingual_e5, albert, bert_cased]


def save(kind, folder):
    """Trains a tokenizer, writes its folder and returns it."""
    tokenizer, padding = kind()
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"pad_token": padding, "model_max_length": 64}))
    return tokenizer

"""Texts that tokenizers are likely to get wrong."""
import random
import sys
import unicodedata

WRITTEN = [
    "", " ", "\n", "  two  spaces ", "\ttab\r\nand\vlines\f\x85next\u2028line\u2029paragraph",
    "The quick brown fox jumps over the lazy dog.", "UPPER lower MiXeD", "don't can't we'll I'M he'd they've you're it's",
    "$100.50, 3.14159 and 1,000,000 or 1e-10", "e-mail: a.b+c@example.com https://example.com/a?b=c&d=e#f", "C++/C#/.NET x86_64 __init__",
    "a" * 99, "a" * 100, "a" * 101, "é" * 100, "é" * 101, "ab" * 300, "!" * 50, "..." + "\u2026" * 3, "#$%^&*(){}[]|\\<>?/`~",
    "Crème BRÛLÉE Ångström naïve façade Zürich", "e\u0301 vs \u00e9, A\u030a vs \u00c5 vs \u212b", "\u1e9b\u0323 \ufb01ne \u2075 \u00bd \u216b \u33a4",
    "İstanbul Isparta ıssız", "Straße STRASSE ẞ", "ΟΔΥΣΣΕΥΣ σοφός Σ", "Привет, мир! Ёлка й", "שָׁלוֹם עולם", "مرحبا بالعالم ٱلسَّلَام ١٢٣",
    "नमस्ते दुनिया क्षत्रिय", "สวัสดีชาวโลก ภาษาไทย", "ភាសាខ្មែរ", "ဗမာစာ", "தமிழ் மொழி", "한국어 조합형 \u1112\u1161\u11ab", "日本語のテスト。ひらがな・カタカナ、ガギ ｶﾞｷﾞ",
    "我爱北京天安门NLP技术", "繁體中文，簡体字", "\U00020000\U0002a6d6\U0002b740\U0002b920\U0002f800", "\uf900\ufa2d", "𝕳𝖊𝖑𝖑𝖔 𝒲𝑜𝓇𝓁𝒹", "Ｆｕｌｌｗｉｄｔｈ　ｓｐａｃｅ",
    "😀😃 👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇩🇪🇫🇷", "❤️ ☎️ ✔", "a\u200bb\u200cc\u200dd\u2060e\ufefff", "soft\u00adhyphen", "a\u00a0b\u202fc\u3000d\u1680e\u2003f",
    "\ufffd broken", "\ue000 private \U000f0000", "\x01\x02 control \x1b[31m \x7f \x9f", "\u0378 unassigned \U000e0fff", "\u061d\u2e52\u1b7d new punctuation",
    "zalgo t\u0335\u0322e\u0337\u0341x\u0334t\u0338\u0300", "\u0301 begins with a mark", "\u180e mongolian \u180b", "tone ma\u0304 ma\u0301 ma\u030c ma\u0300",
    "[MASK]", "Paris is the [MASK] of France.", "[CLS] a [SEP] b [PAD] [UNK]", "[mask] [ MASK ] [MASK", "x[MASK]y", "[MASK][MASK]", " [MASK] ",
    "<mask>", "I <mask> you.", "I<mask>you", "  <mask>  ", "<s>a</s>", "<pad><unk>", "<s", "▁", "▁a ▁ b", "a ▁▁ b", "_a_b_", "Ġ Ċ ġ",
    "snake_case camelCase PascalCase kebab-case", "1st 2nd 3rd 4th ½ ² ₂ ① Ⅷ 十 ๓", "‘single’ “double” «guillemets» ‹x› 「鉤」", "en–dash em—dash ‐ ‑ − ~",
    "tab\tseparated\tvalues", "trailing space ", " leading space", "new\n\n\nlines\n", "\r\n\r\n", "    indented:\n        return x", "a  b   c    d     e",
    "if (x<5&&y>=3) { return x*y; } // comment", "def f(x): return [i**2 for i in range(x)]", "{\"key\": [1, 2.5, null, true]}", "SELECT * FROM t WHERE a='b';",
    "α β γ ∑ ∫ √ ∞ ≠ ≤ ∈ ℝ", "♠♣♥♦ ★☆ ■□ ▲△ ●○", "€ £ ¥ ₹ ₽ ¢ ©®™ § ¶ † ‡", "Tiếng Việt có dấu: ậ ễ ỗ ứ ỵ", "Łódź Gdańsk Česká žluťoučký kůň", "Ǆ ǅ ǆ ﬀ ﬃ ﷺ ﷽",
    "supercalifragilisticexpialidocious antidisestablishmentarianism", "pneumonoultramicroscopicsilicovolcanoconiosis " * 3, "the " * 300,
]


def random_texts(count, seed):
    """Characters of every block there is, in words of mixed and of one script."""
    generator = random.Random(seed)
    assigned = [c for c in map(chr, range(1, 0x30000)) if unicodedata.category(c) not in ("Cs", "Cn", "Co")]
    common = [chr(c) for c in range(32, 127)] * 3 + list(" \n\t'’-") * 10
    texts = []
    for _ in range(count):
        start = generator.randrange(len(assigned) - 80)
        alphabet = generator.choice([common, assigned, assigned[start:start + 80], common + assigned[start:start + 40]])
        words = ["".join(generator.choices(alphabet, k=generator.randint(1, 12))) for _ in range(generator.randint(1, 12))]
        texts.append(generator.choice([" ", "", "  "]).join(words))
    return texts


def all_characters():
    """Every character that Unicode 13 has assigned, a few to a text, once between letters and once alone."""
    characters = [c for c in map(chr, range(1, sys.maxunicode + 1)) if unicodedata.category(c) not in ("Cs", "Cn", "Co")]
    return ["".join(f"a{c}b {c} " for c in characters[i:i + 16]) for i in range(0, len(characters), 16)]

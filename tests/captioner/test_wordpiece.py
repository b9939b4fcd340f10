"""The default embedder's tokens are those that the tokenizers package makes of a sentence."""

import random
import unicodedata
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from captioner.embedder import SentenceEmbedder
from captioner.wordpiece import WordPiece

LIMIT = 256
ODD = [
    "", " ", "\t\n\r", "!?", "don't", "two  spaces", "x" * 101, "word " * 500, "ÀÉÎ Straße İ",
    "a\N{COMBINING ACUTE ACCENT}b", "ΟΔΟΣ", "🐕 runs 🏃‍♀️", "一只狗running",
    "개가", "คน", "[MASK] [SEP]x", "[mask]", "a\x00b\x1fc\x85d", "zero\N{ZERO WIDTH SPACE}width",
    "3.50 € ½ ①", "a\N{NO-BREAK SPACE}b",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder() -> Path:
    return SentenceEmbedder(device="cpu").folder


@pytest.fixture(scope="module")
def theirs(folder: Path) -> Tokenizer:
    made = Tokenizer.from_file(str(folder / "tokenizer.json"))
    made.no_padding()
    made.enable_truncation(LIMIT)
    return made


@pytest.fixture(scope="module")
def ours(folder: Path) -> WordPiece:
    return WordPiece(folder / "vocab.txt", LIMIT)


def test_odd_sentences_are_cut_alike(ours: WordPiece, theirs: Tokenizer) -> None:
    assert {text: ours.encode(text) for text in ODD} == {
        text: theirs.encode(text).ids for text in ODD
    }


def test_characters_of_all_kinds_are_cut_alike(ours: WordPiece, theirs: Tokenizer) -> None:
    """Those of Unicode 3.2: newer ones are cut by the tables of either, which differ."""
    draw = random.Random(0)
    known = [
        chr(code) for code in [*range(0x600), *range(0x900, 0xE80), *range(0x2000, 0x2E00, 3)]
        if unicodedata.ucd_3_2_0.category(chr(code)) != "Cn"
    ]  # fmt: skip
    for _ in range(300):
        text = "".join(draw.choices([*known, *"aeinrst  "], k=12))
        assert ours.encode(text) == theirs.encode(text).ids, ascii(text)

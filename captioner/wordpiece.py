"""BERT's tokeniser for lower-case English: sentences to the numbers of WordPiece tokens.

What `tokenizers` does for all-MiniLM-L6-v2, written out: that package brings a client of the
Hugging Face Hub, 40 MB in all, and reading its file takes longer than everything here. A test holds
both equal.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

_LONGEST = 100  # characters of a word that is still cut into pieces
_CONTINUED = "##"  # in front of a piece that does not begin a word
_UNKNOWN, _FIRST, _LAST = "[UNK]", "[CLS]", "[SEP]"
_UNSEEN = ("Cc", "Cf", "Co")  # control, format and private characters
_SPECIAL = re.compile(r"(\[(?:PAD|UNK|CLS|SEP|MASK)\])")
# Blocks of CJK ideographs, which are written without spaces and make a word each.
_IDEOGRAPHS = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F), (0x2B920, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


class WordPiece:
    """The vocabulary of a file with a token a line (Devlin et al. 2019; Wu et al. 2016, 4.1).

    A sentence has at most `limit` tokens, those that begin and end it among them. Raises OSError,
    and KeyError for a file without the special tokens.
    """

    def __init__(self, file: Path, limit: int) -> None:
        tokens = file.read_text(encoding="utf-8").split("\n")
        self._ids = {token: number for number, token in enumerate(tokens)}
        self._unknown, self._first, self._last = (
            self._ids[token] for token in (_UNKNOWN, _FIRST, _LAST)
        )
        self._limit = limit
        self._pieces = lru_cache(1 << 14)(self._cut)

    def encode(self, sentence: str) -> list[int]:
        """A sentence's tokens, those that begin and end it included."""
        ids: list[int] = []
        # Special tokens are taken as they are; all else is cleaned first.
        for number, part in enumerate(_SPECIAL.split(sentence)):
            if number % 2:
                ids.append(self._ids[part])
                continue
            for word in _words(part):
                ids += self._pieces(word)
        return [self._first, *ids[: self._limit - 2], self._last]

    def _cut(self, word: str) -> Sequence[int]:
        """The longest pieces that make up a word, from its start; one unknown where none do."""
        if len(word) > _LONGEST:
            return (self._unknown,)
        ids, start = [], 0
        while start < len(word):
            prefix = _CONTINUED if start else ""
            for end in range(len(word), start, -1):
                found = self._ids.get(prefix + word[start:end])
                if found is not None:
                    break
            else:
                return (self._unknown,)
            ids.append(found)
            start = end
        return ids


def _words(text: str) -> Iterator[str]:
    """Words and single punctuation marks, in lower case and without accents."""
    cleaned = "".join(map(_cleaned, text))
    # Character by character: a word's last sigma is no other letter here.
    bare = "".join(
        c.lower() for c in unicodedata.normalize("NFD", cleaned) if unicodedata.category(c) != "Mn"
    )
    for word in bare.split(" "):
        yield from _apart(word)


def _cleaned(character: str) -> str:
    """A character without what nobody sees, all white space as a space, ideographs between two."""
    if " " < character <= "~":
        return character
    if character in "\t\n\r" or unicodedata.category(character) in ("Zs", "Zl", "Zp"):
        return " "
    if character == "\N{REPLACEMENT CHARACTER}" or unicodedata.category(character) in _UNSEEN:
        return ""
    code = ord(character)
    return f" {character} " if any(a <= code <= b for a, b in _IDEOGRAPHS) else character


def _apart(word: str) -> Iterator[str]:
    """A word without spaces -> its runs of letters, and each of its punctuation marks."""
    start = 0
    for number, character in enumerate(word):
        if _is_punctuation(character):
            if start < number:
                yield word[start:number]
            yield character
            start = number + 1
    if start < len(word):
        yield word[start:]


def _is_punctuation(character: str) -> bool:
    """Whether Unicode calls it so, or it is one of ASCII's marks, of which some are symbols."""
    if character <= "~":
        return not character.isalnum()
    return unicodedata.category(character)[0] == "P"

"""The tokeniser and the vocabulary: sentences to words, words to ids and back.

Free of torch; ids are plain integers.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

PAD, START, END, UNKNOWN = 0, 1, 2, 3
SPECIAL_WORDS = ("<pad>", "<start>", "<end>", "<unk>")

# Behind this stands a symbol; in no text that was read is it left.
_SYMBOL = "\0"
_WORD = re.compile(rf"'s\b|[^\W_][^\s'{_SYMBOL}]*")
_SEPARATES = re.compile(rf"[ '{_SYMBOL}]")
_WORD_OR_SYMBOLS = re.compile(rf"{_WORD.pattern}|(?:{_SYMBOL}.)+")


def tokenise(sentence: str) -> list[str]:
    """Lower-case words of a sentence; punctuation is dropped, the possessive 's is a word.

    Marks stay with their letters, as the vowel signs of Indic scripts and accents that are written
    apart. Wide letters, ligatures and other forms of letters count as the letters.
    """
    return _WORD.findall(_readable(sentence))


def tokenise_query(sentence: str) -> list[str]:
    """The same, and emoji and other symbols in a row as one word: no captioner learns them, but
    names of photos have them.
    """
    found = _WORD_OR_SYMBOLS.findall(_readable(sentence))
    return [word.replace(_SYMBOL, "") for word in found]


def start_of_last_word(sentence: str) -> int:
    """Where the word begins that a sentence ends with; its length where it ends with none."""
    start = len(sentence)
    while start > 0 and not _SEPARATES.match(_READABLE[ord(sentence[start - 1])]):
        start -= 1
    before = _READABLE[ord(sentence[start - 1])] if start else ""
    return start - 1 if before == "'" and sentence[start:] in ("s", "S") else start


class _Readable(dict[int, str]):
    """What is read for each character of a composed lower-case text, found out once and kept."""

    def __missing__(self, code: int) -> str:
        self[code] = read = _read(chr(code))
        return read


_READABLE = _Readable()


def _readable(sentence: str) -> str:
    return unicodedata.normalize("NFC", sentence).lower().translate(_READABLE)


def _read(character: str) -> str:
    """A letter, digit or mark itself, nothing for a joiner, a space for what separates."""
    if character.isalnum():
        plain = unicodedata.normalize("NFKC", character).lower()
        return plain if plain.isalnum() else character
    if character in "'\N{RIGHT SINGLE QUOTATION MARK}":
        return "'"
    category = unicodedata.category(character)
    is_selector = "\ufe00" <= character <= "\ufe0f" or category == "Me"
    if is_selector or (category == "Cf" and character != "\N{ZERO WIDTH SPACE}"):
        return ""
    # Emoji that are newer than this Python's tables are not assigned there.
    if category[0] == "S" or category in ("Co", "Cn"):
        return " " if character.isascii() else _SYMBOL + character
    return character if category[0] == "M" else " "


@dataclass(frozen=True)
class Vocabulary:
    """The words that a captioner learned, in id order; the first four are special.

    Raises ValueError where they are not, or where a word comes twice.
    """

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.words[: len(SPECIAL_WORDS)] != SPECIAL_WORDS:
            raise ValueError(f"a vocabulary starts with {', '.join(SPECIAL_WORDS)}")
        if len(set(self.words)) != len(self.words):
            raise ValueError("a vocabulary holds each word once")

    @classmethod
    def from_sentences(cls, sentences: Iterable[str], min_count: int = 4) -> Vocabulary:
        """Words seen at least `min_count` times, most frequent first, ties by alphabet."""
        counts = Counter(word for sentence in sentences for word in tokenise(sentence))
        kept = [word for word, count in counts.items() if count >= min_count]
        return cls(SPECIAL_WORDS + tuple(sorted(kept, key=lambda word: (-counts[word], word))))

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: index for index, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._ids and word not in SPECIAL_WORDS

    def encode(self, words: Sequence[str]) -> list[int]:
        """Ids of words; a word that was never learned becomes UNKNOWN."""
        return [self._ids.get(word, UNKNOWN) for word in words]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Words of ids up to END; START and PAD are left out."""
        words = []
        for index in ids:
            if index == END:
                break
            if index not in (PAD, START):
                words.append(self.words[index])
        return words

    def join(self, ids: Iterable[int]) -> str:
        """Ids -> a readable sentence: words joined by spaces, possessives to their owner."""
        return " ".join(self.decode(ids)).replace(" 's", "'s")

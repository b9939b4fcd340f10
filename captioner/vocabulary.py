"""The tokeniser and the vocabulary: sentences to words, words to ids and back.

Free of torch; ids are plain integers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

PAD, START, END, UNKNOWN = 0, 1, 2, 3
SPECIAL_WORDS = ("<pad>", "<start>", "<end>", "<unk>")

_WORD = re.compile(r"'s\b|[^\W_]+")


def tokenise(sentence: str) -> list[str]:
    """Lower-case words of a sentence; punctuation is dropped, the possessive 's is a word."""
    return _WORD.findall(sentence.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))


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

"""The words of paths and sentences, in the form in which they are stored and looked up.

Small and capital letters are the same here, and so are letters with and without an accent.
Knows nothing of SQL: text in, words out.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator

from catalog.paths import show_path

_WORD = re.compile(r"[^\W_]+")
# What is written together in a name: LisbonTrip2019 -> Lisbon, Trip, 2019.
_PART = re.compile(r"\d+|[A-Z]+(?![a-z])|[A-Z]?[^\W\dA-Z_]+|[A-Z]")


def words_in(text: str) -> tuple[str, ...]:
    """The words of a sentence or of a query, each once: "Zürich, IMG_2041" -> zurich img 2041."""
    return tuple(dict.fromkeys(_WORD.findall(_plain(text).casefold())))


def words_of_photo(root: bytes, path: bytes, captions: Iterable[str]) -> str:
    """All words that a photo is found by, with spaces between.

    They are those of its captions, of its path below the indexed folder `root`, and of that
    folder's own name. What is written together in a name counts whole and in parts.
    """
    name = os.path.join(os.path.basename(root), path)
    words = [*_words_of_name(show_path(name))]
    words += [word for caption in captions for word in words_in(caption)]
    return " ".join(dict.fromkeys(words))


def _words_of_name(name: str) -> Iterator[str]:
    for word in _WORD.findall(_plain(name)):
        yield word.casefold()
        yield from (part.casefold() for part in _PART.findall(word))


def _plain(text: str) -> str:
    """Without accents, whether they were written as one character with their letter or apart."""
    marks = unicodedata.normalize("NFKD", text)
    return "".join(mark for mark in marks if not unicodedata.combining(mark))

"""Words of names, captions and queries: cut and folded by one rule, in every script.

Folded is what people write in more than one way: capitals, compatibility forms such as wide
letters and ligatures (Unicode's NFKD and full case folding), digits of other scripts, accents of
Latin, Greek and Cyrillic, and the vowel points of Arabic, Hebrew and Syriac, which are optional.
Marks that are a part of their letter stay: vowel signs and viramas of Indic scripts, Thai vowels
and tones, kana's voicing. Emoji and other symbols are words, too.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from catalog.paths import show_path

# No database indexes words of any length; what is cut off is cut off in queries, too.
_MOST_CHARACTERS = 200
# So long a text hardly ever stands by chance where two words of a name meet.
_RARELY_BY_CHANCE = 6
_GRAM = 3
_LONGEST_NAME = 40  # characters of a name that is looked for within a text

# Stands before what a file as a whole is named; the folding leaves it in no word.
FILE = "\N{FULLWIDTH EQUALS SIGN}"

# Optional marks, variation selectors, skin tones, and characters that nobody sees.
_DROPPED = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0730-\u074a"
    "\u0898-\u089f\u08ca-\u08e1\u08e3-\u08ff\u115f\u1160\u17b4\u17b5\u180b-\u180f\u1ab0-\u1aff"
    "\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\U0001f3fb-\U0001f3ff"
    "\U000e0000-\U000e001f\U000e0080-\U000e0fff]"
)
# Letters that Unicode does not take apart: of Latin as PostgreSQL's `unaccent` has them; of Arabic
# and Persian as Lucene's normalisers do.
_ALIKE = str.maketrans(
    {
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
        "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ħ": "h", "Ħ": "H",
        "ŧ": "t", "Ŧ": "T", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "æ": "ae", "Æ": "Ae",
        "œ": "oe", "Œ": "Oe", "ŋ": "n", "Ŋ": "N",
        "\N{ARABIC LETTER ALEF MAKSURA}": "\N{ARABIC LETTER YEH}",
        "\N{ARABIC LETTER FARSI YEH}": "\N{ARABIC LETTER YEH}",
        "\N{ARABIC LETTER KEHEH}": "\N{ARABIC LETTER KAF}",
        "\N{ARABIC LETTER TEH MARBUTA}": "\N{ARABIC LETTER HEH}",
        "\N{ARABIC LETTER HEH GOAL}": "\N{ARABIC LETTER HEH}",
        "\N{ARABIC LETTER HEH DOACHASHMEE}": "\N{ARABIC LETTER HEH}",
    }
)  # fmt: skip
# Scripts that are written without spaces, or where a word may be one character.
_UNSPACED = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u1b00-\u1b7f"
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u303c\u3040-\u318f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\ua980-\ua9ff\uaa60-\uaa7f\uac00-\ud7ff\uf900-\ufaff"
    "\U0001aff0-\U0001b16f\U00020000-\U0003ffff]"
)
_LETTER, _CHARACTER, _SYMBOL = range(3)
# What is written together in a name: LisbonTrip2019 -> Lisbon, Trip, 2019.
_PART = re.compile(r"\d+|[A-Z]+(?![a-z])|[A-Z]?[^\dA-Z]+|[A-Z]")


@dataclass(frozen=True)
class PhotoWords:
    """What a photo is found by, each a text of words with spaces between.

    `names`: the words of its path below the indexed folder and of that folder's own name; what is
    written together counts whole and in parts. `joined`: the names of the file, without and with
    its ending, and of the folders, each as one word, the file's also behind FILE. `grams`: what
    stands inside those and inside what people wrote, see `grams_of`. `captions`: the words of the
    model's captions. `written`: the words of what people wrote about it, and each name that they
    gave as one word.
    """

    names: str
    joined: str
    grams: str
    captions: str
    written: str


def words_in(text: str) -> tuple[str, ...]:
    """The words of a sentence or of a query, each once: "Zürich, IMG_2041" -> zurich img 2041."""
    return tuple(dict.fromkeys(map(_folded, _cut(text))))


def joined_words(text: str) -> str:
    """All words of a text as one: "Zürich, IMG_2041" -> zurichimg2041."""
    return "".join(map(_folded, _cut(text)))[:_MOST_CHARACTERS]


def words_of_photo(
    root: bytes,
    path: bytes,
    captions: Iterable[str],
    labels: Iterable[str] = (),
    texts: Iterable[str] = (),
) -> PhotoWords:
    """All words that a photo at `path` below an indexed folder `root` is found by.

    `labels`: its keywords and the names of the people on it; `texts`: its title and description.
    """
    below = show_path(os.path.join(os.path.basename(root), path)).split(os.sep)
    folders = [joined_words(name) for name in below[:-1]]
    stem, whole = (joined_words(name) for name in (os.path.splitext(below[-1])[0], below[-1]))
    written = dict.fromkeys(_written_words(labels, texts))
    return PhotoWords(
        names=_text(word for name in below for word in _words_of_name(name)),
        joined=_text([stem, whole, *(FILE + name for name in (stem, whole) if name), *folders]),
        grams=_text(gram for word in (whole, *folders, *written) for gram in grams_of(word)),
        captions=_text(word for caption in captions for word in words_in(caption)),
        written=_text(written),
    )


def grams_of(word: str) -> tuple[str, ...]:
    """What a folded word and every longer one around it have, each once; none for a short one.

    That is each character of scripts without spaces and each symbol, and each three characters of
    the rest (n-grams, as in PostgreSQL's pg_trgm, which not every server lets one install).
    """
    grams = list[str]()
    for kind, stretch in _stretches(word):
        if kind != _LETTER:
            grams += stretch
        else:
            grams += (stretch[at : at + _GRAM] for at in range(len(stretch) - _GRAM + 1))
    return tuple(dict.fromkeys(grams))


def may_cross(word: str) -> bool:
    """Whether a folded word may also stand where two words of a name meet: "lisbontrip".

    A short one in letters may not: "tom" is not meant by "photo match".
    """
    return len(word) >= _RARELY_BY_CHANCE or is_unspaced(word)


def is_unspaced(word: str) -> bool:
    """Whether a word has letters of a script that is written without spaces."""
    return any(map(_UNSPACED.match, word))


def parts_by_script(name: str) -> tuple[str, ...]:
    """Stretches of one script in a folded word of Chinese or Japanese: 東京タワー: 東京, タワー."""
    scripts = groupby(name, _script)
    return tuple("".join(stretch) for script, stretch in scripts if script)


def names_within(text: str, names: Collection[str]) -> tuple[str, ...]:
    """Names, folded, that stand one after the other in a text without spaces, each once.

    At each place the longest counts (maximum matching): 東京の写真 has 東京 within it.
    """
    folded, found, at = joined_words(text), list[str](), 0
    while at < len(folded):
        ends = range(min(len(folded), at + _LONGEST_NAME), at, -1)
        stretches = (folded[at:end] for end in ends)
        name = next((each for each in stretches if each in names and _says_something(each)), "")
        found += [name] if name else []
        at += max(len(name), 1)
    return tuple(dict.fromkeys(found))


def _says_something(name: str) -> bool:
    """A single character does where it is an ideograph."""
    return len(name) > 1 or _script(name) == "CJK"


class _Folded(dict[int, str]):
    """What stands for each character of a decomposed text, found out once and kept."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold(chr(code))
        return folded


class _Kinds(dict[str, int]):
    """The kind of each character of a word, found out once and kept."""

    def __missing__(self, character: str) -> int:
        is_character = _UNSPACED.match(character)
        kind = _CHARACTER if is_character else _SYMBOL if _is_symbol(character) else _LETTER
        self[character] = kind
        return kind


_FOLDED = _Folded()
_KINDS = _Kinds()


def _fold(character: str) -> str:
    category = unicodedata.category(character)
    if "\U000e0020" <= character <= "\U000e007f":  # tags: of England's flag, for one
        return character
    if _DROPPED.match(character) or (category == "Cf" and character != "\N{ZERO WIDTH SPACE}"):
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(character))
    is_word = category[0] in "LMN" or _is_symbol(character)
    return character.translate(_ALIKE) if is_word else " "


def _script(character: str) -> str:
    """The script of an ideograph or of kana; empty for all others."""
    name = unicodedata.name(character, "").split(" ")[0].split("-")[0]
    if character == "\N{KATAKANA-HIRAGANA PROLONGED SOUND MARK}":
        return "KATAKANA"
    return name if name in ("CJK", "HIRAGANA", "KATAKANA") else ""


def _is_symbol(character: str) -> bool:
    # Emoji that are newer than this Python's tables are not assigned there.
    category = unicodedata.category(character)
    is_kind = category[0] == "S" or category in ("Co", "Cn")
    return is_kind and not character.isascii() and character != "\N{FRACTION SLASH}"


def _cut(text: str) -> list[str]:
    """The words of a text in their order, folded but for capitals."""
    text = unicodedata.normalize("NFKD", text).translate(_FOLDED)
    # Composed again, kana and Hangul are one character each.
    return unicodedata.normalize("NFC", text).split()


def _folded(word: str) -> str:
    return word.casefold()[:_MOST_CHARACTERS]


def _words_of_name(name: str) -> Iterator[str]:
    for word in _cut(name):
        yield _folded(word)
        for kind, stretch in _stretches(word):
            yield from map(_folded, _PART.findall(stretch) if kind == _LETTER else [stretch])


def _written_words(labels: Iterable[str], texts: Iterable[str]) -> Iterator[str]:
    for label in labels:
        yield from _words_of_name(label)
        yield joined_words(label)
    for text in texts:
        yield from words_in(text)


def _stretches(word: str) -> Iterator[tuple[int, str]]:
    """Characters in a row of one kind, with the kind."""
    if word.isascii():
        yield _LETTER, word
        return
    for kind, stretch in groupby(word, _KINDS.__getitem__):
        yield kind, "".join(stretch)


def _text(words: Iterable[str]) -> str:
    return " ".join(filter(None, dict.fromkeys(words)))

"""Lexical matches: photos whose path or captions hold the query's own words.

A name was given by a person and is evidence of its own; a caption was written by the captioner, and
its words only propose photos. Names count in two ways:

- Places. Photos come before all others whose file is named as the query, whose names hold all of
  its content words, or a word that the captioner never learned ("Lisbon", "IMG_2041"): the more the
  further up, and a word of its own before one inside a longer word ("hund" in "Schaeferhund").
- A bonus of _STRENGTH * m^2 / M in logits, where m is the sum of log(photos / photos named so) over
  the content words that stand in the photo's names (inverse document frequency, Spärck Jones 1972)
  and M that over all of them, one that stands in no name taken for average: the more, the rarer
  the name is and the more of the query it makes up. A word in every path adds nothing.

The likelihood orders photos in the same place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from captioner.vocabulary import tokenise
from catalog.fulltext import (
    photos_named,
    photos_named_around,
    photos_of_file_name,
    photos_with_word,
    words_of,
)
from catalog.words import words_in
from search.parsed_query import FUNCTION_WORDS, ParsedQuery

Ids = NDArray[np.int64]
_NONE: Ids = np.empty(0, np.int64)

# A word that more photos have tells them apart too little to be worth fetching them all.
MOST_PHOTOS = 100_000
# The captioner can judge better than a name that a larger share of all photos has.
_COMMON = 2 / 3
_INSIDE = 0.5  # of what the word itself counts
# Chosen by hand: half of a query, in the names of one photo in a hundred, weighs as much as most of
# what tells wrong photos from one another, and less than what tells the right one from them.
_STRENGTH = 3.0

# Nor do these tell one photo from another.
_OF_ANY_PHOTO = frozenset(tokenise("photo photos picture pictures image images"))


@dataclass(frozen=True)
class NamedWord:
    """A content word of the query: ids of the photos that have it in their names.

    `named` [N]: as a word. `inside` [M]: only inside a longer one; where the captioner knows it,
    nobody. `common`: more photos than MOST_PHOTOS have it, and none is listed.
    """

    word: str
    is_known: bool
    named: Ids
    inside: Ids
    common: bool = False

    @cached_property
    def ids(self) -> Ids:
        """All photos that have it."""
        return np.union1d(self.named, self.inside)

    def strength(self, ids: Ids) -> NDArray[np.float64]:
        """How much of the word each photo has [N]: 1, _INSIDE or 0."""
        inside = _INSIDE * np.isin(ids, self.inside)
        strength: NDArray[np.float64] = np.where(np.isin(ids, self.named), 1.0, inside)
        return strength

    def rarity(self, photos: int) -> float:
        """log(photos / photos that have it), at least 0."""
        if self.common or not len(self.ids):
            return 0.0
        return max(math.log(max(photos, 1) / len(self.ids)), 0.0)


@dataclass(frozen=True)
class WordHits:
    """Photos by what of the query stands in their paths or captions.

    `files`: ids [N] of those whose file is named as the query. `words`: its content words.
    `known`: ids [N] for each word that the captioner knows and that few photos have, the rarest
    first. `photos`: how many there are in all.
    """

    files: Ids
    words: tuple[NamedWord, ...]
    known: tuple[Ids, ...]
    photos: int

    @cached_property
    def _whole(self) -> Ids:
        """Photos whose names hold all content words."""
        return reduce(np.intersect1d, (word.ids for word in self.words)) if self.words else _NONE

    @cached_property
    def _placing(self) -> tuple[NamedWord, ...]:
        """Words that put their photos before all others."""
        unknown = tuple(word for word in self.words if not word.is_known)
        if len(unknown) == len(self.words):  # there is nothing else to order photos by
            return unknown
        return tuple(word for word in unknown if self._tells_apart(word.ids))

    def unknown_words(self, ids: Ids) -> NDArray[np.float64]:
        """How many words that put their photos before all others each of the photos has [N]."""
        return sum((word.strength(ids) for word in self._placing), np.zeros(len(ids)))

    def places(self, ids: Ids) -> NDArray[np.int64]:
        """How many places before photos that are named by nothing each of the photos comes [N]."""
        places = 2 * self.unknown_words(ids)
        if self._tells_apart(self._whole):
            places = places + np.isin(ids, self._whole)
        places = places + (2 * len(self.words) + 2) * np.isin(ids, self.files)
        return places.astype(np.int64)

    @cached_property
    def tiers(self) -> list[Ids]:
        """Ids in the same place as one another, the first places first."""
        placing = [word.ids for word in self._placing]
        whole = [self._whole] if self._tells_apart(self._whole) else []
        ids = np.unique(np.concatenate([self.files, *placing, *whole, _NONE]))
        places = self.places(ids)
        return [ids[places == place] for place in np.unique(places)[::-1]]

    @cached_property
    def named(self) -> tuple[Ids, ...]:
        """Ids [N] for each known word that few photos are named by, the rarest first."""
        ids = (word.ids for word in self.words if word.is_known and self._tells_apart(word.ids))
        return tuple(sorted(ids, key=len))

    def bonus(self, ids: Ids) -> NDArray[np.float32]:
        """What rare names add to each photo's score [N], in logits."""
        found = [word for word in self.words if word.common or len(word.ids)]
        rarities = [word.rarity(self.photos) for word in found]
        if not any(rarities):
            return np.zeros(len(ids), np.float32)
        total = np.mean(rarities) * len(self.words)
        pairs = zip(found, rarities, strict=True)
        matched = sum((rarity * word.strength(ids) for word, rarity in pairs), np.zeros(len(ids)))
        bonus: NDArray[np.float32] = (_STRENGTH * matched**2 / total).astype(np.float32)
        return bonus

    def names(self, photo_id: int) -> tuple[str, ...]:
        """The words by which a photo's names speak for it.

        One that the captioner knows does where few photos are named so, or beside all others.
        """
        is_whole = photo_id in self._whole
        return tuple(
            word.word
            for word in self.words
            if photo_id in word.ids
            and (is_whole or not word.is_known or self._tells_apart(word.ids))
        )

    def are_named(self, ids: Ids) -> NDArray[np.bool_]:
        """Whether any word of their names, or their file's whole name, speaks for photos [N]."""
        speaking = [
            word.ids for word in self.words if not word.is_known or self._tells_apart(word.ids)
        ]
        named: NDArray[np.bool_] = np.isin(
            ids, np.concatenate([*speaking, self._whole, self.files])
        )
        return named

    def _tells_apart(self, ids: Ids) -> bool:
        return 0 < len(ids) <= _COMMON * self.photos


NO_HITS = WordHits(_NONE, (), (), 0)


def find_words(session: Session, parsed: ParsedQuery, few: int, photos: int) -> WordHits:
    """Look the query's words up in a collection of so many photos.

    A known word proposes photos by its captions, too, where at most `few` photos have it; commoner
    ones are left to the vectors, which stand for their meaning, too. 0 leaves all.
    """
    words = dict.fromkeys(parsed.tokens)
    content = [word for word in words if word not in FUNCTION_WORDS | _OF_ANY_PHOTO] or list(words)
    known = [word for word in words if word not in parsed.unknown] if few else []
    rare = [photos_with_word(session, word, few) for word in known]
    files = photos_of_file_name(session, "".join(parsed.tokens), MOST_PHOTOS)
    return WordHits(
        files=_NONE if files is None else files,
        words=tuple(_named_word(session, word, word not in parsed.unknown) for word in content),
        known=tuple(sorted(filter(len, rare), key=len)),
        photos=photos,
    )


def _named_word(session: Session, word: str, is_known: bool) -> NamedWord:
    named = photos_named(session, word, MOST_PHOTOS)
    if named is None:
        return NamedWord(word, is_known, _NONE, _NONE, common=True)
    around = None if is_known else photos_named_around(session, word, MOST_PHOTOS)
    inside = _NONE if around is None else np.setdiff1d(around, named)
    return NamedWord(word, is_known, named, inside)


def lifted(score: NDArray[np.float32], places: NDArray[np.int64]) -> NDArray[np.float32]:
    """Scores [N] with every photo above all those that come fewer places before the others."""
    step = np.ptp(score) + 1 if len(score) else 0
    raised: NDArray[np.float32] = (score + step * places).astype(np.float32)
    return raised


def matched_words(
    session: Session, parsed: ParsedQuery, ids: Sequence[int]
) -> dict[int, tuple[str, ...]]:
    """Which of the query's words stand in each photo's path or captions, in their order."""
    words = {word: words_in(word) for word in dict.fromkeys(parsed.tokens)}
    stored = words_of(session, ids)
    return {
        key: tuple(word for word, parts in words.items() if parts and held.issuperset(parts))
        for key, held in stored.items()
    }

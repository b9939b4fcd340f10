"""Lexical matches: photos whose path or captions hold the query's own words.

A word that the captioner knows only proposes photos, which the likelihood then orders. A word
that it never learned ("Lisbon", "IMG_2041") has no likelihood: photos with more of such words
come before photos with fewer, and the score orders those with as many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from catalog.fulltext import photos_with_word, words_in, words_of
from search.parsed_query import ParsedQuery

Ids = NDArray[np.int64]
_NONE: Ids = np.empty(0, np.int64)

# A word that more photos have tells them apart too little to be worth fetching them all.
MOST_PHOTOS = 100_000


@dataclass(frozen=True)
class WordHits:
    """Photos by what of the query stands in their paths or captions.

    `unknown`: ids [N] for each word that the captioner does not know. `known`: ids [N] for each
    word that it knows and that few photos have, the rarest first.
    """

    unknown: tuple[Ids, ...]
    known: tuple[Ids, ...]

    @property
    def tiers(self) -> list[Ids]:
        """Ids with as many unknown words as one another, those with most words first."""
        ids, counts = np.unique(np.concatenate([*self.unknown, _NONE]), return_counts=True)
        most = int(counts.max(initial=0))
        return [ids[counts == count] for count in range(most, 0, -1)]

    def unknown_words(self, ids: Ids) -> NDArray[np.int64]:
        """How many words that the captioner does not know each of the photos has [N]."""
        counts = np.zeros(len(ids), np.int64)
        for having in self.unknown:
            counts += np.isin(ids, having)
        return counts


def find_words(session: Session, parsed: ParsedQuery, few: int) -> WordHits:
    """Look the query's words up; a known word counts where at most `few` photos have it.

    Commoner words are left to the vectors, which stand for their meaning, too. 0 leaves all.
    """
    words = dict.fromkeys(parsed.tokens) if few else {}
    known = [word for word in words if word not in parsed.unknown]
    unknown = [photos_with_word(session, word, MOST_PHOTOS) for word in parsed.unknown]
    rare = [photos_with_word(session, word, few) for word in known]
    return WordHits(tuple(unknown), tuple(sorted(filter(len, rare), key=len)))


def lifted(score: NDArray[np.float32], unknown_words: NDArray[np.int64]) -> NDArray[np.float32]:
    """Scores [N] with every photo above all those that hold fewer unknown words."""
    step = np.ptp(score) + 1 if len(score) else 0
    raised: NDArray[np.float32] = (score + step * unknown_words).astype(np.float32)
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

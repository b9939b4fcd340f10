"""What people type, made from captions: one word or two that several captions of a photo share.

A photo fits a query where at least two of its captions hold all of the query's words (one, where
it has no more than two captions); where only one does, nobody can tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from captioner.vocabulary import tokenise
from captioner.word_forms import singular

# Words that say nothing of what a photo shows, and such as nobody searches for alone.
_STOP_WORDS = """
a an the and or of in on at with to from by for as is are was were be being been it its his her
their he she they him them this that these those there some several many few while which who
whose what where when into onto over under near next up down out off through across along around
behind front beside between above below before after against about all both each other another
one two three four five six not no very has have having had do does doing can will just so than
then too also more most 's s side top back get gets getting go goes going look looks looking
stand stands standing sit sits sitting make makes making take takes taking hold holds holding
wear wears wearing use using put puts playing play plays walk walks walking run runs running
show shows showing picture photo image view lot group bunch couple pair something someone
various different large small big little young old lying laying lays lies filled covered full
set sets day time way people person
"""
_STOP = frozenset(_STOP_WORDS.split())
_WORDS, _CAPTIONS = 24, 5  # of a caption, and of a photo, that are looked at
_SINGLE_WORDS = 3  # queries of one word for each photo


class ShortQueries:
    """Short queries of N photos, and which photos fit them."""

    def __init__(self, captions: Sequence[Sequence[str]], min_count: int, seed: int) -> None:
        counts = Counter(word for own in captions for text in own for word in tokenise(text))
        self._known = {word for word, count in counts.items() if count >= min_count}
        names = sorted({singular(word, self._known) for word in self._known})
        self._ids = {word: number for number, word in enumerate(names)}
        self._held = np.full((len(captions), _CAPTIONS, _WORDS), -1, np.int32)
        self._needed = np.array([2 if len(own) > 2 else 1 for own in captions])
        generator = np.random.default_rng(seed)
        found: dict[tuple[str, ...], int] = {}
        self.of_photo = [
            [found.setdefault(query, len(found)) for query in self._choose(row, own, generator)]
            for row, own in enumerate(captions)
        ]
        self.texts = [" ".join(query) for query in found]
        ends = [(self._ids[query[0]], self._ids[query[-1]]) for query in found]
        self._ends = np.array(ends, np.int32).reshape(-1, 2)

    def draw(
        self, photos: NDArray[np.int64], most: int, generator: np.random.Generator
    ) -> NDArray[np.int64]:
        """Numbers of at most `most` queries, one of each photo that has any."""
        own = [self.of_photo[photo] for photo in photos if self.of_photo[photo]]
        drawn = np.unique([queries[generator.integers(len(queries))] for queries in own])
        return generator.permutation(drawn)[:most].astype(np.int64)

    def fits(self, photos: NDArray[np.int64], queries: NDArray[np.int64]) -> NDArray[np.int8]:
        """Whether each of B photos fits each of M queries: 1, 0, or -1 where nobody can tell."""
        held = self._held[photos][..., None]  # [B,K,T,1]
        first, last = self._ends[queries].T  # [M] each
        named = ((held == first).any(axis=2) & (held == last).any(axis=2)).sum(axis=1)  # [B,M]
        sure = named >= self._needed[photos][:, None]
        return np.where(sure, 1, np.where(named > 0, -1, 0)).astype(np.int8)

    def _choose(
        self, row: int, captions: Sequence[str], generator: np.random.Generator
    ) -> Iterator[tuple[str, ...]]:
        """A photo's queries: up to three words, two neighbours, and two that stand apart."""
        words: Counter[str] = Counter()
        neighbours: Counter[tuple[str, ...]] = Counter()
        apart: Counter[tuple[str, ...]] = Counter()
        for number, text in enumerate(captions[:_CAPTIONS]):
            said = [singular(word, self._known) for word in tokenise(text)[:_WORDS]]
            self._held[row, number, : len(said)] = [self._ids.get(word, -1) for word in said]
            # Sorted, so that a run repeats itself: Python orders sets of words anew each time.
            telling = sorted({word for word in said if word in self._ids and word not in _STOP})
            words.update(telling)
            pairs = {pair for pair in pairwise(said) if set(pair).issubset(telling)}
            neighbours.update(sorted(pairs))
            apart.update(combinations(telling, 2))
        for counts, most in ((words, _SINGLE_WORDS), (neighbours, 1), (apart, 1)):
            shared = [key for key, count in counts.items() if count >= self._needed[row]]
            for place in generator.permutation(len(shared))[:most]:
                chosen = shared[place]
                query = (chosen,) if isinstance(chosen, str) else chosen
                yield query if generator.random() < 0.5 or counts is not apart else query[::-1]

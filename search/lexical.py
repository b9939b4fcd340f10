"""Lexical matches: photos whose names, tags or captions hold the query's own words.

A name was given by a person and is evidence of its own: the path, and what people wrote about a
photo. A caption was written by the captioner, and its words only propose photos. Names count in
two ways:

- Places. Photos come before all others whose file is named as the query, whose names hold all of
  its content words, or a word that the captioner never learned ("Lisbon", "IMG_2041"): the more the
  further up, and a word of its own before one inside a longer word ("hund" in "Schaeferhund").
- A bonus of _STRENGTH * m^2 / M in logits, where m is the sum of log(photos / photos named so) over
  the content words that stand in the photo's names (inverse document frequency, Spärck Jones 1972)
  and M that over all of them, one that stands in no name taken for average: the more, the rarer
  the name is and the more of the query it makes up. A word in every path adds nothing.

A tag is what the classifier sees: it proposes photos, and adds _OF_TAG times its probability times
what its word would add as a name. Its evidence is in the scores already, so that it decides between
photos that are nearly alike; it never adds more than a name of the same word, and is no certainty.

The likelihood orders photos in the same place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from captioner.vocabulary import tokenise
from catalog.fulltext import Lookup, look_up, photos_named_around, words_of
from catalog.tags import KnownTags
from catalog.words import is_unspaced, names_within, words_in
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
_OF_TAG = 0.1

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

    @property
    def is_lost(self) -> bool:
        """Whether no photo has it."""
        return not (self.common or len(self.ids))

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
class TaggedPhrase:
    """A phrase of the query that names tags, and the photos that have one of them.

    `words`: the content words in it. `ids` [N], ascending; `probability` [N]: of any of the tags.
    """

    phrase: str
    words: tuple[str, ...]
    ids: Ids
    probability: NDArray[np.float64]

    def chances(self, ids: Ids) -> NDArray[np.float64]:
        """The probability of each of the photos [N], 0 where it has no such tag."""
        rows = np.searchsorted(self.ids, ids).clip(max=len(self.ids) - 1)
        chances: NDArray[np.float64] = np.where(self.ids[rows] == ids, self.probability[rows], 0.0)
        return chances

    def rarity(self, photos: int) -> float:
        """log(photos / photos that have such a tag), at least 0."""
        return max(math.log(max(photos, 1) / len(self.ids)), 0.0)


@dataclass(frozen=True)
class WordHits:
    """Photos by what of the query stands in their names, tags or captions.

    `files`: ids [N] of those whose file is named as the query. `words`: its content words.
    `known`: ids [N] for each word that the captioner knows and each phrase of tags that few photos
    have, the rarest first. `photos`: how many there are in all. `tagged`: at least one photo each.
    """

    files: Ids
    words: tuple[NamedWord, ...]
    known: tuple[Ids, ...]
    photos: int
    tagged: tuple[TaggedPhrase, ...] = ()

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

    @property
    def are_lost(self) -> bool:
        """Whether no photo is named by any of the words."""
        return not len(self.files) and all(word.is_lost for word in self.words)

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
        """What rare names and tags add to each photo's score [N], in logits."""
        found = [word for word in self.words if word.common or len(word.ids)]
        rarities = [word.rarity(self.photos) for word in found]
        total = float(np.mean(rarities or 0.0)) * len(self.words)
        pairs = list(zip(found, rarities, strict=True))
        bonus = self._bonus_of_tags(ids, {word.word: rarity for word, rarity in pairs}, total)
        if total:
            parts = (rarity * word.strength(ids) for word, rarity in pairs)
            bonus += _STRENGTH * sum(parts, np.zeros(len(ids))) ** 2 / total
        as_scores: NDArray[np.float32] = bonus.astype(np.float32)
        return as_scores

    def _bonus_of_tags(
        self, ids: Ids, named: Mapping[str, float], total: float
    ) -> NDArray[np.float64]:
        """What tags add [N]; `named`: the rarity of words as names, `total`: M of all names."""
        bonus = np.zeros(len(ids))
        for each in self.tagged:
            as_names = (named[word] for word in each.words if word in named)
            rarity = min((each.rarity(self.photos), *as_names))
            if rarity:
                weight = rarity**2 / max(total, rarity * len(self.words))
                bonus += _STRENGTH * _OF_TAG * weight * each.chances(ids)
        return bonus

    def tags(self, photo_id: int) -> tuple[str, ...]:
        """The query's phrases that name tags of a photo."""
        return tuple(each.phrase for each in self.tagged if photo_id in each.ids)

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


def find_words(
    session: Session,
    parsed: ParsedQuery,
    few: int,
    photos: int,
    names: Callable[[Session], Collection[str]] = lambda session: (),
    tags: Callable[[Session], KnownTags] = KnownTags,
) -> WordHits:
    """Look the query's words up in a collection of so many photos.

    `names`: all words of their names, asked for where a text without spaces may hold some of them;
    `tags`: all tags.

    A known word proposes photos by its captions, and a phrase by tags, where at most `few` photos
    have it; commoner ones are left to the vectors, which stand for their meaning, too. 0 leaves
    all.
    """
    words = dict.fromkeys(parsed.tokens)
    content = [word for word in words if word not in FUNCTION_WORDS | _OF_ANY_PHOTO] or list(words)
    known = [word for word in words if word not in parsed.unknown] if few else []
    lookups = [Lookup.file("".join(parsed.tokens), MOST_PHOTOS)]
    lookups += [Lookup.name(word, MOST_PHOTOS) for word in content]
    lookups += [Lookup.word(word, few) for word in known]
    files, *found = look_up(session, lookups)
    named = dict(zip(content, found, strict=False))
    tagged = tuple(_tagged_phrases(session, tags(session), parsed, content))
    rare = [ids for ids in found[len(content) :] if ids is not None]
    rare += [each.ids for each in tagged if len(each.ids) <= few]
    return WordHits(
        files=_NONE if files is None else files,
        words=tuple(_named_words(session, named, parsed.unknown, names)),
        known=tuple(sorted(filter(len, rare), key=len)),
        photos=photos,
        tagged=tagged,
    )


def _tagged_phrases(
    session: Session, known: KnownTags, parsed: ParsedQuery, content: Sequence[str]
) -> Iterator[TaggedPhrase]:
    folded = [part for token in parsed.tokens for part in words_in(token)]
    for phrase, tags in known.named(folded).items():
        parts = frozenset(phrase.split())
        words = tuple(word for word in content if parts.issuperset(words_in(word)))
        found = known.photos(session, tags, MOST_PHOTOS) if words else None
        if found is not None and len(found[0]):
            yield TaggedPhrase(phrase, words, *found)


def _named_words(
    session: Session,
    content: Mapping[str, Ids | None],
    unknown: Collection[str],
    names: Callable[[Session], Collection[str]],
) -> Iterator[NamedWord]:
    """The content words, by the photos named so, which are None where they are too many.

    For a text without spaces that is in no name, the names within it.
    """
    for word, ids in content.items():
        named = _named_word(session, word, ids, word not in unknown)
        within: tuple[str, ...] = ()
        if word in unknown and is_unspaced(word) and named.is_lost:
            within = names_within(word, names(session))
        found = look_up(session, [Lookup.name(each, MOST_PHOTOS) for each in within])
        pairs = zip(within, found, strict=True)
        yield from [_named_word(session, *pair, is_known=False) for pair in pairs] or [named]


def _named_word(session: Session, word: str, named: Ids | None, is_known: bool) -> NamedWord:
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
    """Which of the query's words stand in each photo's names or captions, in their order."""
    words = {word: words_in(word) for word in dict.fromkeys(parsed.tokens)}
    stored = words_of(session, ids)
    return {
        key: tuple(word for word, parts in words.items() if parts and held.issuperset(parts))
        for key, held in stored.items()
    }

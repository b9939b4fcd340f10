"""Short queries for a test set: names of things that its own captions tell which photos show.

A photo fits a query where at least two of its captions name it; where one alone does, nobody can
tell. Photos with a single caption are told by that one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from captioner.dataset import CaptionedPhoto
from captioner.vocabulary import tokenise

# Photos that must fit a query for it to be asked
LEAST_PHOTOS = 5

_NOUNS_TEXT = """
airplane apple baby backpack bag ball balloon banana baseball basketball bathroom bathtub beach
bear bed bedroom bench bicycle bike bird boat book bottle bowl boy bread bride bridge broccoli
building bus cake camera candle car carrot cat chair child church city clock computer couch cow
crowd cup desk dessert dog door doughnut duck elephant face fence field fish flag flower food
football frisbee fruit giraffe girl glasses goat grass guitar hat helmet hill horse house jacket
kitchen kite knife lake lamp laptop leaf luggage man meat microwave mirror monkey motorcycle
mountain mud museum ocean office oven painting pan paper park phone pizza plant plate playground
pool puppy rabbit racket refrigerator restaurant river road rock rope sand sandwich scissors sea
sheep ship shirt shoe sign sink skateboard skateboarder ski skier skyscraper sled snow snowboard
soccer sofa soup stage stairs statue street suit suitcase sunglasses sunset surfboard surfer swing
table television tennis tent tie toilet toothbrush tower toy train tree truck umbrella uniform
vase vegetable violin wall waterfall wave wedding window wine woman zebra
"""
_NOUNS = tuple(_NOUNS_TEXT.split())
_COMPOUNDS = (
    "baseball bat", "baseball player", "birthday cake", "bus stop", "cell phone", "christmas tree",
    "clock tower", "coffee cup", "computer monitor", "dining table", "dirt bike", "fire hydrant",
    "hot dog", "living room", "parking lot", "race car", "ski slope", "stop sign", "street sign",
    "stuffed animal", "swimming pool", "teddy bear", "tennis court", "tennis player",
    "toilet seat", "traffic light", "train station", "wine glass",
)  # fmt: skip
_ADJECTIVES_TEXT = """
black white red blue green yellow brown orange pink wooden large small little young old wet
stuffed grassy snowy sandy rocky striped
"""
_ADJECTIVES = tuple(_ADJECTIVES_TEXT.split())
# What one who describes a photo calls a man another calls a person.
_PEOPLE_TEXT = "man woman boy girl child baby person people kid kids adult guy lady player bride"
_PEOPLE = frozenset(_PEOPLE_TEXT.split())
_PLURALS = {"man": "men", "woman": "women", "child": "children", "leaf": "leaves"}

# A query's parts; the words of each stand next to one another in a caption.
Parts = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class NounQuery:
    """A query, its parts, and which of N photos fit it: 1, 0, or -1 where nobody can tell."""

    text: str
    parts: Parts
    fits: NDArray[np.int8]  # [N]


def noun_queries(photos: Sequence[CaptionedPhoto], least: int = LEAST_PHOTOS) -> list[NounQuery]:
    """Nouns, adjectives with nouns, and two nouns that at least `least` photos fit."""
    captions = [_read(photo.captions) for photo in photos]
    needed = np.array([2 if len(own) > 1 else 1 for own in captions])
    asked = [*_things(), *_qualified(captions, least)]
    queries = []
    for text, parts in [*asked, *_pairs(captions, least)]:
        query = NounQuery(text, parts, _fits(captions, parts, needed))
        if (query.fits > 0).sum() >= least:
            queries.append(query)
    return queries


def captions_that_name(
    photos: Sequence[CaptionedPhoto], queries: Sequence[NounQuery]
) -> list[list[NDArray[np.bool_]]]:
    """For each query which of each photo's captions name all of it [K]."""
    captions = [_read(photo.captions) for photo in photos]
    return [
        [np.array([_mentions([text], query.parts) > 0 for text in own]) for own in captions]
        for query in queries
    ]


def absent_nouns(photos: Sequence[CaptionedPhoto]) -> list[str]:
    """Names of things that no caption of any of the photos mentions."""
    captions = [_read(photo.captions) for photo in photos]
    return [text for text, parts in _things() if not any(_mentions(own, parts) for own in captions)]


def things_in(captions: Sequence[str]) -> set[str]:
    """Nouns of things that any of the captions names, in the singular; people are one thing."""
    words = {word for text in _read(captions) for word in text.split()}
    things = {word for word in words if word in _NOUNS}
    return (things - _PEOPLE) | {"person" for word in words if word in _PEOPLE}


def shows_all_things(texts: Sequence[str], photos: Sequence[CaptionedPhoto]) -> NDArray[np.int8]:
    """Whether photos show all the things that sentences name [Q,N]: 1, 0, or -1: nobody can tell.

    By captions, as for noun queries. Of a sentence that names no thing nobody can tell.
    """
    told = [[things_in([caption]) for caption in photo.captions] for photo in photos]
    needed = np.array([2 if len(own) > 1 else 1 for own in told])
    rows = np.full((len(texts), len(photos)), -1, np.int8)
    for row, text in enumerate(texts):
        if things := things_in([text]):
            named = np.array([sum(things <= said for said in own) for own in told])
            rows[row] = np.where(named >= needed, 1, np.where(named > 0, -1, 0))
    return rows


def _things() -> list[tuple[str, Parts]]:
    return [
        *((noun, ((noun,),)) for noun in _NOUNS),
        *((text, (tuple(text.split()),)) for text in _COMPOUNDS),
    ]


def _qualified(captions: Sequence[Sequence[str]], least: int) -> list[tuple[str, Parts]]:
    """Nouns with an adjective before them, in captions of enough photos."""
    adjectives, nouns = set(_ADJECTIVES), set(_NOUNS)
    counts: Counter[tuple[str, str]] = Counter()
    for own in captions:
        counts.update({pair for text in own for pair in pairwise(text.split())})
    return [
        (" ".join(pair), (pair,))
        for pair, count in sorted(counts.items())
        if count >= least and pair[0] in adjectives and pair[1] in nouns
    ]


def _pairs(captions: Sequence[Sequence[str]], least: int) -> list[tuple[str, Parts]]:
    """Two nouns that stand apart in captions of enough photos."""
    compounds = [set(text.split()) for text in _COMPOUNDS]
    together: Counter[tuple[str, str]] = Counter()
    for own in captions:
        words = Counter(word for text in own for word in set(text.split()))
        together.update(combinations([noun for noun in _NOUNS if words[noun] > 1], 2))
    return [
        (f"{a} {b}", ((a,), (b,)))
        for (a, b), count in together.items()
        if count >= least and not any({a, b} <= words for words in compounds)
    ]


def _fits(
    captions: Sequence[Sequence[str]], parts: Parts, needed: NDArray[np.int64]
) -> NDArray[np.int8]:
    named = np.array([_mentions(own, parts) for own in captions])
    return np.where(named >= needed, 1, np.where(named > 0, -1, 0)).astype(np.int8)


def _mentions(captions: Sequence[str], parts: Parts) -> int:
    """How many captions name all parts."""
    wanted = [f" {' '.join(part)} " for part in parts]
    return sum(all(part in text for part in wanted) for text in captions)


_SINGULARS = (*_NOUNS, *(text.split()[-1] for text in _COMPOUNDS))
_FORMS = {
    form: noun
    for noun in _SINGULARS
    for form in (noun + "s", noun + "es", noun[:-1] + "ies", _PLURALS.get(noun, noun))
    if form not in _NOUNS
}


def _read(captions: Sequence[str]) -> list[str]:
    """Captions as words between spaces, nouns in the singular."""
    return [f" {' '.join(_FORMS.get(word, word) for word in tokenise(text))} " for text in captions]

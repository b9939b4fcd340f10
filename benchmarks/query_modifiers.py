"""Benchmark: do `not`, `rather than` and weights (`word^2`) do what they say?

    python -m benchmarks.query_modifiers --captions dev.tsv --images images

A photo shows a word if one of its captions, which people wrote, has it. Makes a table of
docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.collection import indexed, linked
from benchmarks.word_order import swap_roles
from captioner.dataset import CaptionedPhoto, read_captions
from captioner.vocabulary import tokenise
from search.engine import SearchEngine
from search.limits import LIKELIHOOD, STAGES
from search.request import SearchRequest

_SUBJECTS = ("dog", "man", "boy", "girl", "woman", "child")
_PLACES = ("snow", "grass", "water", "beach", "street", "field")
_SHOWN = 10
_SWAPS = 100


@dataclass(frozen=True)
class Scenes:
    """Who may be seen, and where."""

    subjects: Sequence[str] = _SUBJECTS
    places: Sequence[str] = _PLACES

    def all(self) -> list[tuple[str, str]]:
        """Every subject at every place."""
        return list(product(self.subjects, self.places))

    def another(self, place: str) -> str:
        """The place that follows."""
        return self.places[(self.places.index(place) + 1) % len(self.places)]


@dataclass(frozen=True)
class Asked:
    """A request with and without its contrast, the word to find and the word to lose."""

    plain: SearchRequest
    contrasted: SearchRequest
    wanted: str
    other: str


class Told:
    """What people wrote of each photo."""

    def __init__(self, photos: Sequence[CaptionedPhoto], ids: Sequence[int]) -> None:
        self._words = {
            key: {word for text in photo.captions for word in tokenise(text)}
            for key, photo in zip(ids, photos, strict=True)
        }

    def share(self, ids: Iterable[int], word: str) -> float:
        """Percent of photos that show a word."""
        return 100 * float(np.mean([word in self._words[key] for key in ids]))


def exclusions(stage: str, scenes: Scenes) -> list[Asked]:
    """A subject, not at a place."""
    return [
        Asked(
            SearchRequest(f"a {subject}", stage=stage),
            SearchRequest(f"a {subject}", stage=stage, excluded=(place,)),
            subject,
            place,
        )
        for subject, place in scenes.all()
    ]


def preferences(stage: str, scenes: Scenes) -> list[Asked]:
    """A subject at one place rather than at another."""
    return [
        Asked(
            SearchRequest(f"a {subject}", stage=stage),
            SearchRequest(
                f"a {subject} in the {place}",
                stage=stage,
                rather_than=f"a {subject} in the {scenes.another(place)}",
            ),
            place,
            scenes.another(place),
        )
        for subject, place in scenes.all()
    ]


def weights(stage: str, scenes: Scenes) -> list[Asked]:
    """A subject at a place, where the place counts three times."""
    return [
        Asked(
            SearchRequest(f"a {subject} in the {place}", stage=stage),
            SearchRequest(f"a {subject} in the {place}^3", stage=stage),
            place,
            subject,
        )
        for subject, place in scenes.all()
    ]


def compare(engine: SearchEngine, told: Told, asked: Sequence[Asked]) -> list[float]:
    """Mean percent of the first ten that show wanted and other word: plain, then contrasted."""
    shares = []
    for each in asked:
        row = []
        for request in (each.plain, each.contrasted):
            ids = [result.photo_id for result in engine.search(request).results[:_SHOWN]]
            row += [told.share(ids, each.wanted), told.share(ids, each.other)]
        shares.append(row)
    means: list[float] = np.mean(shares, axis=0).tolist()
    return means


def swapped_roles(
    engine: SearchEngine, photos: Sequence[CaptionedPhoto], ids: Sequence[int]
) -> tuple[int, float, float]:
    """Captions asked rather than the same with their two actors exchanged.

    Returns how many there are, and the median rank of their photos without and with contrast.
    """
    ranks: list[tuple[int, int]] = []
    for key, photo in zip(ids, photos, strict=True):
        for text in photo.captions:
            swapped = swap_roles(tuple(tokenise(text)))
            if swapped and len(ranks) < _SWAPS:
                plain = SearchRequest(text, stage=LIKELIHOOD)
                contrasted = SearchRequest(text, stage=LIKELIHOOD, rather_than=" ".join(swapped))
                ranks.append((_rank(engine, plain, key), _rank(engine, contrasted, key)))
    without, using = np.median(np.array(ranks).reshape(-1, 2), axis=0).tolist() or (0, 0)
    return len(ranks), without, using


def _rank(engine: SearchEngine, request: SearchRequest, photo_id: int) -> int:
    place = engine.rank(engine.read(request)).place(photo_id)
    if place is None:
        raise RuntimeError(f"photo {photo_id} was not ranked")
    return place


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--captions", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--subjects", nargs="+", default=_SUBJECTS)
    parser.add_argument("--places", nargs="+", default=_PLACES, help="two or more")
    options = parser.parse_args()
    photos = read_captions(options.captions, options.images)
    with (
        linked([photo.path for photo in photos]) as folder,
        indexed([folder]) as (engine, views),
    ):
        ids = [view.photo_id for view in views]
        _print_table(engine, Told(photos, ids), Scenes(options.subjects, options.places))
        count, without, using = swapped_roles(engine, photos, ids)
    print(
        f"\n{count} captions rather than the same with actors exchanged: median rank of their "
        f"photo {without:g} without, {using:g} with (likelihood)"
    )


def _print_table(engine: SearchEngine, told: Told, scenes: Scenes) -> None:
    print(f"percent of the first {_SHOWN} that show the word to find / the word to lose\n")
    print("| asked | stage | plain | with it |\n| --- | --- | --- | --- |")
    kinds: dict[str, Callable[[str, Scenes], list[Asked]]] = {
        '"a dog" `--not snow`': exclusions,
        '"a dog in the snow" `--rather-than "a dog in the grass"`': preferences,
        '"a dog in the snow^3" (find: snow, lose: dog)': weights,
    }
    for name, make in kinds.items():
        for stage in STAGES:
            found = [f"{share:.0f}" for share in compare(engine, told, make(stage, scenes))]
            print(f"| {name} | {stage} | {' / '.join(found[:2])} | {' / '.join(found[2:])} |")


if __name__ == "__main__":
    main()

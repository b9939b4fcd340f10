"""What the tools of `tellshow mcp` answer, as pydantic models whose schemas assistants read.

Shorter than the JSON API, since every word of an answer takes room in a conversation.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field

from catalog.paths import show_path

if TYPE_CHECKING:
    from captioner.tags import Tag
    from catalog.views import PhotoView
    from search.explain import Explanation
    from search.guess import Guess
    from search.rerank import WordGain
    from search.results import SearchAnswer, SearchResult, SimilarPhoto

Probability = Annotated[float, Field(ge=0, le=1)]

_PERHAPS = (
    "The model's guess at what the photo shows: a caption, or classes where no caption is probable "
    "enough; may be wrong, and is empty where nothing is"
)


class Word(BaseModel):
    """A word of the sentence, and what the photo adds to it."""

    word: str = Field(description="The word, as it was read")
    gain: float = Field(
        description="Its share of the evidence, in nats: above 0 the photo speaks for the word, "
        "below 0 against it"
    )


class PlacedWord(Word):
    """A word with where in the photo it is seen."""

    where: str = Field(
        description="The part of the photo that speaks for it, such as 'top left 38%'; 'all over', "
        "'as a whole', or 'nowhere'"
    )


class FoundPhoto(BaseModel):
    """A photo that a search found, and how well it fits."""

    photo_id: int = Field(description="Its number, for the tools photo, similar and explain")
    path: str = Field(description="Its file")
    probability: Probability = Field(description="How probable it is that it fits the sentence")
    weak: bool = Field(
        description="true: too improbable to convince, so it is probably not what was asked for"
    )
    perhaps: str = Field(description=_PERHAPS)
    matched: list[str] = Field(
        description="Words of the sentence that stand in its path, its captions, or what people "
        "wrote about it"
    )
    words: list[Word] = Field(description="Every word of the sentence")


class Found(BaseModel):
    """Photos for a sentence, best first."""

    photos: list[FoundPhoto] = Field(description="Best first; weak ones come last")
    nothing_fits: bool = Field(
        description="true: every photo is weak, so the collection probably holds no such photo"
    )
    more: bool = Field(description="Whether a larger offset gives further photos")
    unknown_words: list[str] = Field(
        description="Words that the model never learned; it finds them in names and notes alone"
    )
    nearest_words: dict[str, str] = Field(
        description="Unknown word -> the known word that stood in for it"
    )
    note: str = Field(description="Why there is no photo, and what to do; else empty")


class SimilarFound(BaseModel):
    """A photo that looks like another."""

    photo_id: int = Field(description="Its number")
    path: str = Field(description="Its file")
    similarity: float = Field(description="How alike they look to the model, a cosine, at most 1")
    perhaps: str = Field(description=_PERHAPS)


class SimilarPhotos(BaseModel):
    """Photos that look like another, best first."""

    photos: list[SimilarFound] = Field(description="Best first, without the photo itself")


class Details(BaseModel):
    """What is known about one photo."""

    photo_id: int = Field(description="Its number")
    path: str = Field(description="Its file")
    width: int = Field(description="Pixels of the upright original")
    height: int = Field(description="Pixels of the upright original")
    format: str = Field(description="What the file was found to be, such as JPEG")
    size: int = Field(description="Bytes")
    taken_at: str | None = Field(description="When, by the clock where it was taken (ISO 8601)")
    camera: str | None = Field(description="Maker and model")
    lens: str | None = Field(description="Maker and model, else focal lengths and f-numbers")
    latitude: float | None = Field(description="Degrees")
    longitude: float | None = Field(description="Degrees")
    title: str | None = Field(description="The title that people gave it")
    description: str | None = Field(description="What people wrote about it")
    rating: int | None = Field(description="The stars people gave it; -1 where they rejected it")
    keywords: list[str] = Field(description="The keywords that people gave it")
    people: list[str] = Field(description="Who is on it, as people named them")
    captions: list[str] = Field(description="The model's sentences, best first: guesses")
    caption_probability: Probability = Field(
        description="How probable it is that the photo shows all that the first caption names"
    )
    tags: list[str] = Field(description="Classes that the model sees, likeliest first: guesses")


class Explained(BaseModel):
    """What every word of a sentence gains on one photo."""

    photo_id: int = Field(description="The photo")
    evidence: float = Field(
        description="How much likelier the photo makes the sentence than it is without any photo, "
        "in nats"
    )
    words: list[PlacedWord] = Field(description="Every word of the sentence")
    costliest: str | None = Field(
        description="The word that fits the photo least; null where fewer than two are known"
    )
    without_costliest: str | None = Field(description="The sentence without that word")
    unknown_words: list[str] = Field(description="Words that the model never learned")
    nearest_words: dict[str, str] = Field(
        description="Unknown word -> the known word that stood in for it"
    )


def found_photos(answer: SearchAnswer, guesses: dict[int, Guess], note: str) -> Found:
    """The answer of a search, with what may be said of each photo."""
    return Found(
        photos=[_found(each, guesses.get(each.photo_id)) for each in answer.results],
        nothing_fits=answer.nothing_fits,
        more=answer.more,
        unknown_words=list(answer.unknown_words),
        nearest_words=answer.nearest_words,
        note=note,
    )


def _found(result: SearchResult, guess: Guess | None) -> FoundPhoto:
    return FoundPhoto(
        photo_id=result.photo_id,
        path=result.path,
        probability=round(result.probability, 3),
        weak=result.weak,
        perhaps=str(guess or ""),
        matched=list(result.matched),
        words=_words(result.words),
    )


def _words(words: Iterable[WordGain]) -> list[Word]:
    return [Word(word=each.word, gain=round(each.gain, 2)) for each in words]


def similar_found(found: Sequence[SimilarPhoto], guesses: dict[int, Guess]) -> SimilarPhotos:
    """Photos like another one, with what may be said of each."""
    return SimilarPhotos(
        photos=[
            SimilarFound(
                photo_id=each.photo_id,
                path=each.path,
                similarity=round(each.similarity, 3),
                perhaps=str(guesses.get(each.photo_id, "")),
            )
            for each in found
        ]
    )


def details(view: PhotoView, tags: Sequence[Tag], caption_probability: float) -> Details:
    """One photo as the catalog has it, with the classes that the captioner sees."""
    return Details(
        photo_id=view.photo_id,
        path=show_path(os.fsencode(view.full_path)),
        width=view.width,
        height=view.height,
        format=view.format,
        size=view.size,
        taken_at=view.taken.isoformat() if view.taken else None,
        camera=view.camera,
        lens=view.lens,
        latitude=view.latitude,
        longitude=view.longitude,
        title=view.title,
        description=view.description,
        rating=view.rating,
        keywords=list(view.keywords),
        people=list(view.people),
        captions=[text for text, _ in view.captions],
        caption_probability=round(caption_probability, 3),
        tags=[tag.name for tag in tags],
    )


def explained(photo_id: int, found: Explanation) -> Explained:
    """The explanation of a sentence on a photo, its maps in words."""
    from search.explain import place_of

    return Explained(
        photo_id=photo_id,
        evidence=round(found.evidence, 2),
        words=[
            PlacedWord(word=each.word, gain=round(each.gain, 2), where=place_of(each))
            for each in found.words
        ],
        costliest=found.costliest.word if found.costliest else None,
        without_costliest=found.costliest.without if found.costliest else None,
        unknown_words=list(found.unknown_words),
        nearest_words=found.nearest_words,
    )

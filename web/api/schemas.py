"""What the JSON API answers, field by field, for its description and for those who check answers.

Knows nothing about how answers come about; other modules give them the shape that stands here.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0, le=1)]


def told(meaning: str, **more: Any) -> Any:
    """A field with what it means."""
    return Field(description=meaning, **more)


def shown(example: dict[str, Any]) -> ConfigDict:
    """The configuration of a model that has an example."""
    return ConfigDict(json_schema_extra={"example": example})


_WORD = {"word": "dog", "gain": 3.9}
_ROW = [0.01, 0.02, 0.02, 0.02, 0.02, 0.02, 0.01]
_MAPPED = {**_WORD, "map": [_ROW, _ROW, _ROW, [0.01, 0.05, 0.1, 0.2, 0.1, 0.05, 0.01]] + [_ROW] * 3}
_LINKS = {"url": "/api/v1/photos/22", "thumbnail_url": "/api/v1/photos/22/thumbnail"}
_FOUND = {
    "photo_id": 22,
    "path": "/home/ada/Pictures/dog.jpg",
    "caption": "a dog is running in the snow",
}


class Error(BaseModel):
    """What went wrong."""

    code: str = told("What went wrong, for programs")
    message: str = told("What went wrong, for people; may change")
    hint: str = told("What to do about it, for people; may change")


class ErrorAnswer(BaseModel):
    """The one shape of every error."""

    model_config = shown(
        {
            "error": {
                "code": "invalid_query",
                "message": "k must be from 1 to 200",
                "hint": "Check the parameter k.",
            }
        }
    )
    error: Error


class Word(BaseModel):
    """A word of a sentence, and what the photo adds to it."""

    model_config = shown(_WORD)
    word: str = told("The word, as it was read")
    gain: float = told("Its share of the evidence, in nats")


class MappedWord(Word):
    """A word with where it was looked for."""

    model_config = shown(_MAPPED)
    map: list[list[float]] = told(
        "Where the model looked: seven rows from the top, seven numbers in each, together 1; "
        "they lie over the whole upright photo, stretched to its shape",
        min_length=7,
        max_length=7,
    )


class Understood(BaseModel):
    """How a text was read."""

    query: str = told("The text as it was received")
    unknown_words: list[str] = told("Words that the model never learned")
    nearest_words: dict[str, str] = told("Unknown word -> the known word that stood in for it")


class Paged(BaseModel):
    """One page of results, and where the others are."""

    next: str | None = told("Where the next page is; null on the last")
    previous: str | None = told("Where the page before is; null on the first")


class SimilarPhoto(BaseModel):
    """A photo that looks like another."""

    model_config = shown({**_FOUND, "similarity": 0.93, **_LINKS})
    photo_id: int = told("The photo's number", ge=0)
    path: str = told("Its file; bytes of a name that are no text show as ?")
    caption: str = told("The model's best caption")
    similarity: float = told("How much alike the photos look to the model, a cosine")
    url: str = told("Where the photo is described")
    thumbnail_url: str = told("Where its thumbnail is")


class SearchResult(BaseModel):
    """A photo, and why it was found."""

    photo_id: int = told("The photo's number", ge=0)
    path: str = told("Its file; bytes of a name that are no text show as ?")
    caption: str = told("The model's best caption")
    score: float = told("What the order comes from; comparable within one answer only")
    log_likelihood: float = told("log p(sentence | photo), in nats; 0 if no word is known")
    evidence: float = told("How much of that the photo adds, in nats")
    similarity: float = told("The first stage's similarity, a cosine")
    words: list[MappedWord | Word] = told("Every word of the sentence; with `explain` its map too")
    matched: list[str] = told("Words that stand in the photo's path or captions as they are")
    probability: Probability = told("How probable it is that the photo fits the plain sentence")
    weak: bool = told("Whether that is too improbable to convince")
    url: str = told("Where the photo is described")
    thumbnail_url: str = told("Where its thumbnail is")


class SearchAnswer(Understood, Paged):
    """Photos for a sentence, best first."""

    model_config = shown(
        {
            "query": "a dog runs through the snow",
            "unknown_words": [],
            "nearest_words": {},
            "took_ms": 83.7,
            "candidates": 200,
            "nothing_fits": False,
            "results": [
                {
                    **_FOUND,
                    "score": 2.31,
                    "log_likelihood": -9.82,
                    "evidence": 14.05,
                    "similarity": 0.61,
                    "words": [{"word": "a", "gain": 0.2}, _WORD],
                    "matched": ["a", "dog", "snow"],
                    "probability": 0.93,
                    "weak": False,
                    **_LINKS,
                }
            ],
            "next": "/api/v1/search?q=a+dog+runs+through+the+snow&k=1&offset=1",
            "previous": None,
        }
    )
    took_ms: float = told("Milliseconds the search took in the server", ge=0)
    candidates: int = told("How many photos were ranked; pages end there", ge=0)
    nothing_fits: bool = told("Whether every photo that was ranked is weak")
    results: list[SearchResult] = told("The photos, best first")


class PictureAnswer(BaseModel):
    """Photos like the picture that was sent, best first."""

    model_config = shown({"results": [{**_FOUND, "similarity": 0.93, **_LINKS}]})
    results: list[SimilarPhoto] = told("The photos, best first")


class SimilarAnswer(Paged):
    """Photos like a stored one, best first."""

    model_config = shown(
        {
            "photo_id": 57,
            "results": [{**_FOUND, "similarity": 0.93, **_LINKS}],
            "next": "/api/v1/photos/57/similar?k=1&offset=1",
            "previous": None,
        }
    )
    photo_id: int = told("The photo that was asked about", ge=0)
    results: list[SimilarPhoto] = told("Other photos, best first")


class Caption(BaseModel):
    """A sentence of the model about a photo."""

    text: str = told("The sentence")
    log_likelihood: float = told("Its log-likelihood, in nats")


class Photo(BaseModel):
    """What is known about one photo."""

    model_config = shown(
        {
            "photo_id": 22,
            "path": "/home/ada/Pictures/dog.jpg",
            "width": 4032,
            "height": 3024,
            "format": "JPEG",
            "size": 2914321,
            "taken_at": "2021-02-14T15:32:08",
            "camera": "FUJIFILM X-T3",
            "latitude": 46.41,
            "longitude": 11.84,
            "indexed_at": "2026-01-02T10:05:44",
            "captions": [{"text": "a dog is running in the snow", "log_likelihood": -7.64}],
            "thumbnail_url": "/api/v1/photos/22/thumbnail",
            "original_url": "/api/v1/photos/22/original",
        }
    )
    photo_id: int = told("The photo's number", ge=0)
    path: str = told("Its file; bytes of a name that are no text show as ?")
    width: int = told("Pixels of the upright original", ge=1)
    height: int = told("Pixels of the upright original", ge=1)
    format: str = told("What the file was found to be, such as JPEG")
    size: int = told("Bytes", ge=0)
    taken_at: str | None = told("When, by the camera's clock (ISO 8601)")
    camera: str | None = told("Maker and model")
    latitude: float | None = told("Degrees")
    longitude: float | None = told("Degrees")
    indexed_at: str = told("When it was indexed (ISO 8601)")
    captions: list[Caption] = told("The model's sentences, best first")
    thumbnail_url: str = told("Where its thumbnail is")
    original_url: str = told("Where its own file is")


class Costliest(BaseModel):
    """The known word with the lowest gain."""

    word: str = told("The word")
    gain: float = told("Its gain, in nats; may be above 0")
    without: str = told("The sentence as it was read, without that word")
    log_likelihood: float = told("What that sentence has on this photo, in nats")
    evidence: float = told("What that sentence has on this photo, in nats")


class Explanation(Understood):
    """What every word of a sentence gains on one photo, and where it was looked for."""

    model_config = shown(
        {
            "photo_id": 22,
            "query": "a red dog in the snow",
            "unknown_words": [],
            "nearest_words": {},
            "log_likelihood": -15.1,
            "evidence": 5.3,
            "words": [_MAPPED],
            "costliest": {
                "word": "red",
                "gain": -2.9,
                "without": "a dog in the snow",
                "log_likelihood": -9.2,
                "evidence": 9.6,
            },
        }
    )
    photo_id: int = told("The photo's number", ge=0)
    log_likelihood: float = told("log p(sentence | photo), in nats; 0 if no word is known")
    evidence: float = told("How much of that the photo adds, in nats")
    words: list[MappedWord] = told("Every word of the sentence as it was read")
    costliest: Costliest | None = told("null where fewer than two words are known")


class RankedSentence(BaseModel):
    """A sentence, and how well it fits the photo."""

    sentence: str = told("The sentence as it was received")
    log_likelihood: float = told("log p(sentence | photo), in nats; 0 if no word is known")
    evidence: float = told("How much of that the photo adds, in nats")
    words: list[Word] = told("Every word of the sentence as it was read")
    unknown_words: list[str] = told("Words that the model never learned")
    nearest_words: dict[str, str] = told("Unknown word -> the known word that stood in for it")


class RankAnswer(BaseModel):
    """Sentences for a photo, best first."""

    model_config = shown(
        {
            "photo_id": 22,
            "candidates": 2,
            "sentences": [
                {
                    "sentence": "a dog in the snow",
                    "log_likelihood": -9.2,
                    "evidence": 9.6,
                    "words": [{"word": "a", "gain": 0.1}, _WORD],
                    "unknown_words": [],
                    "nearest_words": {},
                }
            ],
        }
    )
    photo_id: int = told("The photo's number", ge=0)
    candidates: int = told("How many sentences were ranked", ge=0)
    sentences: list[RankedSentence] = told("Best first by evidence; unreadable ones at the end")


class Completion(BaseModel):
    """A word that may come next."""

    text: str = told("What was typed, with the word in its place")
    word: str = told("The word")
    probability: Probability = told("p(word | the words before it)")


class Completions(Understood):
    """Words that may come next, likeliest first."""

    model_config = shown(
        {
            "query": "a dog r",
            "unknown_words": [],
            "nearest_words": {},
            "completions": [{"text": "a dog runs", "word": "runs", "probability": 0.098}],
        }
    )
    completions: list[Completion] = told("Likeliest first; empty where nothing fits")


class Root(BaseModel):
    """An indexed folder."""

    path: str = told("The folder")
    photos: int = told("How many photos are in it", ge=0)
    online: bool = told("Whether it can be reached")


class Model(BaseModel):
    """A captioner that was used here."""

    name: str = told("Its name")
    sha256: str = told("The SHA-256 of its file")
    photos: int = told("How many photos it has indexed", ge=0)
    answers: bool = told("Whether it answers searches")


class Status(BaseModel):
    """What is indexed, and by which models."""

    model_config = shown(
        {
            "photos": 7000,
            "captions": 21000,
            "failures": 3,
            "model": "mobilenet",
            "embedder": "all-MiniLM-L6-v2",
            "vectors": 14000,
            "models": [{"name": "mobilenet", "sha256": "9f2c…", "photos": 7000, "answers": True}],
            "roots": [{"path": "/home/ada/Pictures", "photos": 7000, "online": True}],
            "sqlite": "3.51.3",
        }
    )
    photos: int = told("How many photos are indexed", ge=0)
    captions: int = told("How many captions are stored", ge=0)
    failures: int = told("How many files could not be read as photos", ge=0)
    model: str = told("The captioner in use")
    embedder: str = told("The sentence embedder in use")
    vectors: int = told("How many vectors are stored", ge=0)
    models: list[Model] = told("All captioners that were used here, oldest first")
    roots: list[Root] = told("The indexed folders")
    sqlite: str | None = told("Version of SQLite; null on another database")


class Health(BaseModel):
    """That the server runs."""

    model_config = shown({"status": "ok"})
    status: str = told("ok")

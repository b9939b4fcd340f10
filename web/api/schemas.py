"""Pydantic models of the API's answers, for its OpenAPI document and for tests of the answers.

Most describe a dataclass of search/; a test holds their fields equal in name and type.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0, le=1)]


def described_field(meaning: str, **more: Any) -> Any:
    """A required field with its description."""
    return Field(description=meaning, **more)


def sometimes_field(meaning: str) -> Any:
    """A field with its description that is left out where it has no value, and never null."""
    return Field(None, description=meaning, json_schema_extra=_drop_null)


def _drop_null(schema: dict[str, Any]) -> None:
    """Narrow the schema of an optional field to its values; a default would make it required."""
    del schema["default"]
    value, _ = schema.pop("anyOf")
    schema.update(value)


def with_example(example: dict[str, Any]) -> ConfigDict:
    """The configuration of a model with an example."""
    return ConfigDict(json_schema_extra={"example": example})


_WORD = {"word": "dog", "gain": 3.9}
_ROW = [0.01, 0.02, 0.02, 0.02, 0.02, 0.02, 0.01]
_MAPPED = {**_WORD, "map": [_ROW, _ROW, _ROW, [0.01, 0.05, 0.1, 0.2, 0.1, 0.05, 0.01]] + [_ROW] * 3}
_LINKS = {"url": "/api/v1/photos/22", "thumbnail_url": "/api/v1/photos/22/thumbnail"}
_PLACE = {
    "town": "Falcade Alto",
    "region": "Veneto",
    "country": "Italy",
    "distance_km": 6.2,
}
_FOUND = {
    "photo_id": 22,
    "path": "/home/ada/Pictures/dog.jpg",
    "caption": "a dog is running in the snow",
    "caption_probability": 0.71,
}


class Error(BaseModel):
    """What went wrong."""

    code: str = described_field("What went wrong, for programs")
    message: str = described_field("What went wrong, for people; may change")
    hint: str = described_field("What to do about it, for people; may change")


class ErrorAnswer(BaseModel):
    """The one shape of every error."""

    model_config = with_example(
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

    model_config = with_example(_WORD)
    word: str = described_field("The word, as it was read")
    gain: float = described_field("Its share of the evidence, in nats")


class MappedWord(Word):
    """A word with where it was looked for."""

    model_config = with_example(_MAPPED)
    map: list[list[float]] = described_field(
        "Where the word is seen: seven rows from the top, seven numbers in each, together 1, for "
        "what the word loses where that place is hidden; they lie over the whole upright photo, "
        "stretched to its shape. Empty where no place stands out, and for words that name nothing "
        "to be seen: the photo speaks for the word as "
        "a whole, or not at all (`gain` below 0)",
        max_length=7,
    )


class Understood(BaseModel):
    """How a text was read."""

    query: str = described_field("The text as it was received")
    unknown_words: list[str] = described_field("Words that the model never learned")
    nearest_words: dict[str, str] = described_field(
        "Unknown word -> the known word that stood in for it"
    )


class Paged(BaseModel):
    """One page of results, and where the others are."""

    next: str | None = described_field("Where the next page is; null on the last")
    previous: str | None = described_field("Where the page before is; null on the first")


class SimilarPhoto(BaseModel):
    """A photo that looks like another."""

    model_config = with_example({**_FOUND, "similarity": 0.93, **_LINKS})
    photo_id: int = described_field("The photo's number", ge=0)
    path: str = described_field("Its file; bytes of a name that are no text show as ?")
    caption: str = described_field("The model's best caption, a guess")
    caption_probability: Probability = described_field(
        "How probable it is that the photo shows all that the caption names"
    )
    similarity: float = described_field("How much alike the photos look to the model, a cosine")
    url: str = described_field("Where the photo is described")
    thumbnail_url: str = described_field("Where its thumbnail is")


class SearchResult(BaseModel):
    """A photo, and why it was found."""

    photo_id: int = described_field("The photo's number", ge=0)
    path: str = described_field("Its file; bytes of a name that are no text show as ?")
    caption: str = described_field("The model's best caption, a guess")
    caption_probability: Probability = described_field(
        "How probable it is that the photo shows all that the caption names"
    )
    score: float = described_field("What the order comes from; comparable within one answer only")
    log_likelihood: float = described_field(
        "log p(sentence | photo), in nats; 0 if no word is known"
    )
    evidence: float = described_field("How much of that the photo adds, in nats")
    similarity: float = described_field("The first stage's similarity, a cosine")
    words: list[MappedWord | Word] = described_field(
        "Every word of the sentence; with `explain` its map too"
    )
    matched: list[str] = described_field(
        "Words that stand in the photo's path, in its captions or in what people wrote about it"
    )
    probability: Probability = described_field(
        "How probable it is that the photo fits the plain sentence"
    )
    weak: bool = described_field("Whether that is too improbable to convince")
    image_similarity: float | None = sometimes_field(
        "How near the home's image embedder puts it, in deviations from the mean photo; left out "
        "where there is none"
    )
    url: str = described_field("Where the photo is described")
    thumbnail_url: str = described_field("Where its thumbnail is")


class SearchAnswer(Understood, Paged):
    """Photos for a sentence, best first."""

    model_config = with_example(
        {
            "query": "a dog runs through the snow",
            "unknown_words": [],
            "nearest_words": {},
            "did_you_mean": None,
            "not_english": False,
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
    did_you_mean: str | None = described_field(
        "The text in another spelling, where a word that nobody knows is nearly one that is known; "
        "else null"
    )
    not_english: bool = described_field(
        "Whether the text seems to be in another language than the English that the models "
        "learned, and no photo is named by a word of it; no word then stands in for another"
    )
    took_ms: float = described_field("Milliseconds the search took in the server", ge=0)
    candidates: int = described_field(
        "How many photos were ranked together; all others come after them", ge=0
    )
    nothing_fits: bool = described_field("Whether every one of these photos is weak")
    results: list[SearchResult] = described_field("The photos, best first")


class GearCount(BaseModel):
    """A camera or a lens of the collection."""

    name: str = described_field("Its name, as `camera` or `lens` takes it")
    photos: int = described_field("How many photos that finds", ge=0)


class PlaceCount(BaseModel):
    """A country, or a town in it, near which photos were taken."""

    name: str = described_field("The country's or the town's full name, as `place` takes it")
    town: str = described_field("The town with its region; empty for a country")
    photos: int = described_field("How many photos that finds", ge=0)


class YearCount(BaseModel):
    """A year in which photos were taken."""

    year: int = described_field("The year, by the clock where they were taken")
    photos: int = described_field("How many were", ge=0)


class FilterChoices(BaseModel):
    """What a search can be narrowed by."""

    model_config = with_example(
        {
            "cameras": [{"name": "FUJIFILM X-T3", "photos": 412}],
            "lenses": [{"name": "FUJIFILM XF35mmF2 R WR", "photos": 127}],
            "places": [
                {"name": "Italy", "town": "", "photos": 61},
                {
                    "name": "Canazei, Trentino-Alto Adige, Italy",
                    "town": "Canazei, Trentino-Alto Adige",
                    "photos": 12,
                },
            ],
            "years": [{"year": 2021, "photos": 388}, {"year": 2020, "photos": 97}],
        }
    )
    cameras: list[GearCount] = described_field("The cameras, by name")
    lenses: list[GearCount] = described_field("The lenses, by name")
    places: list[PlaceCount] = described_field(
        "The countries by name, each followed by its towns; of towns those with most photos"
    )
    years: list[YearCount] = described_field("The years, the newest first")


class PictureAnswer(BaseModel):
    """Photos like the picture that was sent, best first."""

    model_config = with_example({"results": [{**_FOUND, "similarity": 0.93, **_LINKS}]})
    results: list[SimilarPhoto] = described_field("The photos, best first")


class SimilarAnswer(Paged):
    """Photos like a stored one, best first."""

    model_config = with_example(
        {
            "photo_id": 57,
            "results": [{**_FOUND, "similarity": 0.93, **_LINKS}],
            "next": "/api/v1/photos/57/similar?k=1&offset=1",
            "previous": None,
        }
    )
    photo_id: int = described_field("The photo that was asked about", ge=0)
    results: list[SimilarPhoto] = described_field("Other photos, best first")


class Caption(BaseModel):
    """A sentence of the model about a photo."""

    text: str = described_field("The sentence")
    log_likelihood: float = described_field("Its log-likelihood, in nats")


class Tag(BaseModel):
    """A class of the backbone's classifier."""

    name: str = described_field("The class, as ImageNet names it")
    probability: float = described_field("That the photo shows it, 0 to 1", ge=0, le=1)


class Place(BaseModel):
    """The town nearest to where a photo was taken."""

    town: str = described_field("The town")
    region: str | None = described_field("The region that it lies in")
    country: str = described_field("The country that it lies in")
    distance_km: float = described_field("How far from there the photo was taken", ge=0)


class Photo(BaseModel):
    """What is known about one photo."""

    model_config = with_example(
        {
            "photo_id": 22,
            "path": "/home/ada/Pictures/dog.jpg",
            "width": 4032,
            "height": 3024,
            "format": "JPEG",
            "size": 2914321,
            "taken_at": "2021-02-14T15:32:08",
            "taken_from": "exif",
            "camera": "FUJIFILM X-T3",
            "lens": "FUJIFILM XF35mmF2 R WR",
            "latitude": 46.41,
            "longitude": 11.84,
            "place": _PLACE,
            "title": "Rex in the Dolomites",
            "description": None,
            "rating": 4,
            "keywords": ["winter", "holidays"],
            "people": ["Ada"],
            "indexed_at": "2026-01-02T10:05:44",
            "captions": [{"text": "a dog is running in the snow", "log_likelihood": -7.64}],
            "caption_probability": 0.71,
            "tags": [{"name": "Siberian husky", "probability": 0.62}],
            "thumbnail_url": "/api/v1/photos/22/thumbnail",
            "original_url": "/api/v1/photos/22/original",
        }
    )
    photo_id: int = described_field("The photo's number", ge=0)
    path: str = described_field("Its file; bytes of a name that are no text show as ?")
    width: int = described_field("Pixels of the upright original", ge=1)
    height: int = described_field("Pixels of the upright original", ge=1)
    format: str = described_field("What the file was found to be, such as JPEG")
    size: int = described_field("Bytes", ge=0)
    taken_at: str | None = described_field("When, by the clock where it was taken (ISO 8601)")
    taken_from: str | None = described_field("How that is known: exif, name, xmp or file")
    camera: str | None = described_field("Maker and model")
    lens: str | None = described_field("Maker and model, else focal lengths and f-numbers")
    latitude: float | None = described_field("Degrees")
    longitude: float | None = described_field("Degrees")
    place: Place | None = described_field("The nearest town; null: not known, or none is near")
    title: str | None = described_field("The title that people gave it")
    description: str | None = described_field("What people wrote about it")
    rating: int | None = described_field(
        "The stars that people gave it; -1 where they rejected it", ge=-1, le=5
    )
    keywords: list[str] = described_field("The keywords that people gave it")
    people: list[str] = described_field("Who is on it, as people named them")
    indexed_at: str = described_field("When it was indexed (ISO 8601)")
    captions: list[Caption] = described_field("The model's sentences, best first")
    caption_probability: Probability = described_field(
        "How probable it is that the photo shows all that the first of them names"
    )
    tags: list[Tag] = described_field("What the classifier sees, likeliest first")
    thumbnail_url: str = described_field("Where its thumbnail is")
    original_url: str = described_field("Where its own file is")


class Costliest(BaseModel):
    """The known word with the lowest gain."""

    word: str = described_field("The word")
    gain: float = described_field("Its gain, in nats; may be above 0")
    without: str = described_field("The sentence as it was read, without that word")
    log_likelihood: float = described_field("What that sentence has on this photo, in nats")
    evidence: float = described_field("What that sentence has on this photo, in nats")


class Explanation(Understood):
    """What every word of a sentence gains on one photo, and where it was looked for."""

    model_config = with_example(
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
    photo_id: int = described_field("The photo's number", ge=0)
    log_likelihood: float = described_field(
        "log p(sentence | photo), in nats; 0 if no word is known"
    )
    evidence: float = described_field("How much of that the photo adds, in nats")
    words: list[MappedWord] = described_field("Every word of the sentence as it was read")
    costliest: Costliest | None = described_field("null where fewer than two words are known")


class RankedSentence(BaseModel):
    """A sentence, and how well it fits the photo."""

    sentence: str = described_field("The sentence as it was received")
    log_likelihood: float = described_field(
        "log p(sentence | photo), in nats; 0 if no word is known"
    )
    evidence: float = described_field("How much of that the photo adds, in nats")
    words: list[Word] = described_field("Every word of the sentence as it was read")
    unknown_words: list[str] = described_field("Words that the model never learned")
    nearest_words: dict[str, str] = described_field(
        "Unknown word -> the known word that stood in for it"
    )


class RankAnswer(BaseModel):
    """Sentences for a photo, best first."""

    model_config = with_example(
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
    photo_id: int = described_field("The photo's number", ge=0)
    candidates: int = described_field("How many sentences were ranked", ge=0)
    sentences: list[RankedSentence] = described_field(
        "Best first by evidence; unreadable ones at the end"
    )


class Completion(BaseModel):
    """A word that may come next."""

    text: str = described_field("What was typed, with the word in its place")
    word: str = described_field("The word")
    probability: Probability = described_field("p(word | the words before it)")


class Completions(Understood):
    """Words that may come next, likeliest first."""

    model_config = with_example(
        {
            "query": "a dog r",
            "unknown_words": [],
            "nearest_words": {},
            "completions": [{"text": "a dog runs", "word": "runs", "probability": 0.098}],
        }
    )
    completions: list[Completion] = described_field("Likeliest first; empty where nothing fits")


class Root(BaseModel):
    """An indexed folder."""

    path: str = described_field("The folder")
    photos: int = described_field("How many photos are in it", ge=0)
    online: bool = described_field("Whether it can be reached")


class Model(BaseModel):
    """A captioner that was used here."""

    name: str = described_field("Its name")
    sha256: str = described_field("The SHA-256 of its file")
    photos: int = described_field("How many photos it has indexed", ge=0)
    answers: bool = described_field("Whether it answers searches")


class ImageEmbedder(BaseModel):
    """The home's image embedder."""

    name: str = described_field("Its name")
    sha256: str = described_field("The SHA-256 of its weights")
    folder: str = described_field("The folder that it was named by")
    vectors: int = described_field("How many photos it has embedded", ge=0)


class Calibration(BaseModel):
    """Weights that were fitted on captions of one's own."""

    captioner: str = described_field("For which captioner")
    image_embedder: str | None = described_field("Beside which image embedder; null for none")
    captions: int = described_field("On how many captions", ge=0)
    photos: int = described_field("Of how many photos", ge=0)
    fitted_at: str = described_field("When, in ISO 8601")
    sound: bool = described_field("Whether they are as they were written")


class Status(BaseModel):
    """What is indexed, and by which models."""

    model_config = with_example(
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
            "runtime": "onnx float32",
        }
    )
    photos: int = described_field("How many photos are indexed", ge=0)
    captions: int = described_field("How many captions are stored", ge=0)
    failures: int = described_field("How many files could not be read as photos", ge=0)
    model: str = described_field("The captioner in use")
    embedder: str = described_field("The sentence embedder in use")
    vectors: int = described_field("How many vectors are stored", ge=0)
    models: list[Model] = described_field("All captioners that were used here, oldest first")
    roots: list[Root] = described_field("The indexed folders")
    sqlite: str | None = described_field("Version of SQLite; null on another database")
    runtime: str = described_field("What the captioner computes by, and in which precision")
    image_embedder: ImageEmbedder | None = sometimes_field(
        "The home's image embedder; left out where it has none"
    )
    calibrations: list[Calibration] | None = sometimes_field(
        "Weights fitted on captions of one's own; left out where there are none"
    )


class Health(BaseModel):
    """That the server runs."""

    model_config = with_example({"status": "ok"})
    status: str = described_field("ok")

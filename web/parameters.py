"""What requests may carry: every parameter with its type, its limits and what it means.

Only types are judged here, by pydantic; what a value may be belongs to search, which refuses
the rest. The limits that the descriptions name are search's own.
"""

from __future__ import annotations

import os
from functools import partial
from typing import Annotated, Any

from flask import Request
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from captioner.image_file import FORMATS
from catalog.filters import ORIENTATIONS, PhotoFilter
from search.complete import MAX_COMPLETIONS
from search.filters import read_filter
from search.image_to_text import MAX_SENTENCES, check_sentences
from search.request import (
    MAX_CANDIDATES,
    MAX_EXCLUDED,
    MAX_QUERY_LENGTH,
    MAX_RESULTS,
    STAGES,
    InvalidQuery,
    SearchRequest,
    check_count,
)

FILTERS = ("after", "before", "folder", "camera", "format", "orientation")
DEFAULT_K = 20
# The greatest id a database can hold; anything above it is no photo's.
MAX_ID = 2**63 - 1
PHOTO_ID = f"<int(min=0, max={MAX_ID}):photo_id>"  # in a route

_DEFAULT_COMPLETIONS = 8
# A text without a letter or digit has no words.
_WORDS = r"[\p{L}\p{N}]"
_TEXT = {"minLength": 1, "maxLength": MAX_QUERY_LENGTH, "pattern": _WORDS}
_MAYBE_TEXT = {"maxLength": MAX_QUERY_LENGTH, "pattern": rf"^\s*$|{_WORDS}"}
_DATE = {"anyOf": [{"format": "date"}, {"format": "date-time"}]}
_FULL_PATH = {"pattern": r"^/[^\x00]*$"} if os.name == "posix" else {}
_SWITCH = {"0": False, "false": False, "1": True, "true": True}
# What pydantic finds wrong -> how it is worded, after the name.
_WORDED = {
    "string_type": "must be a list of texts",
    "list_type": "must be a list of texts",
    "missing": "is needed",
    "int_type": f"must be a whole number from 1 to {MAX_RESULTS}",
}


def refusal(error: ValidationError) -> InvalidQuery:
    """The first thing that pydantic, or a check of ours that it called, found wrong."""
    found = error.errors()[0]
    cause = found.get("ctx", {}).get("error")
    if isinstance(cause, InvalidQuery):
        return cause
    name = str((*found["loc"], "body")[0])
    if found["type"] == "extra_forbidden":
        return InvalidQuery(name[:40], f"there is no parameter {name[:40]!r} here")
    return InvalidQuery(name, f"{name} {_WORDED.get(found['type'], 'is of the wrong kind')}")


def told(meaning: str, default: Any, **limits: Any) -> Any:
    """A field with what it means, and limits that search will judge."""
    return Field(default, description=meaning, json_schema_extra=partial(_describe, limits))


def _describe(limits: dict[str, Any], schema: dict[str, Any]) -> None:
    """Add the limits; that nothing is given is no value worth naming."""
    schema.update(limits)
    if schema.get("default") == "":
        del schema["default"]


def told_as(**limits: Any) -> Any:
    """Limits that search will judge, on a type of its own."""
    return Field(json_schema_extra=limits)


def _whole_number(value: object, info: ValidationInfo) -> object:
    """A number as people type it; pydantic alone would take 1.0 and 1_000 too."""
    text = value.strip() if isinstance(value, str) else str(value)
    if len(text) > 9 or not text.isascii() or not text.removeprefix("-").isdigit():
        name = str(info.field_name)
        raise InvalidQuery(name, f"{name} must be a whole number, not {text[:40]!r}")
    return int(text)


def _switch(value: object, info: ValidationInfo) -> object:
    text = str(value).strip().lower()
    if text not in _SWITCH:
        name = str(info.field_name)
        raise InvalidQuery(name, f"{name} must be 1 or 0, not {text[:40]!r}")
    return _SWITCH[text]


def _integral(value: object) -> object:
    """JSON has one kind of number: 5.0 is 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _counted(k: int) -> int:
    check_count(k)
    return k


def _skipped(offset: int) -> int:
    if not 0 <= offset <= MAX_CANDIDATES:
        raise InvalidQuery("offset", f"offset must be from 0 to {MAX_CANDIDATES}")
    return offset


def _sentences(given: list[str]) -> list[str]:
    check_sentences(given)
    return given


_COUNTED = {"minimum": 1, "maximum": MAX_RESULTS}
_SKIPPED = {"minimum": 0, "maximum": MAX_CANDIDATES}
Whole = Annotated[int, BeforeValidator(_whole_number)]
Count = Annotated[Whole, AfterValidator(_counted)]
Offset = Annotated[Whole, AfterValidator(_skipped)]
JsonCount = Annotated[
    StrictInt, BeforeValidator(_integral), AfterValidator(_counted), told_as(**_COUNTED)
]
Switch = Annotated[bool, BeforeValidator(_switch)]
Sentence = Annotated[StrictStr, told_as(**_TEXT)]
Sentences = Annotated[list[Sentence], AfterValidator(_sentences), told_as(maxItems=MAX_SENTENCES)]


class Parameters(BaseModel):
    """The query string of an address; a name it does not know is refused."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _leave_out(cls, given: dict[str, Any]) -> dict[str, Any]:
        """An empty parameter is one that was not given, q aside; the token is not meant for us."""
        return {
            name: value
            for name, value in given.items()
            if name == "q" or (name != "token" and value and str(value).strip())
        }


class SearchParameters(Parameters):
    """A sentence, and how it shall be answered."""

    model_config = ConfigDict(json_schema_extra={"required": ["q"]})

    q: str = told(
        "The sentence; a word may carry a weight, as in a red^3 car",
        "",
        example="a dog runs through the snow",
        **_TEXT,
    )
    k: Whole = told("How many photos", DEFAULT_K, **_COUNTED)
    offset: Whole = told("How many of the best to leave out", 0, **_SKIPPED)
    stage: str = told(
        "combined: retrieval proposes, likelihood and similarity order; likelihood: the captioner "
        "alone orders every photo; retrieve: sentence vectors alone",
        STAGES[0],
        enum=list(STAGES),
    )
    after: str = told("Only photos taken at this date or later", "", example="2021-07-14", **_DATE)
    before: str = told(
        "Only photos taken before this date", "", example="2021-07-15T15:30Z", **_DATE
    )
    folder: str = told("Only photos in this folder, at any depth; a full path", "", **_FULL_PATH)
    camera: str = told("Only photos of cameras with this in their name", "")
    format: str = told("Only photos of this format", "", enum=list(FORMATS))
    orientation: str = told("Only photos of this shape", "", enum=list(ORIENTATIONS))
    excluded: list[Annotated[str, told_as(**_MAYBE_TEXT)]] = Field(
        default=[],
        alias="not",
        description="A text that photos shall not show; may come several times",
        json_schema_extra={"maxItems": MAX_EXCLUDED},
    )
    rather_than: str = told("A text that photos shall show less than q", "", **_MAYBE_TEXT)
    explain: Switch = told("1: every word of every result with its map", False)

    def request(self) -> SearchRequest:
        """The search that is asked for; raises InvalidQuery."""
        return SearchRequest(
            query=self.q,
            k=self.k,
            offset=self.offset,
            stage=self.stage,
            excluded=tuple(text for text in self.excluded if text.strip()),
            rather_than=self.rather_than.strip(),
            explain=self.explain,
            filters=self.filters(),
        )

    def filters(self) -> PhotoFilter:
        """Which photos may be found; raises InvalidQuery."""
        return read_filter(**{name: getattr(self, name) for name in FILTERS})


def read_search(request: Request, default_k: int) -> SearchRequest:
    """The search that a page's query string asks for; what else stands there is the page's own.

    Raises:
        InvalidQuery: a parameter is of the wrong kind, or the search itself refuses it.
    """
    known = {field.alias or name: name for name, field in SearchParameters.model_fields.items()}
    given: dict[str, Any] = {name: request.args[name] for name in known if name in request.args}
    if "not" in given:
        given["not"] = request.args.getlist("not")
    try:
        return SearchParameters.model_validate({"k": default_k, **given}).request()
    except ValidationError as error:
        raise refusal(error) from error


class SimilarParameters(Parameters):
    """Which of the photos like another one."""

    k: Count = told("How many photos", DEFAULT_K, **_COUNTED)
    offset: Offset = told("How many of the best to leave out", 0, **_SKIPPED)


class PictureParameters(Parameters):
    """How many photos like a picture."""

    k: Count = told("How many photos", DEFAULT_K, **_COUNTED)


class ExplainParameters(Parameters):
    """The sentence that is explained."""

    model_config = ConfigDict(json_schema_extra={"required": ["q"]})

    q: str = told("The sentence", "", example="a dog in the snow", **_TEXT)


class CompleteParameters(Parameters):
    """What was typed so far."""

    q: str = told(
        "What was typed so far; nothing asks for first words",
        "",
        maxLength=MAX_QUERY_LENGTH,
        example="a dog r",
    )
    k: Whole = told("How many words", _DEFAULT_COMPLETIONS, minimum=1, maximum=MAX_COMPLETIONS)


class ImageParameters(Parameters):
    """Which version of an image."""

    v: str = told("The start of the photo's content hash: a thumbnail is then kept for a year", "")


class PhotoPath(BaseModel):
    """The number in the address of a photo."""

    photo_id: int = Field(description="The photo's number", ge=0, le=MAX_ID)


class RankBody(BaseModel):
    """Sentences to rank; without any, the captions of the 200 photos nearest to this one."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"sentences": ["a cat", "a dog in the snow"]}},
    )

    sentences: Sentences | None = Field(None, description="The sentences")
    k: JsonCount | None = Field(None, description="How many to show")


# What requests about the collection may carry: which rows of a list, which folder to index

_MAX_ROWS = 999_999_999


def _from_zero(offset: int) -> int:
    if offset < 0:
        raise InvalidQuery("offset", "offset must be a whole number from 0")
    return offset


def _number_or_path(value: object) -> object:
    """JSON has one kind of number: 1.0 is 1; true is none."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if type(value) not in (int, str):
        raise InvalidQuery("folder", "folder must be the number or the path of an allowed folder")
    return value


_Row = Annotated[Whole, AfterValidator(_from_zero)]
_Number = Annotated[int, told_as(minimum=1)]
_Folder = Annotated[_Number | str, BeforeValidator(_number_or_path)]


class RunsParameters(Parameters):
    """Which of the runs."""

    k: Count = told("How many runs", DEFAULT_K, minimum=1, maximum=MAX_RESULTS)
    offset: _Row = told("How many of the last to leave out", 0, minimum=0, maximum=_MAX_ROWS)


class FailuresParameters(Parameters):
    """Which of the files that could not be indexed."""

    reason: str = told("Why they could not be, word for word; without it no files are named", "")
    k: Count = told("How many files", DEFAULT_K, minimum=1, maximum=MAX_RESULTS)
    offset: _Row = told("How many of the first to leave out", 0, minimum=0, maximum=_MAX_ROWS)


class IndexBody(BaseModel):
    """The folder to index."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"folder": 1}})

    folder: _Folder = Field(
        description="Its number among the folders that may be indexed from here, or its path"
    )

"""Request parameters and bodies as pydantic models: type, limits and meaning of each field.

Pydantic checks the types; whether a value can be answered search.request says, whose limits
stand in the descriptions. Both the pages and the API read requests by these models; the API links
the neighbouring pages of its lists by the same parameters.
"""

from __future__ import annotations

import os
from functools import cache, partial
from typing import Annotated, Any
from urllib.parse import urlencode

from flask import Request, request
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

from captioner.formats import FORMATS
from catalog.filters import ORIENTATIONS, PhotoFilter
from search.filters import RATINGS, read_filter
from search.image_to_text import NEAREST_PHOTOS, check_sentences
from search.limits import (
    COMBINED,
    DEFAULT_COMPLETIONS,
    DEFAULT_RESULTS,
    MAX_CANDIDATES,
    MAX_COMPLETIONS,
    MAX_EXCLUDED,
    MAX_QUERY_LENGTH,
    MAX_RESULTS,
    MAX_SENTENCES,
    STAGES,
)
from search.request import InvalidQuery, SearchRequest, check_count, check_range

FILTERS = (
    "after", "before", "folder", "camera", "lens", "place", "format", "orientation", "tag",
    "keyword", "rating",
)  # fmt: skip
# The greatest id a database can hold; anything above it is no photo's.
MAX_ID = 2**63 - 1
PHOTO_ID = f"<int(min=0, max={MAX_ID}):photo_id>"  # in a route

_MAX_ROW = 999_999_999
# A text without a letter or digit has no words.
_HAS_WORD = r"[\p{L}\p{N}]"
_TEXT_LIMITS = {"minLength": 1, "maxLength": MAX_QUERY_LENGTH, "pattern": _HAS_WORD}
# A photo can be found by the symbols in its name, for which no pattern is the same everywhere.
_QUERY_LIMITS = {"minLength": 1, "maxLength": MAX_QUERY_LENGTH}
_OPTIONAL_TEXT_LIMITS = {"maxLength": MAX_QUERY_LENGTH}
_DATE_FORMATS = {
    "anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]
}
PATH_LIMITS = {"pattern": r"^/[^\x00]*$"} if os.name == "posix" else {}
_SWITCH_VALUES = {"0": False, "false": False, "1": True, "true": True}
# What pydantic finds wrong -> how it is worded, after the name.
_MESSAGES = {
    "string_type": "must be a list of texts",
    "list_type": "must be a list of texts",
    "missing": "is needed",
    "int_type": f"must be a whole number from 1 to {MAX_RESULTS}",
}


def invalid_query(error: ValidationError) -> InvalidQuery:
    """A ValidationError as InvalidQuery: the first thing that pydantic or our checks found."""
    found = error.errors()[0]
    cause = found.get("ctx", {}).get("error")
    if isinstance(cause, InvalidQuery):
        return cause
    name = str((*found["loc"], "body")[0])
    if found["type"] == "extra_forbidden":
        return InvalidQuery(name[:40], f"there is no parameter {name[:40]!r} here")
    return InvalidQuery(name, f"{name} {_MESSAGES.get(found['type'], 'is of the wrong kind')}")


def parameter(meaning: str, default: Any, **limits: Any) -> Any:
    """A model field with its description, default and limits; search checks the limits."""
    return Field(default, description=meaning, json_schema_extra=partial(_add_limits, limits))


def _add_limits(limits: dict[str, Any], schema: dict[str, Any]) -> None:
    """Add limits to a field's JSON schema; an empty default is left out."""
    schema.update(limits)
    if schema.get("default") == "":
        del schema["default"]


def _optional_json_field(meaning: str) -> Any:
    """A field of a body that may be left out.

    Its schema has no default: generators of clients make a field with one required.
    """
    return Field(None, description=meaning, json_schema_extra=_drop_default)


def _drop_default(schema: dict[str, Any]) -> None:
    del schema["default"]


def schema_limits(**limits: Any) -> Any:
    """Limits in the JSON schema of an annotated type; search checks them."""
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
    if text not in _SWITCH_VALUES:
        name = str(info.field_name)
        raise InvalidQuery(name, f"{name} must be 1 or 0, not {text[:40]!r}")
    return _SWITCH_VALUES[text]


def _integer_from_json(value: object) -> object:
    """JSON has one kind of number: 5.0 is 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _checked_count(k: int) -> int:
    check_count(k)
    return k


def _checked_offset(offset: int) -> int:
    check_range("offset", offset, 0, MAX_CANDIDATES)
    return offset


def _checked_sentences(given: list[str]) -> list[str]:
    check_sentences(given)
    return given


def _checked_row(offset: int) -> int:
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


_COUNT_LIMITS = {"minimum": 1, "maximum": MAX_RESULTS}
_OFFSET_LIMITS = {"minimum": 0, "maximum": MAX_CANDIDATES}
Whole = Annotated[int, BeforeValidator(_whole_number)]
Count = Annotated[Whole, AfterValidator(_checked_count)]
Offset = Annotated[Whole, AfterValidator(_checked_offset)]
JsonCount = Annotated[
    StrictInt,
    BeforeValidator(_integer_from_json),
    AfterValidator(_checked_count),
    schema_limits(**_COUNT_LIMITS),
]
Row = Annotated[Whole, AfterValidator(_checked_row)]
FolderNumber = Annotated[int, schema_limits(minimum=1)]
Folder = Annotated[FolderNumber | str, BeforeValidator(_number_or_path)]
Switch = Annotated[bool, BeforeValidator(_switch)]
Sentence = Annotated[StrictStr, schema_limits(**_TEXT_LIMITS)]
Sentences = Annotated[
    list[Sentence], AfterValidator(_checked_sentences), schema_limits(maxItems=MAX_SENTENCES)
]


class Parameters(BaseModel):
    """Base of all query strings; a parameter that it does not know is refused."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Drop empty parameters, q aside, and the token, which web.middleware.security reads."""
        return {
            name: value
            for name, value in given.items()
            if name == "q" or (name != "token" and value and str(value).strip())
        }

    @classmethod
    def model_json_schema(cls, *given: Any, **options: Any) -> dict[str, Any]:
        """The schema as pydantic makes it; without options the same one always, not to be changed.

        flask_openapi3 asks for that at every request, and making it takes milliseconds.
        """
        if given or options:
            return super().model_json_schema(*given, **options)
        return _plain_schema(cls)


@cache
def _plain_schema(parameters: type[Parameters]) -> dict[str, Any]:
    return super(Parameters, parameters).model_json_schema()


class SearchParameters(Parameters):
    """A sentence, and how it shall be answered."""

    model_config = ConfigDict(json_schema_extra={"required": ["q"]})

    q: str = parameter(
        "The sentence; a word may carry a weight, as in a red^3 car",
        "",
        example="a dog runs through the snow",
        **_QUERY_LIMITS,
    )
    k: Whole = parameter("How many photos", DEFAULT_RESULTS, **_COUNT_LIMITS)
    offset: Whole = parameter("How many of the best to leave out", 0, **_OFFSET_LIMITS)
    stage: str = parameter(
        "combined: retrieval proposes, likelihood and similarity order; likelihood: the captioner "
        "alone orders every photo; retrieve: sentence vectors alone",
        COMBINED,
        enum=list(STAGES),
    )
    after: str = parameter(
        "Only photos taken at this date or later", "", example="2021-07-14", **_DATE_FORMATS
    )
    before: str = parameter(
        "Only photos taken before this date", "", example="2021-07-15T15:30Z", **_DATE_FORMATS
    )
    folder: str = parameter(
        "Only photos in this folder, at any depth; a full path", "", **PATH_LIMITS
    )
    camera: str = parameter("Only photos of cameras with this in their name", "")
    lens: str = parameter("Only photos of lenses with this in their name", "")
    place: str = parameter(
        "Only photos taken near a town of this name, or in this region or country",
        "",
        example="Basel, Switzerland",
    )
    format: str = parameter("Only photos of this format", "", enum=list(FORMATS))
    orientation: str = parameter("Only photos of this shape", "", enum=list(ORIENTATIONS))
    tag: str = parameter("Only photos with a tag of these words", "")
    keyword: str = parameter("Only photos to which people gave a keyword of these words", "")
    rating: str = parameter(
        "Only photos with so many stars or more, 1 to 5; 0: all but those that were rejected; "
        "-1: those alone",
        "",
        type="integer",
        minimum=int(RATINGS[0]),
        maximum=int(RATINGS[-1]),
    )
    excluded: list[Annotated[str, schema_limits(**_OPTIONAL_TEXT_LIMITS)]] = Field(
        default=[],
        alias="not",
        description="A text that photos shall not show; may come several times",
        json_schema_extra={"maxItems": MAX_EXCLUDED},
    )
    rather_than: str = parameter(
        "A text that photos shall show less than q", "", **_OPTIONAL_TEXT_LIMITS
    )
    explain: Switch = parameter("1: every word of every result with its map", False)

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
        raise invalid_query(error) from error


class SimilarParameters(Parameters):
    """Which of the photos like another one."""

    k: Count = parameter("How many photos", DEFAULT_RESULTS, **_COUNT_LIMITS)
    offset: Offset = parameter("How many of the best to leave out", 0, **_OFFSET_LIMITS)


class PictureParameters(Parameters):
    """How many photos like a picture."""

    k: Count = parameter("How many photos", DEFAULT_RESULTS, **_COUNT_LIMITS)


class ExplainParameters(Parameters):
    """The sentence that is explained."""

    model_config = ConfigDict(json_schema_extra={"required": ["q"]})

    q: str = parameter("The sentence", "", example="a dog in the snow", **_TEXT_LIMITS)


class CompleteParameters(Parameters):
    """What was typed so far."""

    q: str = parameter(
        "What was typed so far; nothing asks for first words",
        "",
        maxLength=MAX_QUERY_LENGTH,
        example="a dog r",
    )
    k: Whole = parameter("How many words", DEFAULT_COMPLETIONS, minimum=1, maximum=MAX_COMPLETIONS)


class ImageParameters(Parameters):
    """Which version of an image."""

    v: str = parameter(
        "The start of the photo's content hash: a thumbnail is then kept for a year", ""
    )


class PhotoPath(BaseModel):
    """The number in the address of a photo."""

    photo_id: int = Field(description="The photo's number", ge=0, le=MAX_ID)


class RankBody(BaseModel):
    """Sentences to rank; without any, the captions of the photos nearest to this one."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "description": f"Sentences to rank; without any, the captions of the {NEAREST_PHOTOS} "
            "photos nearest to this one.",
            "example": {"sentences": ["a cat", "a dog in the snow"]},
        },
    )

    sentences: Sentences | None = _optional_json_field("The sentences")
    k: JsonCount | None = _optional_json_field("How many to show")


class RunsParameters(Parameters):
    """Which of the runs."""

    k: Count = parameter("How many runs", DEFAULT_RESULTS, minimum=1, maximum=MAX_RESULTS)
    offset: Row = parameter("How many of the last to leave out", 0, minimum=0, maximum=_MAX_ROW)


class FailuresParameters(Parameters):
    """Which of the files that could not be indexed."""

    reason: str = parameter(
        "Why they could not be, word for word; without it no files are named", ""
    )
    k: Count = parameter("How many files", DEFAULT_RESULTS, minimum=1, maximum=MAX_RESULTS)
    offset: Row = parameter("How many of the first to leave out", 0, minimum=0, maximum=_MAX_ROW)


class IndexBody(BaseModel):
    """The folder to index."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"folder": 1}})

    folder: Folder = Field(
        description="Its number among the folders that may be indexed from here, or its path"
    )


def require_json_object(field: str) -> None:
    """Refuse a POST or PATCH whose body is no JSON object; what stands in it its model judges.

    Only JSON is read, because a form of another site can be sent without a preflight request.

    Raises:
        InvalidQuery: the body is JSON but no object, so it has no `field`.
        UnsupportedMediaType, BadRequest: it is not declared to be JSON, or is none; by Flask.
    """
    if request.method in {"POST", "PATCH"} and not isinstance(request.get_json(), dict):
        raise InvalidQuery(field, "the body must be a JSON object")


def page_links(offset: int, k: int, more: bool) -> dict[str, str | None]:
    """The fields `next` and `previous` of a list whose page of `k` begins at `offset`.

    Each is the requested address with another offset, without the token; None where there is no
    such page. `more`: whether anything comes after this page.
    """
    return {
        "next": _page_url(offset + k) if more else None,
        "previous": _page_url(max(0, offset - k)) if offset else None,
    }


def _page_url(offset: int) -> str:
    others = [(k, v) for k, v in request.args.items(multi=True) if k not in {"offset", "token"}]
    path = request.script_root + request.path
    return f"{path}?{urlencode([*others, ('offset', offset)])}"

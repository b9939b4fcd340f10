"""Bodies and addresses of what people keep, as pydantic models; see web.parameters."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    model_validator,
)

from catalog.albums import LONGEST_NAME
from search.limits import DEFAULT_RESULTS, MAX_RESULTS
from search.request import InvalidQuery
from web.kept import MOST_PHOTOS
from web.parameters import MAX_ID, Count, Parameters, Row, parameter, schema_limits

ALBUM_ID = f"<int(min=0, max={MAX_ID}):album_id>"  # in a route
SHARE_ID = f"<int(min=0, max={MAX_ID}):share_id>"
SEARCH_ID = f"<int(min=0, max={MAX_ID}):search_id>"
LONGEST_SEARCH = 2000  # characters of a query string
MOST_DAYS = 365
DEFAULT_DAYS = 30

_IDS = {
    "type": "array",
    "items": {"type": "integer", "minimum": 0, "maximum": MAX_ID},
    "maxItems": MOST_PHOTOS,
}


def checked_name(value: object, field: str = "name") -> str:
    """A name as it is kept: in one line, without what cannot be seen; raises InvalidQuery."""
    given = value if isinstance(value, str) else ""
    text = " ".join("".join(each if each.isprintable() else " " for each in given).split())
    if not text or len(given) > LONGEST_NAME:
        raise InvalidQuery(field, f"{field} must be a text of 1 to {LONGEST_NAME} characters")
    return text


def checked_days(value: object) -> int:
    """For how many days a link lasts; raises InvalidQuery."""
    number = _integer(value)
    if type(number) is not int or not 1 <= number <= MOST_DAYS:
        raise InvalidQuery("days", f"days must be a whole number from 1 to {MOST_DAYS}")
    return number


def checked_search(value: object) -> str:
    """The query string of a search, without its question mark; raises InvalidQuery."""
    text = value.strip().removeprefix("?") if isinstance(value, str) else ""
    if not text or len(text) > LONGEST_SEARCH or not text.isprintable() or not text.isascii():
        raise InvalidQuery(
            "parameters",
            f"parameters must be the query string of a search, at most {LONGEST_SEARCH} characters",
        )
    return text


def _integer(value: object) -> object:
    """JSON has one kind of number: 5.0 is 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _album_number(value: object) -> int:
    number = _integer(value)
    if type(number) is not int or not 0 <= number <= MAX_ID:
        raise InvalidQuery("album_id", "album_id must be the number of an album")
    return number


def _photo_number(value: object) -> int:
    number = _integer(value)
    if type(number) is not int or not 0 <= number <= MAX_ID:
        raise InvalidQuery("after", "after must be the number of a photo")
    return number


def _checked_ids(value: object) -> list[int]:
    if not isinstance(value, list) or len(value) > MOST_PHOTOS:
        raise InvalidQuery("photo_ids", f"give a list of at most {MOST_PHOTOS} photo numbers")
    numbers = [_integer(each) for each in value]
    known = [each for each in numbers if type(each) is int and 0 <= each <= MAX_ID]
    if len(known) < len(numbers):
        raise InvalidQuery("photo_ids", "photos are named by their numbers, whole numbers from 0")
    return known


Name = Annotated[
    str,
    BeforeValidator(checked_name),
    schema_limits(minLength=1, maxLength=LONGEST_NAME, pattern=r"^[!-~]"),
]
Ids = Annotated[list[int], BeforeValidator(_checked_ids), schema_limits(**_IDS)]
AlbumNumber = Annotated[
    int, BeforeValidator(_album_number), schema_limits(minimum=0, maximum=MAX_ID)
]
PhotoNumber = Annotated[
    int, BeforeValidator(_photo_number), schema_limits(minimum=0, maximum=MAX_ID)
]
Days = Annotated[int, BeforeValidator(checked_days), schema_limits(minimum=1, maximum=MOST_DAYS)]
Search = Annotated[
    str,
    BeforeValidator(checked_search),
    schema_limits(minLength=1, maxLength=LONGEST_SEARCH, pattern=r"^[!->@-~][!-~]*$"),
]


def _example(example: dict[str, Any]) -> ConfigDict:
    """The configuration of a body with an example.

    Its schema has no defaults: generators of clients make a field with one required.
    """

    def describe(schema: dict[str, Any]) -> None:
        schema["example"] = example
        for field in schema["properties"].values():
            field.pop("default", None)

    return ConfigDict(extra="forbid", json_schema_extra=describe)


class AlbumPath(BaseModel):
    """The number in the address of an album."""

    album_id: int = Field(description="The album's number", ge=0, le=MAX_ID)


class SharePath(BaseModel):
    """The number in the address of a shared link."""

    share_id: int = Field(description="The link's number", ge=0, le=MAX_ID)


class SearchPath(BaseModel):
    """The number in the address of a saved search."""

    search_id: int = Field(description="The search's number", ge=0, le=MAX_ID)


class KeptPhotosParameters(Parameters):
    """Which of the photos of an album, or of the favourites."""

    k: Count = parameter("How many photos", DEFAULT_RESULTS, minimum=1, maximum=MAX_RESULTS)
    offset: Row = parameter("How many of the first to leave out", 0, minimum=0, maximum=999_999_999)


class NewAlbum(BaseModel):
    """An album to make."""

    model_config = _example({"name": "Summer in Umbria", "photo_ids": [22, 57]})
    name: Name = Field(description="Its name")
    photo_ids: Ids = Field([], description="Its photos, in their order")


class AlbumChange(BaseModel):
    """What of an album shall change."""

    model_config = _example({"name": "Umbria, 2024", "order": [57], "after": 22})
    name: Name | None = Field(None, description="Its new name")
    order: Ids | None = Field(
        None, description="Photos to move, in their order: to the front, or behind another"
    )
    after: PhotoNumber | None = Field(
        None, description="The photo behind which `order` comes; at the front if not given"
    )


class PhotoChanges(BaseModel):
    """Photos to take in, and others to take out."""

    model_config = _example({"add": [22, 57], "remove": [12]})
    add: Ids = Field([], description="Photos to take in")
    remove: Ids = Field([], description="Photos to take out")


class ZipBody(BaseModel):
    """Photos to download."""

    model_config = _example({"photo_ids": [22, 57], "name": "Umbria"})
    photo_ids: Ids = Field(description="The photos, in their order")
    name: Name = Field("photos", description="The archive's name, without .zip")


class NewShare(BaseModel):
    """What a link shall share: an album as it is, or photos."""

    model_config = _example({"photo_ids": [22, 57], "title": "Umbria", "days": 30})
    album_id: AlbumNumber | None = Field(None, description="The album; else name photos")
    photo_ids: Ids | None = Field(None, description="The photos, in their order")
    title: Name = Field("Photos", description="What its page is called")
    days: Days = Field(DEFAULT_DAYS, description="For how long it lasts")

    @model_validator(mode="after")
    def _one_of_both(self) -> NewShare:
        if (self.album_id is None) == (not self.photo_ids):
            raise InvalidQuery("album_id", "a link shares either an album_id or photo_ids")
        return self

    @property
    def lasts(self) -> timedelta:
        """For how long it lasts."""
        return timedelta(days=self.days)


class NewSearch(BaseModel):
    """A search to keep under a name."""

    model_config = _example({"name": "Snow", "parameters": "q=a+dog+in+the+snow&format=jpeg"})
    name: Name = Field(description="Its name; another search that has it is replaced")
    parameters: Search = Field(description="The query string of its page")


class AskedSearch(BaseModel):
    """A search that somebody asked."""

    model_config = _example({"parameters": "q=a+dog+in+the+snow"})
    parameters: Search = Field(description="The query string of its page")


class Remembering(BaseModel):
    """Whether searches are noted."""

    model_config = _example({"remember": False})
    remember: StrictBool = Field(description="false: none are noted, and those noted are forgotten")

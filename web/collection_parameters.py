"""What requests about the collection may carry: which rows of a list, which folder to index.

Knows nothing about which folders may be indexed.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from search.query import MAX_RESULTS, InvalidQuery
from web.parameters import DEFAULT_K, Count, Parameters, Whole, told, told_as

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

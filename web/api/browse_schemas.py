"""Pydantic models of the API's answers to looking through photos; see web.api.schemas."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from web.api.schemas import Paged, Probability, described_field, with_example

Some = Annotated[int, Field(ge=1)]
Number = Annotated[int, Field(ge=0)]

_PHOTO = {
    "photo_id": 22,
    "path": "/home/ada/Pictures/dog.jpg",
    "caption": "a dog is running in the snow",
    "caption_probability": 0.71,
    "width": 4032,
    "height": 3024,
    "taken_at": "2021-02-14T15:32:08",
    "url": "/api/v1/photos/22",
    "thumbnail_url": "/api/v1/photos/22/thumbnail?v=9f2c31d0a7be",
}
_THUMBNAIL = "/api/v1/photos/22/thumbnail?v=9f2c31d0a7be"


class Month(BaseModel):
    """A month, and how many photos it has."""

    month: str = described_field("Such as 2019-07; undated: photos without a date")
    photos: Some = described_field("How many")
    url: str = described_field("Where they are")


class Timeline(BaseModel):
    """The months of all photos that are chosen."""

    model_config = with_example(
        {
            "photos": 431,
            "months": [
                {
                    "month": "2021-02",
                    "photos": 431,
                    "url": "/api/v1/timeline/photos?month=2021-02",
                }
            ],
        }
    )
    photos: Number = described_field("How many photos there are in all months")
    months: list[Month] = described_field("The newest first; photos without a date last")


class BrowsedPhoto(BaseModel):
    """A photo of the timeline."""

    model_config = with_example(_PHOTO)
    photo_id: Number = described_field("The photo's number")
    path: str = described_field("Its file; bytes of a name that are no text show as ?")
    caption: str = described_field("The model's best caption, a guess")
    caption_probability: Probability = described_field(
        "How probable it is that the photo shows all that the caption names"
    )
    width: Some = described_field("Pixels of the upright original")
    height: Some = described_field("Pixels of the upright original")
    taken_at: str | None = described_field("When, by the clock where it was taken (ISO 8601)")
    url: str = described_field("Where the photo is described")
    thumbnail_url: str = described_field("Where its thumbnail is; browsers may keep what is there")


class MonthAnswer(Paged):
    """Photos of a month, the newest first."""

    model_config = with_example(
        {
            "month": "2021-02",
            "results": [_PHOTO],
            "next": "/api/v1/timeline/photos?month=2021-02&k=1&offset=1",
            "previous": None,
        }
    )
    month: str = described_field("The month; empty where there are no photos at all")
    results: list[BrowsedPhoto] = described_field("The newest first")


class Folder(BaseModel):
    """A folder that holds photos."""

    path: str = described_field("The folder; bytes of a name that are no text show as ?")
    name: str = described_field("Its name; of an indexed folder the path")
    photos: Number = described_field("How many photos are in it, at any depth")
    has_subfolders: bool = described_field("Whether any of them lie deeper")


class FoldersAnswer(BaseModel):
    """A folder and those in it, or the indexed folders."""

    model_config = with_example(
        {
            "path": "/home/ada/Pictures",
            "photos": 7000,
            "own_photos": 12,
            "folders": [
                {
                    "path": "/home/ada/Pictures/2019",
                    "name": "2019",
                    "photos": 6988,
                    "has_subfolders": True,
                }
            ],
        }
    )
    path: str | None = described_field("The folder; null above the indexed ones")
    photos: Number = described_field("How many photos are in it, at any depth")
    own_photos: Number = described_field("How many lie in it itself")
    folders: list[Folder] = described_field("Those in it, by name")


class Label(BaseModel):
    """A tag or a keyword."""

    name: str = described_field("The tag or keyword")
    photos: Some = described_field("How many photos have it")
    url: str = described_field("Where their months are")
    thumbnail_url: str | None = described_field("The thumbnail of one of them; null: it is gone")


class LabelsAnswer(Paged):
    """Tags or keywords, the most frequent first."""

    model_config = with_example(
        {
            "total": 412,
            "results": [
                {
                    "name": "Siberian husky",
                    "photos": 31,
                    "url": "/api/v1/timeline?tag=Siberian+husky",
                    "thumbnail_url": _THUMBNAIL,
                }
            ],
            "next": "/api/v1/tags?k=1&offset=1",
            "previous": None,
        }
    )
    total: Number = described_field("How many there are")
    results: list[Label] = described_field("The most frequent first")

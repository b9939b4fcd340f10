"""Pydantic models of the API's answers about what people keep; see web.api.schemas."""

from __future__ import annotations

from pydantic import BaseModel

from web.api.schemas import Paged, described_field, with_example

_ALBUM = {
    "album_id": 3,
    "name": "Summer in Umbria",
    "created_at": "2026-01-02T10:05:44+00:00",
    "photos": 42,
    "url": "/api/v1/albums/3",
    "cover_url": "/api/v1/photos/22/thumbnail",
}
_PHOTO = {
    "photo_id": 22,
    "path": "/home/ada/Pictures/dog.jpg",
    "url": "/api/v1/photos/22",
    "thumbnail_url": "/api/v1/photos/22/thumbnail",
}
_SHARE = {
    "share_id": 5,
    "title": "Umbria",
    "album_id": 3,
    "created_at": "2026-01-02T10:05:44+00:00",
    "expires_at": "2026-02-01T10:05:44+00:00",
}


class Album(BaseModel):
    """An album."""

    album_id: int = described_field("The album's number", ge=0)
    name: str = described_field("Its name")
    created_at: str = described_field("When it was made (ISO 8601)")
    photos: int = described_field("How many of its photos are indexed now", ge=0)
    url: str = described_field("Where it is described")
    cover_url: str | None = described_field("The thumbnail of its first photo; null where empty")


class AlbumsAnswer(BaseModel):
    """All albums, the newest first."""

    model_config = with_example({"albums": [_ALBUM]})
    albums: list[Album] = described_field("The newest first")


class KeptPhoto(BaseModel):
    """A photo that was kept."""

    photo_id: int = described_field("The photo's number", ge=0)
    path: str = described_field("Its file; bytes of a name that are no text show as ?")
    url: str = described_field("Where the photo is described")
    thumbnail_url: str = described_field("Where its thumbnail is")


class AlbumAnswer(Album, Paged):
    """An album, and a page of its photos."""

    model_config = with_example(
        {
            **_ALBUM,
            "missing": 1,
            "results": [_PHOTO],
            "next": "/api/v1/albums/3?k=1&offset=1",
            "previous": None,
        }
    )
    missing: int = described_field("Photos that are not indexed now; they may come back", ge=0)
    results: list[KeptPhoto] = described_field("Its photos, in its order")


class FavouritesAnswer(Paged):
    """A page of the favourites."""

    model_config = with_example(
        {"photos": 12, "missing": 0, "results": [_PHOTO], "next": None, "previous": None}
    )
    photos: int = described_field("How many favourites are indexed now", ge=0)
    missing: int = described_field("Photos that are not indexed now; they may come back", ge=0)
    results: list[KeptPhoto] = described_field("The photos, marked last first")


class ChangedAnswer(BaseModel):
    """What became of photos to take in or out."""

    model_config = with_example({"added": 2, "removed": 0})
    added: int = described_field("Photos that were not in before", ge=0)
    removed: int = described_field("Photos that were in before", ge=0)


class Share(BaseModel):
    """A link that shares photos."""

    share_id: int = described_field("The link's number", ge=0)
    title: str = described_field("What its page is called")
    album_id: int | None = described_field("The album that it shares; null for photos")
    created_at: str = described_field("When it was made (ISO 8601)")
    expires_at: str = described_field("When it ends (ISO 8601)")


class SharesAnswer(BaseModel):
    """Links that share photos and have not ended, the newest first."""

    model_config = with_example({"shares": [_SHARE]})
    shares: list[Share] = described_field("The newest first")


class NewShareAnswer(Share):
    """A new link, and the only time that its address is told."""

    model_config = with_example({**_SHARE, "link": "http://127.0.0.1:8765/s/NkAqR4x-token"})
    link: str = described_field("Its address, with its token; it is told only now")


class SavedSearch(BaseModel):
    """A search that was kept under a name."""

    search_id: int = described_field("The search's number", ge=0)
    name: str = described_field("Its name")
    parameters: str = described_field("The query string of its page")
    created_at: str = described_field("When it was saved (ISO 8601)")


class SearchesAnswer(BaseModel):
    """Saved and recent searches."""

    model_config = with_example(
        {
            "saved": [
                {
                    "search_id": 2,
                    "name": "Snow",
                    "parameters": "q=a+dog+in+the+snow&format=jpeg",
                    "created_at": "2026-01-02T10:05:44+00:00",
                }
            ],
            "recent": ["q=a+dog+in+the+snow"],
            "remember": True,
        }
    )
    saved: list[SavedSearch] = described_field("By name")
    recent: list[str] = described_field("Query strings of the last searches, the newest first")
    remember: bool = described_field("Whether searches are noted")

"""What a shared link shows: its photos and nothing else of the application.

Whoever has the link's token needs none of the server's. Photos are named by the beginning of their
hash, since their numbers and places are nobody's business; the large ones are renditions, which
carry no metadata.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from threading import BoundedSemaphore

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.exceptions import TooManyRequests

from catalog.shares import (
    ShareView,
    UnknownShare,
    find_share,
    share_contents,
    shared_content,
)
from catalog.views import PhotoView
from indexer.rendition import make_rendition
from web.context import current_engine
from web.images import open_original, send_thumbnail
from web.kept import photos_of
from web.middleware.rate_limit import wrong_tokens
from web.middleware.route_marks import open_to_all, serves_image, unqueued
from web.pages.cards import shape_class
from web.upload import upload_decoders

_PAGE = 200
_NAME = 24  # characters of a hash
_PHOTO = "/s/<token>/<string(length=24):name>"
_SECONDS = 3600
# Decoding takes processors and memory, which those with a link share with the owner.
_DECODING = BoundedSemaphore(2)
_WAITING = BoundedSemaphore(12)

blueprint = Blueprint("shared", __name__)


@dataclass(frozen=True)
class SharedPhoto:
    """A photo as visitors see it; `name` stands for it in addresses."""

    name: str
    width: int
    height: int
    shape: str
    taken: datetime | None
    title: str | None


@blueprint.get("/s/<token>")
@open_to_all
@unqueued
def show(token: str) -> ResponseReturnValue:
    """The photos that a link shares."""
    engine = current_engine()
    offset = request.args.get("offset", 0, int)
    with engine.database.read() as session:
        share = _share(session, token)
        ids = photos_of(session, share_contents(session, share))
    page = ids[max(offset, 0) :][:_PAGE]
    views = engine.photos(page)
    answer = Response(
        render_template(
            "shared.html",
            share=share,
            token=token,
            photos=[_shared(views[key]) for key in page if key in views],
            total=len(ids),
            next_offset=offset + _PAGE if offset + _PAGE < len(ids) else None,
        )
    )
    return _private(answer)


@blueprint.get(f"{_PHOTO}/thumbnail")
@open_to_all
@unqueued
@serves_image
def thumbnail(token: str, name: str) -> Response:
    """A shared photo as a JPEG of at most 512 pixels."""
    return _private(send_thumbnail(_photo(token, name).photo_id, ""))


@blueprint.get(f"{_PHOTO}/large")
@open_to_all
@unqueued
@serves_image
def large(token: str, name: str) -> Response:
    """A shared photo as a JPEG of at most 2048 pixels, made when it is asked for.

    Raises UnknownShare, and TooManyRequests where as many are being made as may be.
    """
    photo = _photo(token, name)
    if not _WAITING.acquire(blocking=False):
        raise TooManyRequests(retry_after=2)
    try:
        with _DECODING, open_original(photo) as file:
            rendition: bytes = upload_decoders().decode(file.read(), make_rendition)
    finally:
        _WAITING.release()
    return _private(Response(rendition, mimetype="image/jpeg"))


def _photo(token: str, name: str) -> PhotoView:
    """One of the photos that a link shares; raises UnknownShare."""
    engine = current_engine()
    with engine.database.read() as session:
        content_hash = shared_content(session, _share(session, token), name)
        ids = photos_of(session, [content_hash] if content_hash else [])
    if not ids:
        raise UnknownShare("this link does not share such a photo")
    return engine.photo(ids[0])


def _share(session: Session, token: str) -> ShareView:
    """The link with a token; raises UnknownShare, and counts who guesses."""
    try:
        return find_share(session, token)
    except UnknownShare:
        wrong_tokens().hit()
        raise


def _shared(view: PhotoView) -> SharedPhoto:
    return SharedPhoto(
        name=view.content_hash[:_NAME],
        width=view.width,
        height=view.height,
        shape=shape_class(view.width, view.height),
        taken=view.taken,
        title=view.title,
    )


def _private(answer: Response) -> Response:
    """Kept by the visitor's browser alone, for a while; found by no search engine."""
    seconds = _SECONDS if answer.mimetype == "image/jpeg" else 0
    answer.headers["Cache-Control"] = f"private, max-age={seconds}"
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["X-Robots-Tag"] = "noindex, nofollow"
    return answer

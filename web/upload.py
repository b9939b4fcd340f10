"""A picture that somebody sends, and the photos like it; the picture is never kept.

Knows nothing about JSON; errors get their shape in web.errors.
"""

from __future__ import annotations

from threading import BoundedSemaphore, Lock

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge, TooManyRequests

from captioner.captioner import PhotoState
from captioner.encode_photo import encode_photo
from search.request import InvalidQuery
from search.results import SimilarPhoto
from web.context import current_config, current_engine

# A small file may decode to hundreds of megabytes: many at once could take all memory.
_ONE_AT_A_TIME = Lock()
# Fewer than the server's threads: those who search for words need not wait for pictures.
_WAITING = BoundedSemaphore(6)


def find_similar(request: Request, k: int) -> tuple[SimilarPhoto, ...]:
    """Indexed photos most like the picture in a request, best first.

    Raises:
        InvalidQuery: there is no picture where one is expected.
        RequestEntityTooLarge: the picture has too many bytes.
        UnreadablePhoto: it is no picture, or too large a one.
        TooManyRequests: enough other pictures are waiting.
    """
    return current_engine().similar(look_at(request), k)


def look_at(request: Request) -> PhotoState:
    """What the captioner sees in the picture of a request; raises as find_similar."""
    data = _picture_in(request)
    if not _WAITING.acquire(blocking=False):
        raise TooManyRequests(retry_after=1)
    try:
        with _ONE_AT_A_TIME:
            return encode_photo(current_engine().captioner, data)
    finally:
        _WAITING.release()


def _picture_in(request: Request) -> bytes:
    """The field `image` of a form, or the body itself."""
    limit = current_config().max_upload_bytes
    if request.mimetype == "multipart/form-data":
        sent = request.files.get("image")
        data = sent.stream.read(limit + 1) if sent else b""
    elif request.mimetype.startswith("image/") or request.mimetype == "application/octet-stream":
        data = request.stream.read(limit + 1)
    else:
        data = b""
    if not data:
        raise InvalidQuery(
            "image",
            "send a picture: as the field image of a form, or as the body with a content type "
            "such as image/jpeg",
        )
    if len(data) > limit:
        raise RequestEntityTooLarge(f"a picture may have at most {limit:,} bytes")
    return data

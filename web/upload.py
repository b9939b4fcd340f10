"""An uploaded picture, encoded for a search by photo; it is never stored."""

from __future__ import annotations

from functools import cache
from threading import BoundedSemaphore

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge, TooManyRequests

from captioner.captioner import PhotoState
from indexer.decode_pool import Decoders, Limits
from indexer.encode_photo import encode_photo
from search.request import InvalidQuery
from search.results import SimilarPhoto
from web.context import current_config, current_engine

# A small file may decode to hundreds of megabytes: many at once could take all memory. More than
# one, so that a picture that takes long does not keep everybody waiting.
_DECODING = BoundedSemaphore(2)
# Shorter than in an index run, since somebody waits; a sound picture takes a second or two.
LIMITS = Limits(cpu_seconds=15, wall_seconds=120)
# Fewer than the server's threads: those who search for words need not wait for pictures.
_WAITING = BoundedSemaphore(6)


def find_similar(request: Request, k: int) -> tuple[SimilarPhoto, ...]:
    """Indexed photos most like the picture of a request, best first.

    Raises:
        InvalidQuery: there is no picture where one is expected.
        RequestEntityTooLarge: the picture has too many bytes.
        UnreadablePhoto: it is no picture, or one that takes too much to decode.
        DecoderKilled, NoDecoder: nothing can be decoded just now.
        TooManyRequests: enough other pictures are waiting.
    """
    return current_engine().similar(encode_upload(request), k)


def encode_upload(request: Request) -> PhotoState:
    """The captioner's state of the picture of a request.

    Raises InvalidQuery, RequestEntityTooLarge, UnreadablePhoto, DecoderKilled, NoDecoder and
    TooManyRequests; see find_similar.
    """
    data = _picture_in(request)
    if not _WAITING.acquire(blocking=False):
        raise TooManyRequests(retry_after=1)
    try:
        with _DECODING:
            return encode_photo(current_engine().captioner, data, upload_decoders())
    finally:
        _WAITING.release()


@cache
def upload_decoders() -> Decoders:
    """The processes that decode uploads, apart from those of index runs."""
    return Decoders(limits=LIMITS)


def _picture_in(request: Request) -> bytes:
    """The bytes of the form field `image`, or of the body itself."""
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

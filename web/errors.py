"""Error handlers: exceptions become one JSON shape under /api, and an error page elsewhere."""

from __future__ import annotations

from flask import Flask, current_app, jsonify, make_response, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, SecurityError

from captioner.image_file import UnreadablePhoto
from catalog.albums import UnknownAlbum
from catalog.database import DatabaseUnavailable, Standby
from catalog.object_store import StoreUnavailable
from catalog.shares import UnknownShare
from indexer.decode_pool import DecoderKilled, NoDecoder
from search.engine import UnknownPhoto
from search.request import InvalidQuery
from web.images import ImageMissing
from web.indexing.events import TooManyStreams
from web.indexing.runner import AlreadyRunning, NothingRuns, NotPermitted
from web.kept import ReadOnlyHome
from web.problems import INTERNAL_ERROR, UNAVAILABLE, Problem, problem_of

_UNKNOWN_PHOTO = Problem(
    404, "unknown_photo", "There is no photo with this number.", "It may have been removed."
)
_NO_DECODER = Problem(
    503,
    "decoder_unavailable",
    "The picture cannot be decoded just now.",
    "The server may be short of memory. Try again in a moment.",
)
_STANDBY = Problem(
    503,
    "standby",
    "Nothing can be kept just now.",
    "The database is a standby, which can only be read. Try again once it writes.",
)
_NO_STORE = Problem(
    503,
    "store_unavailable",
    "Pictures cannot be read just now.",
    "The store that holds them does not answer. Try again in a moment.",
)
_TOO_MANY_STREAMS = Problem(
    503,
    "too_many_streams",
    "Too many are following the events already.",
    "Ask for /api/v1/index from time to time instead.",
)
_RETRY_STREAM_SECONDS = 10
# Why something cannot be kept, or is not there.
_OF_KEPT: dict[type[Exception], Problem] = {
    ReadOnlyHome: Problem(
        409,
        "read_only_home",
        "Nothing can be kept here: this home can only be read.",
        "Serve a home that this program may write to.",
    ),
    UnknownAlbum: Problem(
        404, "unknown_album", "There is no album with this number.", "It may have been deleted."
    ),
    UnknownShare: Problem(
        404,
        "unknown_share",
        "This link shows nothing.",
        "It has ended or was revoked, or a part of it is missing. Ask whoever sent it.",
    ),
}
# Why an index run may be refused.
INDEXING: dict[type[Exception], Problem] = {
    NotPermitted: Problem(
        403,
        "index_not_permitted",
        "This folder may not be indexed from here.",
        "Start the server with --allow-index FOLDER, or run tellshow index FOLDER.",
    ),
    AlreadyRunning: Problem(
        409,
        "index_running",
        "Something is being indexed already.",
        "Wait until it is done, or stop it.",
    ),
    NothingRuns: Problem(
        409,
        "no_index_running",
        "This server is not indexing anything.",
        "A run that was started elsewhere is stopped there, with Ctrl-C.",
    ),
}


def handle_errors(app: Flask) -> None:
    """Let `app` answer every error in the shape its caller expects."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(InvalidQuery, _invalid_query)
    app.register_error_handler(UnreadablePhoto, _unreadable_photo)
    app.register_error_handler(DecoderKilled, _no_decoder)
    app.register_error_handler(NoDecoder, _no_decoder)
    app.register_error_handler(StoreUnavailable, _no_store)
    app.register_error_handler(UnknownPhoto, _unknown_photo)
    app.register_error_handler(DatabaseUnavailable, _unavailable)
    app.register_error_handler(Standby, _standby)
    app.register_error_handler(TooManyStreams, _too_many_streams)
    for kind in _OF_KEPT:
        app.register_error_handler(kind, _not_kept)
    for kind in INDEXING:
        app.register_error_handler(kind, _index_refused)
    app.register_error_handler(Exception, _internal_error)


def _http_error(error: HTTPException) -> ResponseReturnValue:
    answer = make_response(_answer(_problem_of_error(error)))
    for name, value in error.get_headers(request.environ):
        if name in {"Allow", "Retry-After"}:
            answer.headers[name] = value
    if error.code == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="tellshow"'
    if error.code and error.code < 400:
        return error
    return answer


def _problem_of_error(error: HTTPException) -> Problem:
    if isinstance(error, SecurityError):
        hint = "Use the address the server printed when it started, or add this name to it."
        return Problem(400, "unknown_host", f"Unknown host: {error.description}.", hint)
    if isinstance(error, ImageMissing):
        return Problem(404, "image_missing", error.description or "", error.hint)
    return problem_of(error.code or 500)


def _invalid_query(error: InvalidQuery) -> ResponseReturnValue:
    hint = f"Check the parameter {error.field}."
    return _answer(Problem(400, "invalid_query", str(error), hint))


def _unreadable_photo(error: UnreadablePhoto) -> ResponseReturnValue:
    hint = "Send a JPEG, PNG, HEIF, AVIF, WebP, TIFF, GIF or BMP."
    return _answer(Problem(400, "unreadable_photo", str(error), hint))


def _no_decoder(error: OSError) -> ResponseReturnValue:
    current_app.logger.error("A picture cannot be decoded: %s", error)
    return _answer(_NO_DECODER)


def _no_store(error: StoreUnavailable) -> ResponseReturnValue:
    current_app.logger.error("%s", error)
    return _answer(_NO_STORE)


def _unknown_photo(_: UnknownPhoto) -> ResponseReturnValue:
    return _answer(_UNKNOWN_PHOTO)


def _unavailable(error: DatabaseUnavailable) -> ResponseReturnValue:
    current_app.logger.error("The collection cannot be read: %s", error)
    return _answer(UNAVAILABLE)


def _standby(error: Standby) -> ResponseReturnValue:
    current_app.logger.error("Nothing can be written: %s", error)
    return _answer(_STANDBY)


def _too_many_streams(_: TooManyStreams) -> ResponseReturnValue:
    answer = make_response(_answer(_TOO_MANY_STREAMS))
    answer.headers["Retry-After"] = str(_RETRY_STREAM_SECONDS)
    return answer


def _not_kept(error: Exception) -> ResponseReturnValue:
    return _answer(_OF_KEPT[type(error)])


def _index_refused(error: Exception) -> ResponseReturnValue:
    return _answer(INDEXING[type(error)])


def _internal_error(error: Exception) -> ResponseReturnValue:
    """Log an unexpected exception; its text is not answered, since it may name files."""
    current_app.logger.error("Failed: %s %r", request.method, request.path, exc_info=error)
    return _answer(INTERNAL_ERROR)


def _answer(problem: Problem) -> ResponseReturnValue:
    if request.path.startswith("/api/"):
        return jsonify(problem.to_json()), problem.status
    return render_template("error.html", problem=problem), problem.status

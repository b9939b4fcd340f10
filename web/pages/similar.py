"""Search by photo: the upload form, and the photos most like the picture, which is not kept."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from captioner.captioner import PhotoState
from captioner.image_file import UnreadablePhoto
from captioner.scores import Caption
from search.engine import SearchEngine
from search.request import InvalidQuery
from web.context import current_config, current_engine
from web.middleware.route_marks import takes_upload, unqueued
from web.pages.cards import make_similar_cards
from web.upload import encode_upload

SHOWN = 24

blueprint = Blueprint("similar", __name__)


@blueprint.get("/look")
@unqueued
def show() -> ResponseReturnValue:
    """The upload form."""
    return _page()


@blueprint.post("/look")
@takes_upload
@unqueued  # it queues by itself, see web.upload
def upload() -> ResponseReturnValue:
    """Photos like the uploaded picture, and its captions."""
    engine = current_engine()
    state = encode_upload(request)
    return _page(
        captions=_captions(engine, state),
        similar=make_similar_cards(engine, engine.similar(state, SHOWN)),
    )


@blueprint.errorhandler(InvalidQuery)
def _no_picture(_: InvalidQuery) -> ResponseReturnValue:
    return _page(problem="No picture was sent. Choose one first."), 400


@blueprint.errorhandler(UnreadablePhoto)
def _unreadable(error: UnreadablePhoto) -> ResponseReturnValue:
    return _page(problem=str(error)), 400


@blueprint.errorhandler(RequestEntityTooLarge)
def _too_large(_: RequestEntityTooLarge) -> ResponseReturnValue:
    limit = current_config().max_upload_bytes / 1e6
    return _page(problem=f"The picture is too large: at most {limit:.0f} MB can be sent."), 413


def _captions(engine: SearchEngine, state: PhotoState) -> list[Caption]:
    return engine.captioner.generate_captions(state)[0]


def _page(**shown: object) -> str:
    return render_template(
        "similar.html", megabytes=round(current_config().max_upload_bytes / 1e6), **shown
    )

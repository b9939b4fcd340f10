"""Search by photo: somebody sends a picture and sees the photos like it; it is never kept.

Knows nothing about JSON. What is wrong with a picture is said on the page itself.
"""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from captioner.beam_search import Caption, generate_captions
from captioner.captioner import PhotoState
from captioner.image_file import UnreadablePhoto
from search.engine import SearchEngine
from search.request import InvalidQuery
from web.context import current_config, current_engine
from web.pages.cards import make_alike
from web.upload import look_at

SHOWN = 24

blueprint = Blueprint("look", __name__)


@blueprint.get("/look")
def ask() -> ResponseReturnValue:
    """The form that takes a picture."""
    return _page()


@blueprint.post("/look")
def show_like() -> ResponseReturnValue:
    """Photos like the picture that was sent, and what the captioner would say about it."""
    engine = current_engine()
    state = look_at(request)
    return _page(
        captions=_captions(engine, state),
        alike=make_alike(engine, engine.similar(state, SHOWN)),
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
    return generate_captions(engine.captioner, state)[0]


def _page(**shown: object) -> str:
    return render_template(
        "look.html", megabytes=round(current_config().max_upload_bytes / 1e6), **shown
    )

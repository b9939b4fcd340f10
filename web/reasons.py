"""The JSON API about words: why a photo, which sentence for a photo, which word next.

Knows nothing about HTML; errors get their shape in web.errors.
"""

from __future__ import annotations

from flask import Blueprint, Request, jsonify, request
from flask.typing import ResponseReturnValue

from search.complete import complete
from search.explain import explain
from search.query import MAX_RESULTS, InvalidQuery
from search.sentences import captions_near, check_sentences, rank_sentences
from web.api import PHOTO_ID
from web.context import current_engine
from web.parameters import read_prefix

_DEFAULT_CAPTIONS = 20

blueprint = Blueprint("reasons", __name__, url_prefix="/api/v1")


@blueprint.get(f"/photos/{PHOTO_ID}/explain")
def explain_photo(photo_id: int) -> ResponseReturnValue:
    """What each word of q gains on one photo, found by it or not, and where it looked."""
    engine, query = current_engine(), request.args.get("q", "")
    found = explain(engine.captioner, engine.embedder, query, engine.state(photo_id))
    return jsonify({"photo_id": photo_id, **found.to_json()})


@blueprint.post(f"/photos/{PHOTO_ID}/rank")
def rank(photo_id: int) -> ResponseReturnValue:
    """Sentences, or the collection's captions where none are given, best first for a photo."""
    sentences, k = _read_body(request)
    engine = current_engine()
    state = engine.state(photo_id)
    if sentences is None:
        sentences, k = captions_near(engine, state), k or _DEFAULT_CAPTIONS
    ranked = rank_sentences(engine.captioner, engine.embedder, sentences, state)
    shown = [each.to_json() for each in ranked[:k]]
    return jsonify({"photo_id": photo_id, "candidates": len(ranked), "sentences": shown})


@blueprint.get("/complete")
def completions() -> ResponseReturnValue:
    """The words that may follow q, likeliest first."""
    return jsonify(complete(current_engine(), *read_prefix(request)).to_json())


def _read_body(request: Request) -> tuple[list[str] | None, int | None]:
    """The sentences and k of a JSON object; None for what it does not say.

    Only JSON is read: a form of another site can be sent without asking, JSON cannot.

    Raises:
        InvalidQuery: a value is not of its kind, or over its limit.
        UnsupportedMediaType: the body is not declared to be JSON; by Flask.
    """
    body = request.get_json()
    if not isinstance(body, dict):
        raise InvalidQuery("sentences", "the body must be a JSON object")
    return _sentences(body.get("sentences")), _count(body.get("k"))


def _sentences(value: object) -> list[str] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InvalidQuery("sentences", "sentences must be a list of texts")
    check_sentences(value)
    return value


def _count(value: object) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 1 <= value <= MAX_RESULTS:
        raise InvalidQuery("k", f"k must be a whole number from 1 to {MAX_RESULTS}")
    return value

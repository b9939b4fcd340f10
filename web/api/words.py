"""The JSON API of words: explanations, sentences ranked for a photo, and completions."""

from __future__ import annotations

from flask import Response, jsonify

from search.complete import complete
from search.explain import explain
from search.image_to_text import captions_near, rank_sentences
from web.api import schemas
from web.api.openapi import WORDS, answers, api_blueprint
from web.context import current_engine
from web.parameters import (
    PHOTO_ID,
    CompleteParameters,
    ExplainParameters,
    PhotoPath,
    RankBody,
    require_json_object,
)

_DEFAULT_CAPTIONS = 20

blueprint = api_blueprint("words_api", __name__)


@blueprint.before_request
def _read_json() -> None:
    require_json_object("sentences")


@blueprint.get(
    f"/photos/{PHOTO_ID}/explain", tags=[WORDS], responses=answers(schemas.Explanation, 404)
)
def explain_photo(path: PhotoPath, query: ExplainParameters) -> Response:
    """What each word of q gains on one photo, found by it or not, and where it looked."""
    engine = current_engine()
    found = explain(engine.captioner, engine.embedder, query.q, engine.state(path.photo_id))
    return jsonify({"photo_id": path.photo_id, **found.to_json()})


@blueprint.post(
    f"/photos/{PHOTO_ID}/rank",
    tags=[WORDS],
    responses=answers(schemas.RankAnswer, 403, 404, 415),
)
def rank(path: PhotoPath, body: RankBody) -> Response:
    """Sentences, or the collection's captions where none are given, best first for a photo."""
    engine, sentences, k = current_engine(), body.sentences, body.k
    state = engine.state(path.photo_id)
    if sentences is None:
        sentences, k = captions_near(engine, state), k or _DEFAULT_CAPTIONS
    ranked = rank_sentences(engine.captioner, engine.embedder, sentences, state)
    shown = [each.to_json() for each in ranked[:k]]
    return jsonify({"photo_id": path.photo_id, "candidates": len(ranked), "sentences": shown})


@blueprint.get("/complete", tags=[WORDS], responses=answers(schemas.Completions))
def completions(query: CompleteParameters) -> Response:
    """The words that may follow q, likeliest first."""
    return jsonify(complete(current_engine(), query.q, query.k).to_json())

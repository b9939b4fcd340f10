"""The web page and the JSON API, as one Flask application.

Knows nothing about the command line; the engine is given, loaded, from outside.
"""

from __future__ import annotations

import logging

from flask import Flask
from flask.json.provider import DefaultJSONProvider

from search.engine import SearchEngine
from web import (
    api,
    collection,
    collection_api,
    context,
    formats,
    lookpage,
    pages,
    photopage,
    reasons,
    reference,
)
from web.config import InvalidOrigin, TokenRequired, WebConfig, is_loopback, new_token
from web.context import replace_engine
from web.errors import handle_errors
from web.indexing import bind_indexing, indexing_of
from web.openapi import new_app
from web.security import protect
from web.turns import take_turns

__all__ = [
    "InvalidOrigin",
    "TokenRequired",
    "WebConfig",
    "create_app",
    "indexing_of",
    "is_loopback",
    "new_token",
    "replace_engine",
]


def create_app(engine: SearchEngine, config: WebConfig | None = None) -> Flask:
    """An application that answers from `engine`; any number of threads may call it."""
    config = config or WebConfig()
    app = new_app(__name__, config)
    context.bind(app, engine, config)
    bind_indexing(app, engine, config)
    app.logger.setLevel(logging.INFO)
    if isinstance(app.json, DefaultJSONProvider):
        app.json.sort_keys = False
    formats.register(app)
    protect(app, config)
    handle_errors(app)
    app.register_api(api.blueprint)
    app.register_api(reasons.blueprint)
    app.register_api(collection_api.blueprint)
    app.register_blueprint(reference.blueprint)
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(photopage.blueprint)
    app.register_blueprint(lookpage.blueprint)
    app.register_blueprint(collection.blueprint)
    take_turns(app)  # after the last blueprint
    return app

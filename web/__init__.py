"""The web page and the JSON API as one Flask application; the engine is given, loaded."""

from __future__ import annotations

import logging

from flask import Flask

from search.engine import SearchEngine
from web import context, template_filters
from web.api import albums as albums_api
from web.api import collection as collection_api
from web.api import docs, photos, words
from web.api import searches as searches_api
from web.api import shares as shares_api
from web.api.openapi import new_app
from web.config import InvalidOrigin, InvalidToken, TokenRequired, WebConfig, is_loopback, new_token
from web.context import replace_engine
from web.errors import handle_errors
from web.indexing.state import bind_indexing, indexing_of
from web.middleware.requests import BoundedJSON, keep_to_http
from web.middleware.route_marks import mark_static_files
from web.middleware.security import protect
from web.middleware.worker_queue import queue_views
from web.pages import albums, collection, photo, saved, search, shared, similar

__all__ = [
    "InvalidOrigin",
    "InvalidToken",
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
    app.json = BoundedJSON(app)
    template_filters.register(app)
    mark_static_files(app)
    protect(app, config)
    keep_to_http(app)
    handle_errors(app)
    app.register_api(photos.blueprint)
    app.register_api(words.blueprint)
    app.register_api(albums_api.blueprint)
    app.register_api(shares_api.blueprint)
    app.register_api(searches_api.blueprint)
    app.register_api(collection_api.blueprint)
    app.register_blueprint(docs.blueprint)
    app.register_blueprint(search.blueprint)
    app.register_blueprint(photo.blueprint)
    app.register_blueprint(similar.blueprint)
    app.register_blueprint(albums.blueprint)
    app.register_blueprint(saved.blueprint)
    app.register_blueprint(shared.blueprint)
    app.register_blueprint(collection.blueprint)
    queue_views(app)  # after the last blueprint
    return app

"""The application factory: the pages and the JSON API over an engine that is given, loaded."""

from __future__ import annotations

import logging

from flask import Flask

from search.engine import SearchEngine
from web import context, template_filters
from web.api import albums as albums_api
from web.api import browse as browse_api
from web.api import collection as collection_api
from web.api import docs, photos, words
from web.api import searches as searches_api
from web.api import shares as shares_api
from web.api.openapi import new_app
from web.config import WebConfig
from web.errors import handle_errors
from web.indexing.state import bind_indexing
from web.middleware.metrics import serve_metrics
from web.middleware.proxy import behind_proxy
from web.middleware.request_log import log_requests
from web.middleware.requests import BoundedJSON, keep_to_http
from web.middleware.route_marks import mark_static_files
from web.middleware.security import protect
from web.middleware.worker_queue import queue_views
from web.pages import (
    albums,
    browse,
    browse_map,
    collection,
    install,
    photo,
    saved,
    search,
    shared,
    similar,
)


def create_app(engine: SearchEngine, config: WebConfig | None = None) -> Flask:
    """An application that answers from `engine`; any number of threads may call it."""
    config = config or WebConfig()
    app = new_app("web", config)
    context.bind(app, engine, config)
    bind_indexing(app, engine, config)
    app.logger.setLevel(logging.INFO)
    app.json = BoundedJSON(app)
    template_filters.register(app)
    mark_static_files(app)
    if config.log_requests:
        log_requests(app, with_queries=config.log_queries)
    if config.metrics:
        serve_metrics(app)
    protect(app, config)
    keep_to_http(app)
    handle_errors(app)
    app.register_api(photos.blueprint)
    app.register_api(browse_api.blueprint)
    app.register_api(words.blueprint)
    app.register_api(albums_api.blueprint)
    app.register_api(shares_api.blueprint)
    app.register_api(searches_api.blueprint)
    app.register_api(collection_api.blueprint)
    app.register_blueprint(docs.blueprint)
    app.register_blueprint(search.blueprint)
    app.register_blueprint(browse.blueprint)
    app.register_blueprint(browse_map.blueprint)
    app.register_blueprint(photo.blueprint)
    app.register_blueprint(similar.blueprint)
    app.register_blueprint(albums.blueprint)
    app.register_blueprint(saved.blueprint)
    app.register_blueprint(shared.blueprint)
    app.register_blueprint(collection.blueprint)
    app.register_blueprint(install.blueprint)
    queue_views(app)  # after the last blueprint
    app.wsgi_app = behind_proxy(app.wsgi_app, config)  # type: ignore[method-assign,assignment]
    return app

"""Prometheus metrics: requests and searches as they are answered, the rest when it is asked for.

Labels have few values: routes instead of addresses, and known methods alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from catalog.photos import count_photos
from web.context import engine_of
from web.indexing.state import indexing_of
from web.middleware.route_marks import unqueued

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.3, 0.5, 1, 2.5, 5, 10)
_METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})
# What is asked when somebody searches: by a sentence where the route takes one, else by a picture.
_SEARCHES = frozenset({"photos_api.search", "photos_api.search_by_picture", "search.show",
                       "similar.upload"})  # fmt: skip


def serve_metrics(app: Flask) -> None:
    """Measure every request of `app`, and answer /metrics.

    Before the checks of requests are registered, so that what these refuse counts, too.
    """
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_State(app))
    requests = Counter(
        "tellshow_http_requests", "Requests answered", ("method", "route", "status"),
        registry=registry,
    )  # fmt: skip
    seconds = Histogram(
        "tellshow_http_request_duration_seconds", "Seconds until an answer begins", ("route",),
        buckets=_SECONDS, registry=registry,
    )  # fmt: skip
    searches = Counter("tellshow_searches", "Searches answered", registry=registry)

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()

    @app.after_request
    def count(response: Response) -> Response:
        route = str(request.url_rule or "none")
        method = request.method if request.method in _METHODS else "other"
        requests.labels(method, route, str(response.status_code)).inc()
        seconds.labels(route).observe(time.perf_counter() - g.began)
        if _is_search() and response.status_code == 200:
            searches.inc()
        return response

    @app.get("/metrics")
    @unqueued
    def metrics() -> Response:
        """The metrics, in the form of Prometheus that the client asks for."""
        encode, kind = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(registry), content_type=kind)


def _is_search() -> bool:
    if request.endpoint not in _SEARCHES:
        return False
    return request.method == "POST" or bool(request.args.get("q", "").strip())


class _State(Collector):
    """What the collection and the server are at the moment of the question."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def collect(self) -> Iterable[Metric]:
        """The gauges; raises DatabaseUnavailable."""
        engine = engine_of(self._app)
        with engine.database.read() as session:
            photos = count_photos(session)
        run = indexing_of(self._app).monitor.progress()
        active = run.active_run
        for name, what, value in (
            ("photos", "Photos in the catalog", photos),
            ("search_queue_length", "Searches that wait for their turn", engine.workers.waiting),
            ("index_running", "1 while something is indexed", not run.is_idle),
            ("index_files", "Files of the run", (active and active.total) or 0),
            ("index_files_done", "Files of the run that are done", active.done if active else 0),
        ):
            yield GaugeMetricFamily(f"tellshow_{name}", what, float(value))

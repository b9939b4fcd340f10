"""Requests that think take turns; those that only read a file never wait behind them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, Event
from typing import TYPE_CHECKING

from tests.web.live_server import visitor

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from search.engine import SearchEngine

PATIENCE = 300


@contextmanager
def busy(engine: SearchEngine) -> Iterator[None]:
    """All workers of the engine have something to do for as long as this is open."""
    done, begun = Event(), Barrier(engine.workers.count + 1)

    def work() -> None:
        begun.wait(PATIENCE)
        done.wait(PATIENCE)

    with ThreadPoolExecutor(engine.workers.count) as pool:
        for _ in range(engine.workers.count):
            pool.submit(engine.workers.run, work)
        begun.wait(PATIENCE)
        try:
            yield
        finally:
            done.set()


def test_thumbnail_does_not_wait_behind_searches(client: FlaskClient, engine: SearchEngine) -> None:
    with busy(engine):
        assert client.get("/api/v1/photos/1/thumbnail").status_code == 200
        assert client.get("/static/base.css").status_code == 200
        assert client.get("/api/v1/healthz").status_code == 200
        assert client.get("/api/v1/runs").status_code == 200
        assert client.get("/api/v1/index").status_code == 200
        assert client.head("/api/v1/events").status_code == 200
        assert client.get("/collection").status_code == 200
        assert client.get("/api/v1/docs").status_code == 200


def test_search_waits_for_its_turn_and_is_answered(engine: SearchEngine) -> None:
    with ThreadPoolExecutor(1) as pool:
        with busy(engine):
            asked: Future[int] = pool.submit(
                lambda: visitor(engine).get("/api/v1/search?q=a+cat").status_code
            )
            assert not asked.done()
        assert asked.result(PATIENCE) == 200


def test_error_of_a_view_that_waited_is_worded(client: FlaskClient) -> None:
    answer = client.get("/api/v1/search?q=")
    assert answer.status_code == 400
    assert answer.json["error"]["code"] == "invalid_query"

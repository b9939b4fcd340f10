"""A closed-loop load generator: many HTTP clients in a process of their own.

Each asks, waits for the whole answer and asks the next at once, over one kept connection, so
that there are always as many searches under way as clients. Imports nothing heavy, since the
clients share the machine with the server.
"""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from itertools import cycle, islice
from urllib.parse import urlencode

_PATIENCE = 120.0  # seconds that a client waits before it gives an answer up
_GLANCE_SECONDS = 0.1  # between looks at a thumbnail


@dataclass(frozen=True)
class Asked:
    """One search: what was asked, and the answer's query, photos and scores, or what went wrong."""

    query: str
    milliseconds: float
    echoed: str = ""
    ids: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()
    unknown_words: tuple[str, ...] = ()
    error: str = ""


def ask_each(address: str, queries: Sequence[str], k: int) -> list[Asked]:
    """Each query once, one after the other."""
    connection = HTTPConnection(address, timeout=_PATIENCE)
    try:
        return [_ask(connection, query, k) for query in queries]
    finally:
        connection.close()


def ask_together(
    address: str, queries: Sequence[str], clients: int, seconds: float, k: int
) -> tuple[list[Asked], list[Asked]]:
    """What all clients were answered in so many seconds, asked from another process.

    And what a visitor was answered who meanwhile looked at a thumbnail now and then.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_run, address, queries, clients, seconds, k).result()


def _run(
    address: str, queries: Sequence[str], clients: int, seconds: float, k: int
) -> tuple[list[Asked], list[Asked]]:
    until = time.monotonic() + seconds
    own = [_turned(queries, client * len(queries) // clients) for client in range(clients)]
    with ThreadPoolExecutor(clients + 1) as pool:
        looked = pool.submit(_look, address, until)
        answered = pool.map(lambda texts: _loop(address, texts, until, k), own)
        return [asked for each in answered for asked in each], looked.result()


def _look(address: str, until: float) -> list[Asked]:
    """One photo's thumbnail again and again; from the file each time, for nothing is kept."""
    connection, looked = HTTPConnection(address, timeout=_PATIENCE), []
    found = ask_each(address, ["a photo"], 1)[0]
    path = f"/api/v1/photos/{found.ids[0]}/thumbnail" if found.ids else "/"
    while time.monotonic() < until:
        started = time.perf_counter()
        status, _ = _get(connection, path)
        spent = 1000 * (time.perf_counter() - started)
        looked.append(Asked(path, spent, error="" if status == 200 else f"status {status}"))
        time.sleep(_GLANCE_SECONDS)
    connection.close()
    return looked


def _get(connection: HTTPConnection, path: str) -> tuple[int, bytes]:
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.read()


def _turned(queries: Sequence[str], start: int) -> Iterator[str]:
    """All queries over and over, each client from another one on."""
    return islice(cycle(queries), start, None)


def _loop(address: str, queries: Iterator[str], until: float, k: int) -> list[Asked]:
    connection, asked = HTTPConnection(address, timeout=_PATIENCE), []
    while time.monotonic() < until:
        asked.append(_ask(connection, next(queries), k))
    connection.close()
    return asked


def _ask(connection: HTTPConnection, query: str, k: int) -> Asked:
    started = time.perf_counter()
    try:
        path = "/api/v1/search?" + urlencode({"q": query, "k": k})
        status, body = _get(connection, path)
        spent = 1000 * (time.perf_counter() - started)
        if status != 200:
            return Asked(query, spent, error=f"status {status}: {body[:200]!r}")
        return _read(query, spent, json.loads(body))
    except (OSError, HTTPException, ValueError, KeyError) as error:
        connection.close()  # the next request opens it again
        return Asked(query, 1000 * (time.perf_counter() - started), error=repr(error))


def _read(query: str, spent: float, answer: dict[str, object]) -> Asked:
    results = answer["results"]
    assert isinstance(results, list)
    unknown = answer["unknown_words"]
    assert isinstance(unknown, list)
    return Asked(
        query=query,
        milliseconds=spent,
        echoed=str(answer["query"]),
        ids=tuple(row["photo_id"] for row in results),
        scores=tuple(row["score"] for row in results),
        unknown_words=tuple(unknown),
    )

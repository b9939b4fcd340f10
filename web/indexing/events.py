"""Server-sent events about indexing: what to send, when to stop, and to how many at once.

Each stream keeps one of the server's threads, hence few of them, and none for long: browsers come
back by themselves. Knows nothing of Flask.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from threading import Event, Lock

from web.indexing.messages import progress_json, run_json
from web.indexing.progress import Progress, Watch
from web.indexing.runner import IndexRunner

MOST_STREAMS = 3
STREAM_SECONDS = 60.0
HEARTBEAT_SECONDS = 10.0
TICK_SECONDS = 0.5
RETRY_MS = 2000

_ID = re.compile(r"\d+:[a-z]+(:\d+)?")


class TooManyStreams(Exception):
    """As many follow the events as may."""


class Streams:
    """How many streams there are; closed, there are none any more."""

    def __init__(self, most: int = MOST_STREAMS) -> None:
        self.closed = Event()
        self._most = most
        self._open = 0
        self._lock = Lock()

    def take(self) -> Callable[[], None] | None:
        """A place, as the function that gives it back; None where all are taken."""
        with self._lock:
            if self._open >= self._most or self.closed.is_set():
                return None
            self._open += 1
        given_back = Event()

        def give_back() -> None:
            with self._lock:
                if not given_back.is_set():
                    given_back.set()
                    self._open -= 1

        return give_back


def stream(
    watch: Watch,
    runner: IndexRunner,
    last_id: str,
    is_gone: Callable[[], bool],
    closed: Event,
    seconds: float = STREAM_SECONDS,
) -> Iterator[str]:
    """The text of a stream: an event when something changed, a comment when nothing does."""
    sent = last_id if _ID.fullmatch(last_id) else ""
    ends = time.monotonic() + seconds
    yield f"retry: {RETRY_MS}\n\n"
    spoke = time.monotonic()
    while time.monotonic() < ends and not is_gone():
        for name, key, data in events_after(sent, watch.look(), runner):
            yield f"event: {name}\nid: {key}\ndata: {json.dumps(data)}\n\n"
            sent, spoke = key, time.monotonic()
        if time.monotonic() - spoke > HEARTBEAT_SECONDS:
            yield ": still here\n\n"
            spoke = time.monotonic()
        if closed.wait(TICK_SECONDS):
            return


def events_after(
    sent: str, seen: Progress, runner: IndexRunner
) -> Iterator[tuple[str, str, dict[str, object]]]:
    """What whoever got the event `sent` last ("" for none) has to be told: name, id, data.

    An id is the last run's number, the state, and how many files were done, so that who comes back
    after the end of a run is told of that end.
    """
    run_id = seen.run.run_id if seen.run else 0
    if not seen.is_idle:
        key = f"{run_id}:{seen.state}:{seen.going.done if seen.going else int(seen.stopping)}"
        if key != sent:
            yield "progress", key, progress_json(seen)
        return
    idle, done = f"{run_id}:idle", f"{run_id}:done"
    if sent == idle:
        return
    if sent not in ("", done):
        yield "done", done, _end(seen, runner)
    yield "idle", idle, progress_json(seen)


def _end(seen: Progress, runner: IndexRunner) -> dict[str, object]:
    return {
        "run": run_json(seen.run) if seen.run else None,
        "last": runner.ended.to_json() if runner.ended else None,
    }

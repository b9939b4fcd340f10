"""Hot reload: a running server changes to a newer captioner once it has described every photo.

So it does where the home gets another image embedder, or is calibrated.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from commands.common.errors import sentence
from commands.common.loading import (
    answering_engine,
    finding_engine,
    open_catalog,
    what_answers,
)
from commands.common.output import note

if TYPE_CHECKING:
    from threading import Event

    from flask import Flask

    from catalog.database import Database
    from catalog.home import Home

LOOK_AGAIN = 60.0  # seconds between looks whether a newer captioner is complete


@contextmanager
def following(app: Flask, home: Path | None, device: str | None) -> Iterator[None]:
    """While this is open, `app` changes to what is to answer by now, within LOOK_AGAIN."""
    from threading import Event, Thread

    stop = Event()
    with open_catalog(home, reading=True) as (opened, database):
        thread = Thread(target=_follow, args=(app, opened, database, device, stop))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def _follow(app: Flask, home: Home, database: Database, device: str | None, stop: Event) -> None:
    from captioner.checkpoint import CheckpointError
    from catalog.database import DatabaseUnavailable
    from search.request import SearchRequest
    from web import replace_engine

    known = what_answers(home, database)
    while not stop.wait(LOOK_AGAIN):
        try:
            found = what_answers(home, database)
            if found == known:
                continue
            engine = finding_engine(answering_engine(home, database, device))
            engine.search(SearchRequest("a photo"))
        except (CheckpointError, DatabaseUnavailable, OSError) as error:
            note(f"the captioner stays as it is for now: {sentence(error)}")
            continue
        known = found
        replace_engine(app, engine)
        note(f"from now on {engine.captioner.name} answers")

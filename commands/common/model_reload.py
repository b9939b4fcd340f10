"""Hot reload: a running server changes to a newer captioner once it has described every photo."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from commands.common.errors import sentence
from commands.common.loading import answering_captioner, answering_engine, open_catalog
from commands.common.output import note

if TYPE_CHECKING:
    from threading import Event

    from flask import Flask

    from catalog.database import Database
    from catalog.home import Home

LOOK_AGAIN = 60.0  # seconds between looks whether a newer captioner is complete


@contextmanager
def following(app: Flask, home: Path | None, device: str | None) -> Iterator[None]:
    """While this is open, `app` changes to a newer captioner as soon as that is complete."""
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

    known = answering_captioner(home, database)
    while not stop.wait(LOOK_AGAIN):
        try:
            found = answering_captioner(home, database)
            if (found and found.model_id) == (known and known.model_id):
                continue
            engine = answering_engine(home, database, device)
            engine.search(SearchRequest("a photo"))
        except (CheckpointError, DatabaseUnavailable, OSError) as error:
            note(f"the captioner stays as it is for now: {sentence(error)}")
            continue
        known = found
        replace_engine(app, engine)
        note(f"from now on {engine.captioner.name} answers")

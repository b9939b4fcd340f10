"""`tellshow index --watch`: one run after the other, for as long as nobody ends it.

Knows nothing of how a change is noticed.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from commands.output import note
from commands.report import print_report

if TYPE_CHECKING:
    from catalog.home import Home
    from indexer.pipeline import Indexer, IndexReport, Progress

BUSY_SECONDS = 2.0  # between looks whether another tellshow is done


def keep_indexing(
    indexer: Indexer, home: Home, folders: tuple[Path, ...], bar: Progress, as_json: bool
) -> None:
    """Until interrupted: a report of the first pass, and of each that changed something."""
    from indexer.progress import EachOnce
    from indexer.watch import times_to_look

    progress = EachOnce(bar)
    own = (home.thumbnails, home.vectors, home.models)
    for number, _ in enumerate(times_to_look(folders, own)):
        report = _index_when_free(indexer, folders, progress)
        if number == 0 or report.changed:
            print_report(report, as_json)


def _index_when_free(
    indexer: Indexer, folders: tuple[Path, ...], progress: Progress
) -> IndexReport:
    from catalog.session import ConnectionLost, WriterBusy

    told = False
    while True:
        try:
            return indexer.index(folders, progress)
        except (ConnectionLost, WriterBusy) as error:
            if not told:
                note(f"{error} Waiting for it.")
            told = True
            time.sleep(BUSY_SECONDS)

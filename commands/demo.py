"""`tellshow demo`: index sample photos into a home of their own and run two queries."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.common.errors import SavingCommand
from commands.common.loading import describing_models
from commands.common.options import device_option, home_option
from commands.common.output import print_answer, print_report
from commands.common.progress_bar import ProgressBar
from commands.common.terminal import echo

if TYPE_CHECKING:
    from catalog.database import Database
    from catalog.home import Home
    from search.engine import SearchEngine

_QUERIES = ("a man with a camera on a tripod", "a cat sitting on the floor")


@click.command(cls=SavingCommand)
@home_option
@device_option
def demo(home: Path | None, device: str | None) -> None:
    """Index a dozen sample photos into a home of their own and ask for two of them."""
    from catalog.database import open_database
    from catalog.home import open_home
    from indexer.sample_photos import copy_sample_photos

    opened = open_home(home or _demo_home())
    album = opened.path / "photos"
    album.mkdir(exist_ok=True)
    copy_sample_photos(album)
    with closing(open_database(opened)) as database:
        _ask(_indexed(opened, database, album, device))
    command = f"{Path(sys.argv[0])} serve --home {opened.path}"
    for line in ("", "Open the page: run", f"  {command}", "then visit http://127.0.0.1:8765"):
        echo(line)


def _demo_home() -> Path:
    import platformdirs

    return Path(platformdirs.user_data_dir("tellshow")) / "demo"


def _indexed(home: Home, database: Database, album: Path, device: str | None) -> SearchEngine:
    from indexer.pipeline import Indexer
    from search.engine import SearchEngine

    with ProgressBar("photos") as bar:
        models = describing_models(home, database, None, device, None)
        report = Indexer(home, database, *models).index([album], bar)
    print_report(report, as_json=False)
    return SearchEngine(home, database, *models)


def _ask(engine: SearchEngine) -> None:
    from search.request import SearchRequest

    for query in _QUERIES:
        echo()
        echo(f'"{query}"')
        answer = engine.search(SearchRequest(query, k=3))
        found = engine.photos([result.photo_id for result in answer.results])
        print_answer(answer, engine.guesses(found.values()))

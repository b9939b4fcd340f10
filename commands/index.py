"""`tellshow index`: add or refresh the photos in folders, once or until Ctrl-C.

Knows nothing of how a photo is read or described.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.captioners import describing_models
from commands.errors import Failed
from commands.folders import refuse_files, refuse_unknown
from commands.opening import open_catalog
from commands.options import (
    FILE,
    device_option,
    embedder_option,
    home_option,
    json_option,
    model_option,
)
from commands.progress import ProgressBar
from commands.report import print_report
from commands.watching import keep_indexing

if TYPE_CHECKING:
    from indexer.pipeline import Indexer


@click.command()
@click.argument("folders", nargs=-1, required=True, type=FILE)
@click.option(
    "--prune", is_flag=True, help="Remove vanished photos even if most of a folder is gone."
)
@click.option("--watch", is_flag=True, help="Go on, and follow what changes until Ctrl-C.")
@click.option("--batch-size", type=click.IntRange(1, 1024), show_default="32; on CUDA 256")
@model_option
@embedder_option
@device_option
@json_option
@home_option
def index(
    folders: tuple[Path, ...],
    prune: bool,
    watch: bool,
    batch_size: int | None,
    model: Path | None,
    embedder: str | None,
    device: str | None,
    as_json: bool,
    home: Path | None,
) -> None:
    """Add or refresh the photos in FOLDERS."""
    from indexer.pipeline import Indexer, IndexOptions

    refuse_files(folders)
    with open_catalog(home) as (opened, database):
        refuse_unknown(database, folders)
        models = describing_models(opened, database, model, device, embedder)
        options = IndexOptions(batch_size=batch_size, prune=prune)
        indexer = Indexer(opened, database, *models, options)
        with ProgressBar("photos") as bar:
            if watch:
                keep_indexing(indexer, opened, folders, bar, as_json)
            else:
                _index_once(indexer, folders, bar, as_json)


def _index_once(
    indexer: Indexer, folders: tuple[Path, ...], bar: ProgressBar, as_json: bool
) -> None:
    report = indexer.index(folders, bar)
    print_report(report, as_json)
    seen = report.indexed + report.unchanged + report.moved + report.duplicates
    seen += report.removed + report.withheld
    if not seen and not report.skipped and not report.offline_roots:
        raise Failed(f"there are no photos in {', '.join(map(str, folders))}")

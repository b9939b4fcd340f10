"""`tellshow index`: add or refresh the photos in folders, once or, with --watch, until Ctrl-C."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.common.errors import Failed, SavingCommand
from commands.common.loading import (
    describing_image_embedder,
    describing_models,
    fetched_image_embedder,
    open_catalog,
)
from commands.common.on_ray import engine_on_ray, ray_options, read_ray_options
from commands.common.options import (
    FILE,
    device_option,
    download_option,
    embedder_option,
    home_option,
    json_option,
    model_option,
    refuse_files,
    refuse_unknown,
)
from commands.common.output import note, print_report
from commands.common.parent import end_with
from commands.common.progress_bar import ProgressBar

if TYPE_CHECKING:
    from catalog.home import Home
    from indexer.pipeline import Indexer, IndexReport, Progress

BUSY_SECONDS = 2.0  # between looks whether another tellshow is done


def _check_patterns(
    context: click.Context, option: click.Parameter, patterns: tuple[str, ...]
) -> tuple[str, ...]:
    if patterns:
        from indexer.ignore import InvalidPattern, check_pattern

        try:
            for pattern in patterns:
                check_pattern(pattern)
        except InvalidPattern as error:
            raise click.BadParameter(str(error)) from error
    return patterns


@click.command(cls=SavingCommand)
@click.argument("folders", nargs=-1, required=True, type=FILE)
@click.option(
    "--prune", is_flag=True, help="Remove vanished photos even if most of a folder is gone."
)
@click.option("--watch", is_flag=True, help="Go on, and follow what changes until Ctrl-C.")
@click.option(
    "--exclude",
    "excluded",
    multiple=True,
    metavar="PATTERN",
    callback=_check_patterns,
    help="Leave out what this covers, in gitignore's syntax, from now on; may be repeated.",
)
@click.option(
    "--forget-excluded", is_flag=True, help="Forget the patterns that were excluded before."
)
@click.option("--verify", is_flag=True, help="Then read every photo, and name those that decayed.")
@click.option("--batch-size", type=click.IntRange(1, 1024), show_default="32; on CUDA 256")
@model_option
@embedder_option
@click.option(
    "--image-embedder",
    metavar="FOLDER",
    help="Also embed photos by this CLIP, from now on; none: take it back.",
)
@download_option
@device_option
@ray_options
@click.option("--parent", type=int, hidden=True)  # see commands.common.parent
@json_option
@home_option
def index(
    folders: tuple[Path, ...],
    prune: bool,
    watch: bool,
    excluded: tuple[str, ...],
    forget_excluded: bool,
    verify: bool,
    batch_size: int | None,
    model: Path | None,
    embedder: str | None,
    image_embedder: str | None,
    download: bool,
    device: str | None,
    parent: int | None,
    as_json: bool,
    home: Path | None,
    **ray: Any,
) -> None:
    """Add or refresh the photos in FOLDERS."""
    from indexer.pipeline import Indexer, IndexOptions
    from indexer.retry import RetryPolicy

    if parent is not None:
        end_with(parent)
    refuse_files(folders)
    on_ray = read_ray_options(batch_size, **ray)
    image_embedder = fetched_image_embedder(image_embedder, download)
    retry = RetryPolicy(math.inf if watch else None)
    with open_catalog(home, retry=retry) as (opened, database):
        refuse_unknown(database, folders)
        models = describing_models(opened, database, model, device, embedder)
        own_device = str(models[0].device)
        images = describing_image_embedder(opened, database, image_embedder, own_device)
        options = IndexOptions(
            batch_size=batch_size,
            prune=prune,
            exclude=excluded,
            forget_excluded=forget_excluded,
            stoppable=parent is not None,
            verify=verify,
        )
        with (
            engine_on_ray(opened, models, device, on_ray) as engine,
            ProgressBar("photos") as bar,
        ):
            indexer = Indexer(
                opened, database, *models, options, image_embedder=images, engine=engine
            )
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


def keep_indexing(
    indexer: Indexer, home: Home, folders: tuple[Path, ...], bar: Progress, as_json: bool
) -> None:
    """With --watch, until interrupted: report the first pass, and each that changed something."""
    from catalog.own_files import shards
    from indexer.progress import EachOnce
    from indexer.watch import times_to_look

    progress = EachOnce(bar)
    own = (*shards(home.path), home.vectors, home.models)
    for number, _ in enumerate(times_to_look(folders, own)):
        report = _index_when_free(indexer, folders, progress)
        if number == 0 or report.changed:
            print_report(report, as_json)


def _index_when_free(
    indexer: Indexer, folders: tuple[Path, ...], progress: Progress
) -> IndexReport:
    from catalog.database import TemporarilyUnavailable, WriterBusy

    told = False
    while True:
        try:
            return indexer.index(folders, progress)
        except (TemporarilyUnavailable, WriterBusy) as error:
            if not told:
                note(f"{error} Waiting for it.")
            told = True
            time.sleep(BUSY_SECONDS)

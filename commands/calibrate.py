"""`tellshow calibrate`: fit a home's ranking and certainty on captions of one's own."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.common.errors import Failed
from commands.common.loading import (
    NOTHING_INDEXED,
    answering_engine,
    home_image_embedder,
    open_catalog,
)
from commands.common.options import FILE, device_option, home_option, json_option
from commands.common.output import note, print_json
from commands.common.progress_bar import ProgressBar
from commands.common.temporary_engine import temporary_engine
from commands.common.terminal import echo

if TYPE_CHECKING:
    from captioner.captioner import Ranking
    from captioner.dataset import CaptionedPhoto
    from catalog.database import Database
    from search.engine import SearchEngine
    from search.evaluation.calibrate import CalibrationReport, Figures


@click.command()
@click.option("--captions", type=FILE, help="Of your own photos: TSV, COCO or Karpathy JSON.")
@click.option("--images", type=FILE, help="The folder of the photos.")
@click.option(
    "--queries", type=click.IntRange(1), default=1000, show_default=True, help="At most so many."
)
@click.option("--reset", is_flag=True, help="Take the fitted weights back.")
@device_option
@json_option
@home_option
def calibrate(
    captions: Path | None,
    images: Path | None,
    queries: int,
    reset: bool,
    device: str | None,
    as_json: bool,
    home: Path | None,
) -> None:
    """Fit how scores combine, and how certain they are, on captions of one's own."""
    if reset == (captions is not None) or (captions is None) != (images is None):
        raise click.UsageError("give either --captions and --images, or --reset")
    with open_catalog(home) as (opened, database):
        if captions is None or images is None:
            _reset(database, as_json)
            return
        photos = _read(captions, images)
        engine = answering_engine(opened, database, device)
        engine.image_embedder = home_image_embedder(database, engine.captioner.device)
        report, ranking = _fit(engine, photos, queries)
        _keep(engine, report, ranking)
    print_json(report.to_json()) if as_json else _print_report(report)


def _reset(database: Database, as_json: bool) -> None:
    from catalog.calibrations import remove_calibrations

    with database.write() as session:
        removed = remove_calibrations(session)
    if as_json:
        print_json({"removed": removed})
    elif removed:
        echo("the captioner's own weights rank again")
    else:
        echo("this home was not calibrated")


def _read(captions: Path, images: Path) -> list[CaptionedPhoto]:
    from captioner.dataset import read_captions
    from search.evaluation.calibrate import LEAST_PHOTOS

    photos = read_captions(captions, images)
    if len(photos) < LEAST_PHOTOS:
        raise Failed(
            f"{captions} has captions of {len(photos)} photos, and fewer than {LEAST_PHOTOS} tell "
            "too little to fit weights on: write some more"
        )
    return photos


def _fit(
    engine: SearchEngine, photos: list[CaptionedPhoto], queries: int
) -> tuple[CalibrationReport, Ranking]:
    """Measure the captions in a home of their own, and fit weights on them."""
    from search.evaluation.calibrate import calibrate_on
    from search.evaluation.dev_sets import measure_dev_set

    _model_ids(engine)  # before minutes of work
    models = engine.captioner, engine.embedder
    with (
        ProgressBar("photos") as bar,
        temporary_engine(*models, photos, bar, engine.image_embedder) as (measuring, views),
    ):
        bar.phase("captions", min(queries, sum(len(photo.captions) for photo in photos)))
        dev_set = measure_dev_set(measuring, photos, views, queries, bar.advance)
    return calibrate_on(dev_set)


def _model_ids(engine: SearchEngine) -> tuple[int, int | None]:
    """The ids of the home's captioner and image embedder; raises Failed for an empty home."""
    from catalog.image_vectors import chosen_image_embedder
    from search.collection import own_model_id

    with engine.database.read() as session:
        model_id = own_model_id(session, engine.captioner, engine.embedder)
        chosen = chosen_image_embedder(session) if engine.image_embedder else None
    if model_id is None:
        raise Failed(NOTHING_INDEXED)
    return model_id, chosen.model_id if chosen else None


def _keep(engine: SearchEngine, report: CalibrationReport, ranking: Ranking) -> None:
    from catalog.calibrations import NewCalibration, save_calibration

    own = _model_ids(engine)
    new = NewCalibration(*own, asdict(ranking), report.captions, report.photos)
    with engine.database.write() as session:
        save_calibration(session, new)
    if report.is_worse:
        note(
            "captions that the weights have not seen find their photos less often than before: "
            "take the weights back with tellshow calibrate --reset"
        )


def _print_report(report: CalibrationReport) -> None:
    short = f" and {report.short_queries} short queries" if report.short_queries else ""
    beside = f", with {report.image_embedder}" if report.image_embedder else ""
    echo(f"fitted on {report.captions} captions{short} of {report.photos} photos{beside}")
    if report.captioner_alone is not None:
        _print_figures("captioner alone", report.captioner_alone)
    _print_figures("before", report.before)
    _print_figures("after", report.after)


def _print_figures(name: str, found: Figures) -> None:
    recall = found.recall
    echo(
        f"{name:16s} R@1 {recall.r1:5.1f}  R@5 {recall.r5:5.1f}  R@10 {recall.r10:5.1f}  "
        f"median rank {recall.median_rank:g}  claimed {found.claimed:.2f}  true {found.true:.2f}  "
        f"calibration error {found.expected_error:.2f}"
    )

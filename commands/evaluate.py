"""`tellshow evaluate`: recall and caption metrics on a captioned set, by the product's engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.common.loading import fetched_image_embedder, load_models
from commands.common.options import (
    captioned_options,
    device_option,
    download_option,
    embedder_option,
    json_option,
    model_option,
)
from commands.common.output import print_json
from commands.common.progress_bar import ProgressBar
from commands.common.temporary_engine import temporary_engine
from commands.common.terminal import echo

if TYPE_CHECKING:
    from captioner.dataset import CaptionedPhoto
    from captioner.image_embedder import ImageEmbedder
    from catalog.views import PhotoView
    from search.engine import SearchEngine
    from search.evaluation.evaluate import Evaluation
    from search.evaluation.reliability import Reliability
    from search.evaluation.short_report import ShortReport


@click.command("evaluate")
@captioned_options
@click.option("--split", help="Which of Karpathy's splits (default: all).")
@click.option("--queries", type=click.IntRange(1), help="Sample this many captions (seed 0).")
@click.option("--short", is_flag=True, help="Also ask short queries made from the captions.")
@model_option
@embedder_option
@click.option(
    "--image-embedder", metavar="FOLDER", help="Also embed photos and queries by this CLIP."
)
@download_option
@device_option
@json_option
def evaluate_command(
    captions: Path,
    images: Path,
    split: str | None,
    queries: int | None,
    short: bool,
    model: Path | None,
    embedder: str | None,
    image_embedder: str | None,
    download: bool,
    device: str | None,
    as_json: bool,
) -> None:
    """Measure recall and captions on a captioned set, with the product's own engine."""
    from captioner.dataset import read_captions
    from search.evaluation.evaluate import evaluate, sample_queries

    image_embedder = fetched_image_embedder(image_embedder, download)
    photos = read_captions(captions, images, split)
    captioner, sentences = load_models(model, device, embedder)
    clip = _image_embedder(image_embedder, captioner.device)
    with (
        ProgressBar("photos") as bar,
        temporary_engine(captioner, sentences, photos, bar, clip) as (engine, views),
    ):
        asked = sample_queries(photos, queries)
        bar.phase("queries", 2 * len(asked))
        evaluation = evaluate(engine, photos, views, asked, bar.advance)
        if short:
            evaluation = replace(evaluation, short=_short(engine, photos, views, bar))
    print_json(evaluation.to_json()) if as_json else _print_evaluation(evaluation)


def _image_embedder(folder: str | None, device: str) -> ImageEmbedder | None:
    from captioner.image_embedder import ImageEmbedder

    return None if folder is None else ImageEmbedder(Path(folder), device)


def _short(
    engine: SearchEngine, photos: list[CaptionedPhoto], views: list[PhotoView], bar: ProgressBar
) -> ShortReport | None:
    import numpy as np

    from search.evaluation.short_report import measure_nouns, report_nouns

    ids = np.array([view.photo_id for view in views])
    bar.phase("short queries", 0)
    nouns = measure_nouns(engine, photos, ids, bar.advance)
    return report_nouns(nouns, engine.captioner.provenance.ranking) if nouns else None


def _print_evaluation(evaluation: Evaluation) -> None:
    beside = f", beside {evaluation.image_embedder}" if evaluation.image_embedder else ""
    echo(f"{evaluation.queries} queries over {evaluation.photos} photos{beside}")
    rows = {**evaluation.text_to_image, "photo -> text": evaluation.image_to_text}
    for name, recall in rows.items():
        echo(
            f"{name:14s} R@1 {recall.r1:5.1f}  R@5 {recall.r5:5.1f}  R@10 {recall.r10:5.1f}  "
            f"median rank {recall.median_rank:g}"
        )
    scores = "  ".join(
        f"{name} {value:.1f}" for name, value in evaluation.captions.to_json().items()
    )
    echo(f"captions       {scores}")
    if evaluation.reliability is not None:
        _print_reliability(evaluation.reliability)
    if evaluation.short is not None:
        _print_short(evaluation.short)


def _print_reliability(found: Reliability) -> None:
    echo(
        f"their first five  claimed {found.claimed:.2f}  true {found.true:.2f}  "
        f"calibration error {found.expected_error:.2f}  Brier {found.brier:.2f}"
    )


def _print_short(report: ShortReport) -> None:
    echo(
        f"{report.queries} short queries  P@5 {report.precision5:.2f}  "
        f"recall@10 {report.recall10:.2f} (of at most {report.recall10_most:.2f})"
    )
    _print_reliability(report.reliability)
    echo(
        f"marked as weak though right {report.marked_right:.0%}; not marked though wrong "
        f"{report.unmarked_wrong:.0%}; not marked of {report.absent_queries} nouns that no photo "
        f"shows {report.absent_unmarked:.0%}"
    )

"""`tellshow evaluate`: recall and caption metrics on a captioned set, by the product's engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.common.loading import load_models
from commands.common.options import (
    captioned_options,
    device_option,
    embedder_option,
    json_option,
    model_option,
)
from commands.common.output import print_json
from commands.common.progress_bar import ProgressBar
from commands.common.temporary_engine import temporary_engine

if TYPE_CHECKING:
    from search.evaluation.evaluate import Evaluation


@click.command("evaluate")
@captioned_options
@click.option("--split", help="Which of Karpathy's splits (default: all).")
@click.option("--queries", type=click.IntRange(1), help="Sample this many captions (seed 0).")
@model_option
@embedder_option
@device_option
@json_option
def evaluate_command(
    captions: Path,
    images: Path,
    split: str | None,
    queries: int | None,
    model: Path | None,
    embedder: str | None,
    device: str | None,
    as_json: bool,
) -> None:
    """Measure recall and captions on a captioned set, with the product's own engine."""
    from captioner.dataset import read_captions
    from search.evaluation.evaluate import evaluate, sample_queries

    photos = read_captions(captions, images, split)
    captioner, sentences = load_models(model, device, embedder)
    with (
        ProgressBar("photos") as bar,
        temporary_engine(captioner, sentences, photos, bar) as (engine, views),
    ):
        asked = sample_queries(photos, queries)
        bar.phase("queries", 2 * len(asked))
        evaluation = evaluate(engine, photos, views, asked, bar.advance)
    print_json(evaluation.to_json()) if as_json else _print_evaluation(evaluation)


def _print_evaluation(evaluation: Evaluation) -> None:
    click.echo(f"{evaluation.queries} queries over {evaluation.photos} photos")
    rows = {**evaluation.text_to_image, "photo -> text": evaluation.image_to_text}
    for name, recall in rows.items():
        click.echo(
            f"{name:14s} R@1 {recall.r1:5.1f}  R@5 {recall.r5:5.1f}  R@10 {recall.r10:5.1f}  "
            f"median rank {recall.median_rank:g}"
        )
    scores = "  ".join(
        f"{name} {value:.1f}" for name, value in evaluation.captions.to_json().items()
    )
    click.echo(f"captions       {scores}")

"""`tellshow train`: train a captioner, fit its ranking weights, and write a checkpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.common.loading import load_models
from commands.common.options import (
    FILE,
    captioned_options,
    device_option,
    embedder_option,
    json_option,
)
from commands.common.output import print_json
from commands.common.progress_bar import ProgressBar
from commands.common.temporary_engine import temporary_engine

if TYPE_CHECKING:
    from captioner.captioner import CaptionerConfig
    from captioner.training.recipe import Recipe
    from search.evaluation.evaluate import Evaluation

_SETTINGS = ("likelihood_epochs", "contrastive_epochs", "photos_per_step", "views", "seed")


@click.command()
@captioned_options
@click.option("--dev-captions", required=True, type=FILE, help="Photos to choose and fit on.")
@click.option("--dev-images", type=FILE, help="Their folder (default: --images).")
@click.option("--output", required=True, type=FILE, help="The checkpoint to write.")
@click.option("--run", "run_folder", type=FILE, help="Kept between kills (default: OUTPUT.run).")
@click.option("--backbone", default="efficientnet_lite2", show_default=True)
@click.option("--backbone-weights", type=FILE, help="A file of them (default: the CNN's own).")
@click.option("--frozen-stages", type=int, help="Leading stages left as they are.")
@click.option("--recipe", type=click.Choice(["full", "seed"]), default="full", show_default=True)
@click.option("--likelihood-epochs", type=click.IntRange(0), help="Maximum likelihood.")
@click.option("--contrastive-epochs", type=click.IntRange(0), help="Likelihood that ranks.")
@click.option("--photos-per-step", type=click.IntRange(1))
@click.option("--views", type=click.IntRange(1), help="Augmented views of each photo.")
@click.option("--min-word-count", type=click.IntRange(1), default=4, show_default=True)
@click.option("--fit-queries", type=click.IntRange(1), default=1000, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@embedder_option
@device_option
@json_option
def train(as_json: bool, **options: Any) -> None:
    """Train a captioner, fit how its scores combine, and write a checkpoint."""
    from captioner.checkpoint import save_checkpoint
    from captioner.device import choose_device
    from captioner.embedder import DEFAULT_EMBEDDER, SentenceEmbedder
    from captioner.training.recipe import train_captioner

    recipe = _recipe(options)
    embedder = SentenceEmbedder(options["embedder"] or DEFAULT_EMBEDDER)
    device = choose_device(options["device"])
    with ProgressBar("photos") as bar:
        captioner = train_captioner(recipe, embedder, device, bar)
        save_checkpoint(captioner, options["output"])
        evaluation = _fit(options["output"], recipe, options, bar)
    if as_json:
        print_json(evaluation.to_json())
    else:
        click.echo(f"wrote {options['output']}")


def _recipe(options: dict[str, Any]) -> Recipe:
    """Options to a Recipe; what was not given keeps its default."""
    from captioner.dataset import read_captions
    from captioner.training.recipe import Recipe
    from captioner.training.trainer import TrainSettings

    given = {name: options[name] for name in _SETTINGS if options[name] is not None}
    config = _config(options)
    images, output = options["images"], options["output"]
    return Recipe(
        name=output.stem,
        train=tuple(read_captions(options["captions"], images, "train")),
        dev=tuple(read_captions(options["dev_captions"], options["dev_images"] or images, "val")),
        folder=options["run_folder"] or output.with_suffix(".run"),
        backbone_weights=options["backbone_weights"],
        min_word_count=options["min_word_count"],
        config=config,
        settings=TrainSettings(**given),
    )


def _config(options: dict[str, Any]) -> CaptionerConfig:
    from captioner.captioner import CaptionerConfig
    from captioner.encoder import EncoderConfig
    from captioner.training.recipe import baseline_config

    encoder = EncoderConfig(backbone=options["backbone"])
    if options["frozen_stages"] is not None:
        encoder = replace(encoder, frozen_stages=options["frozen_stages"])
    config = CaptionerConfig(encoder=encoder)
    return baseline_config(config) if options["recipe"] == "seed" else config


def _fit(checkpoint: Path, recipe: Recipe, options: dict[str, Any], bar: ProgressBar) -> Evaluation:
    """Fit the weights of the combined score on dev, measure, and write both down."""
    import numpy as np

    from captioner.checkpoint import save_checkpoint
    from search.evaluation.evaluate import collect, evaluate, sample_queries
    from search.evaluation.fit_weights import fit_ranking

    captioner, embedder = load_models(checkpoint, options["device"], options["embedder"])
    with temporary_engine(captioner, embedder, recipe.dev, bar) as (engine, views):
        queries = sample_queries(recipe.dev, options["fit_queries"])
        ids = np.array([view.photo_id for view in views])
        bar.phase("fitting", len(queries))
        measured = collect(engine, ids, queries, bar.advance)
        captioner.provenance.ranking = fit_ranking(measured, captioner.provenance.ranking)
        bar.phase("evaluating", len(queries))
        evaluation = evaluate(engine, recipe.dev, views, queries, bar.advance, measured)
    captioner.provenance.metrics = evaluation.to_json()
    save_checkpoint(captioner, checkpoint)
    return evaluation

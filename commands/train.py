"""`tellshow train`: train a captioner, fit its ranking weights, and write a checkpoint."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.common.errors import SavingCommand
from commands.common.loading import load_models
from commands.common.options import (
    FILE,
    device_option,
    embedder_option,
    json_option,
)
from commands.common.output import print_json
from commands.common.progress_bar import ProgressBar
from commands.common.temporary_engine import temporary_engine
from commands.common.terminal import echo

if TYPE_CHECKING:
    from captioner.config import CaptionerConfig
    from captioner.training.head_retraining import HeadSettings
    from captioner.training.recipe import PhotoSet, Recipe

# Vectors of so many are 0.2 MB of a checkpoint for each kind.
_REFERENCE_PHOTOS = 256
_SETTINGS = ("likelihood_epochs", "contrastive_epochs", "photos_per_step", "views", "seed")


@click.command(cls=SavingCommand)
@click.option(
    "--captions", multiple=True, required=True, type=FILE, help="TSV, COCO or Karpathy JSON."
)
@click.option("--images", multiple=True, required=True, type=FILE, help="The folder of the photos.")
@click.option("--weight", multiple=True, type=float, help="How often an epoch draws its photos.")
@click.option(
    "--dev-captions", multiple=True, required=True, type=FILE, help="Photos to choose and fit on."
)
@click.option("--dev-images", multiple=True, type=FILE, help="Their folder (default: --images).")
@click.option("--start", type=FILE, help="A checkpoint to go on from.")
@click.option("--teacher", multiple=True, type=FILE, help="A checkpoint to learn likeness from.")
@click.option("--unlabelled", type=FILE, help="Photos without captions to show the teachers.")
@click.option("--frozen-cnn", is_flag=True, help="Leave the CNN as it is.")
@click.option("--output", required=True, type=FILE, help="The checkpoint to write.")
@click.option("--run", "run_folder", type=FILE, help="Kept between kills (default: OUTPUT.run).")
@click.option("--backbone", default="efficientnet_lite2", show_default=True)
@click.option("--backbone-weights", type=FILE, help="A file of them (default: the CNN's own).")
@click.option("--frozen-stages", type=int, help="Leading stages left as they are.")
@click.option("--classes", type=click.IntRange(0), default=0, show_default=True)
@click.option("--recipe", type=click.Choice(["full", "seed"]), default="full", show_default=True)
@click.option("--likelihood-epochs", type=click.IntRange(0), help="Maximum likelihood.")
@click.option("--contrastive-epochs", type=click.IntRange(0), help="Likelihood that ranks.")
@click.option("--head-epochs", type=click.IntRange(0), help="Of a new head, 0: it stays.")
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
        network = train_captioner(recipe, embedder, device, bar)
        save_checkpoint(network, options["output"])
        evaluations = _fit(options["output"], recipe, options, bar)
    if as_json:
        print_json(evaluations[0] if len(evaluations) == 1 else {"sets": evaluations})
    else:
        echo(f"wrote {options['output']}")


def _recipe(options: dict[str, Any]) -> Recipe:
    """Options to a Recipe; what was not given keeps its default."""
    from captioner.training.recipe import Recipe
    from captioner.training.trainer import TrainSettings

    given = {name: options[name] for name in _SETTINGS if options[name] is not None}
    given["train_cnn"] = not options["frozen_cnn"]
    teachers = options["teacher"]
    output, folders = options["output"], options["images"]
    return Recipe(
        name=output.stem,
        train=_sets(options["captions"], folders, options["weight"], "train"),
        dev=_sets(options["dev_captions"], options["dev_images"] or folders, (), "val"),
        folder=options["run_folder"] or output.with_suffix(".run"),
        backbone_weights=options["backbone_weights"],
        start=options["start"],
        min_word_count=options["min_word_count"],
        config=_config(options),
        settings=TrainSettings.taught(**given) if teachers else TrainSettings(**given),
        teachers=teachers,
        unlabelled=_unlabelled(options["unlabelled"], teachers),
        head=_head_settings(options),
    )


def _head_settings(options: dict[str, Any]) -> HeadSettings | None:
    """Those of a new head, None where it stays as it learned."""
    from captioner.training.head_retraining import HeadSettings

    epochs = options["head_epochs"]
    if epochs == 0 or options["recipe"] == "seed":
        return None
    if epochs is None:
        return HeadSettings.taught() if options["teacher"] else HeadSettings()
    return HeadSettings(epochs=epochs)


def _unlabelled(folder: Path | None, teachers: tuple[Path, ...]) -> tuple[Path, ...]:
    """Photos of a folder; raises UsageError where nobody could tell what they show."""
    from indexer.walk import find_photos

    if folder is None:
        return ()
    if not teachers:
        raise click.UsageError("--unlabelled needs a --teacher: nobody else says what they show")
    photos = tuple(sorted(folder / os.fsdecode(each.path) for each in find_photos(folder)))
    if not photos:
        raise click.UsageError(f"no photo lies in {folder}")
    return photos


def _sets(
    captions: tuple[Path, ...], images: tuple[Path, ...], weights: tuple[float, ...], split: str
) -> tuple[PhotoSet, ...]:
    """Captions files with their folders; one folder serves all files."""
    from captioner.dataset import read_captions
    from captioner.training.recipe import PhotoSet

    folders = images * len(captions) if len(images) == 1 else images
    if len(folders) != len(captions):
        raise click.UsageError(
            f"{len(captions)} captions files need 1 or {len(captions)} folders, not {len(images)}"
        )
    if weights and len(weights) != len(captions):
        raise click.UsageError(
            f"{len(captions)} captions files need as many --weight, not {len(weights)}"
        )
    return tuple(
        PhotoSet(tuple(read_captions(file, folder, split)), weight)
        for file, folder, weight in zip(
            captions, folders, weights or (1.0,) * len(captions), strict=True
        )
    )


def _config(options: dict[str, Any]) -> CaptionerConfig:
    """The network's sizes: those of the captioner to start from, or the defaults."""
    from captioner.checkpoint import read_checkpoint
    from captioner.config import CaptionerConfig, EncoderConfig
    from captioner.training.recipe import baseline_config

    classes, config = options["classes"], CaptionerConfig()
    if options["start"] is not None:
        config = read_checkpoint(options["start"]).config
        encoder = config.encoder
    else:
        encoder = EncoderConfig(backbone=options["backbone"])
    if options["frozen_stages"] is not None:
        encoder = replace(encoder, frozen_stages=options["frozen_stages"])
    config = replace(
        config,
        encoder=replace(encoder, classes=classes, class_tail=True),
        head=replace(config.head, whole=classes > 0),
        reference_photos=_REFERENCE_PHOTOS if classes else 0,
        state_bits=CaptionerConfig.state_bits,
    )
    return baseline_config(config) if options["recipe"] == "seed" else config


def _fit(
    checkpoint: Path, recipe: Recipe, options: dict[str, Any], bar: ProgressBar
) -> list[dict[str, object]]:
    """Fit the ranking's weights on all dev sets, measure on each, and write both down."""
    from captioner.checkpoint import save_provenance
    from search.evaluation.caption_fit import fit_captions
    from search.evaluation.dev_sets import measure_dev_set
    from search.evaluation.fit_weights import fit_worlds

    captioner, embedder = load_models(checkpoint, options["device"], options["embedder"])
    count, measured = options["fit_queries"], []
    with ExitStack() as engines:
        for part in recipe.dev:
            engine, views = engines.enter_context(
                temporary_engine(captioner, embedder, part.photos, bar)
            )
            bar.phase("fitting", count)
            measured.append(measure_dev_set(engine, part.photos, views, count, bar.advance))
        worlds = [world for own in measured for world in own.worlds]
        described = [pair for own in measured for pair in own.described]
        ranking = fit_worlds(worlds, captioner.provenance.ranking)
        captioner.provenance.ranking = replace(ranking, caption_fit=fit_captions(described))
        bar.phase("evaluating", count * len(measured))
        first, *others = [own.evaluate(bar.advance).to_json() for own in measured]
    captioner.provenance.metrics = first | ({"other_sets": others} if others else {})
    save_provenance(captioner.provenance, checkpoint)
    return [first, *others]

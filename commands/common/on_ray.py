"""`--engine ray` and what belongs to it: the options, and the engine that they ask for."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import click

from commands.common.options import together

if TYPE_CHECKING:
    from captioner.captioner import Captioner
    from captioner.embedder import SentenceEmbedder
    from catalog.home import Home
    from indexer.ray_engine import RayEngine, RayOptions

ray_options = together(
    click.option(
        "--engine",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="What reads and describes the photos: this process, or a Ray cluster.",
    ),
    click.option(
        "--ray-address", metavar="ADDR", help="A running cluster (default: one on this machine)."
    ),
    click.option(
        "--workers",
        type=click.IntRange(1),
        help="Captioners of --engine ray (default: one for each GPU share, or node).",
    ),
    click.option(
        "--worker-gpus",
        type=click.FloatRange(0, 64),
        metavar="X",
        help="GPUs for each of them, a part of one too.",
    ),
)


def read_ray_options(
    batch_size: int | None,
    engine: str,
    ray_address: str | None,
    workers: int | None,
    worker_gpus: float | None,
) -> RayOptions | None:
    """What the options say of Ray, None for the engine in this process; raises UsageError."""
    if engine != "ray":
        if ray_address is not None or workers is not None or worker_gpus is not None:
            raise click.UsageError(
                "--ray-address, --workers and --worker-gpus belong to --engine ray"
            )
        return None
    from indexer import ray_engine

    if not ray_engine.has_ray():
        raise click.UsageError(
            "--engine ray needs Ray, which is not installed: run pip install 'tellshow[ray]'"
        )
    return ray_engine.RayOptions(ray_address, workers, worker_gpus or 0.0, batch_size)


def engine_on_ray(
    home: Home,
    models: tuple[Captioner, SentenceEmbedder],
    device: str | None,
    options: RayOptions | None,
) -> AbstractContextManager[RayEngine | None]:
    """An engine whose workers load the same models, on a GPU where they are given one.

    None where nothing is asked of Ray.
    """
    if options is None:
        return nullcontext()
    from indexer.ray_engine import RayEngine
    from indexer.ray_workers import ModelSource

    captioner, embedder = models
    # Not the best of what a worker finds: Ray shows it no GPU that is not its own.
    device = device or ("cuda" if options.worker_gpus else "cpu")
    source = ModelSource(home, captioner.sha256, embedder.name, device)
    return RayEngine(home, source.load, captioner.config.encoder.image_size, options)

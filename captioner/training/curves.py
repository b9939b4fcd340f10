"""Learning curves: losses and the dev photos' recall by epoch, from a run's `log.jsonl`.

Needs matplotlib.
"""

from __future__ import annotations

import json
import math
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Epochs = list[dict[str, Any]]


def can_draw() -> bool:
    """Whether matplotlib is installed; it comes with the extra `train`."""
    return find_spec("matplotlib") is not None


def draw_curves(log: Path, picture: Path) -> None:
    """Draw a run's log; the suffix of `picture` (.svg, .png) chooses the format."""
    from matplotlib.figure import Figure

    epochs = [json.loads(line) for line in log.read_text().splitlines()]
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    losses, recalls = figure.subplots(1, 2)
    _draw_losses(losses, epochs)
    _draw_recalls(recalls, epochs)
    for axes in (losses, recalls):
        _mark_second_stage(axes, epochs)
    figure.savefig(picture, metadata={"Date": None} if picture.suffix == ".svg" else None)


def _draw_losses(axes: Axes, epochs: Epochs) -> None:
    numbers = [row["epoch"] for row in epochs]
    for name, label in (
        ("likelihood", "maximum likelihood, training"),
        ("dev_likelihood", "maximum likelihood, dev"),
        ("head", "head, training"),
        ("contrastive", "contrastive likelihood, training"),
    ):
        values = [row[name] or math.nan for row in epochs]  # 0: not a loss of this stage
        axes.plot(numbers, values, marker=".", label=label)
    axes.set(xlabel="epoch", ylabel="nats", title="Losses")
    axes.legend(fontsize="x-small")


def _draw_recalls(axes: Axes, epochs: Epochs) -> None:
    numbers = [row["epoch"] for row in epochs]
    for name in ("r1", "r5", "r10"):
        values = [row["dev_head"][name] for row in epochs]
        axes.plot(numbers, values, marker=".", label=f"R@{name[1:]}")
    axes.set(xlabel="epoch", ylabel="percent", title="The head's recall on dev photos")
    axes.legend(fontsize="x-small")


def _mark_second_stage(axes: Axes, epochs: Epochs) -> None:
    first = next((row["epoch"] for row in epochs if row["stage"] == "contrastive"), None)
    if first is not None:
        axes.axvline(first - 0.5, color="grey", linestyle=":")

"""Reliability diagrams: probabilities that were claimed beside the shares that were true.

    python -m benchmarks.reliability --evaluation flickr.json coco.json \
        --names "Flickr8k dev" "COCO dev" --out docs/calibration.svg

Each file is what `tellshow evaluate --short --json` printed. Draws one diagram a file (DeGroot and
Fienberg 1983; Guo et al. 2017, figure 1), the picture of the model card. Needs matplotlib.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_diagrams(reports: Sequence[tuple[str, dict[str, Any]]], picture: Path) -> None:
    """Draw each world's `reliability` object beside the others; the suffix chooses the format."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4 * len(reports), 4), layout="constrained")
    [row] = figure.subplots(1, len(reports), squeeze=False, sharey=True)
    for axes, (name, report) in zip(row, reports, strict=True):
        _draw(axes, name, report)
    row[0].set_ylabel("share that fits")
    figure.savefig(picture, metadata={"Date": None} if picture.suffix == ".svg" else None)


def _draw(axes: Axes, name: str, report: dict[str, Any]) -> None:
    counts, claimed, true = zip(*report["bins"], strict=True)
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
    # A bin's area tells how many results it holds.
    areas = [400 * count / sum(counts) + 8 for count in counts]
    axes.plot(claimed, true, linewidth=1)
    axes.scatter(claimed, true, s=areas)
    error, excess = report["expected_error"], report["claimed"] - report["true"]
    axes.set(
        title=f"{name}\nexpected error {error:.2f}, claimed less true {excess:+.2f}",
        xlabel="probability claimed",
        xlim=(0, 1),
        ylim=(0, 1),
    )


def main() -> None:
    """Draw what was evaluated."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--evaluation", type=Path, nargs="+", required=True)
    parser.add_argument("--names", nargs="+", required=True, help="of the worlds, in that order")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    if len(options.names) != len(options.evaluation):
        parser.error(f"{len(options.evaluation)} evaluations need as many names")
    found = [json.loads(file.read_text())["short"]["reliability"] for file in options.evaluation]
    draw_diagrams(list(zip(options.names, found, strict=True)), options.out)


if __name__ == "__main__":
    main()

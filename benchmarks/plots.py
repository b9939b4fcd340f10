"""Plots of the benchmarks' tables: rates of indexing, latencies of searches, stages of a start.

Needs matplotlib.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Table:
    """A Markdown table of figures: its columns, and the numbers of each row by the row's name."""

    columns: tuple[str, ...]
    rows: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class _Panel:
    """What is drawn of the first table of a section: its title, its unit, and how many columns."""

    section: str
    title: str
    unit: str
    columns: int


_PANELS = (
    _Panel("Indexing", "indexing, and CLIP's tower alone", "photos/s", 1),
    _Panel("Searching", "a search, and its parts", "ms", 2),
    _Panel("From nothing to the first result", "tellshow search, nothing loaded", "s", 1),
    _Panel("Decoding", "JPEG to pixels, one core", "photos/s", 2),
)


def first_table(text: str) -> Table | None:
    """The first Markdown table with numbers in a text; None where there is none."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in lines]
    if len(cells) < 3:
        return None
    rows = {}
    for name, *figures in cells[2:]:
        if len(figures) != len(cells[0]) - 1 or not all(map(_is_number, figures)):
            break  # another table begins
        rows[name] = tuple(float(figure.replace(",", "")) for figure in figures)
    return Table(tuple(cells[0][1:]), rows) if rows else None


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"-?[\d,]+(\.\d+)?", cell) is not None


def draw(sections: Sequence[str], picture: Path) -> bool:
    """Draw what the sections have of the panels as one SVG; returns whether there was any."""
    found = []
    for panel in _PANELS:
        text = next((each for each in sections if each.startswith(f"### {panel.section}\n")), "")
        table = first_table(text)
        if table is not None:
            found.append((panel, table))
    if not found:
        return False
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "tellshow"}):  # the same figures give the same file
        figure = Figure(figsize=(9, 2.6 * len(found)), layout="constrained")
        for axes, (panel, table) in zip(figure.subplots(len(found), squeeze=False), found,
                                        strict=True):  # fmt: skip
            _bars(axes[0], panel, table)
        figure.savefig(picture, metadata={"Date": None})
    return True


def _bars(axes: Axes, panel: _Panel, table: Table) -> None:
    """A row of the table is a group of bars, a column a colour."""
    count = min(panel.columns, len(table.columns))
    height = 0.8 / count
    for column in range(count):
        places = [row + column * height for row in range(len(table.rows))]
        widths = [figures[column] for figures in table.rows.values()]
        bars = axes.barh(places, widths, height, label=table.columns[column])
        axes.bar_label(bars, fmt="{:g}", fontsize="x-small", padding=2)
    middle = (count - 1) * height / 2
    axes.set_yticks([row + middle for row in range(len(table.rows))], list(table.rows))
    axes.tick_params(labelsize="x-small")
    axes.invert_yaxis()
    axes.set(title=panel.title, xlabel=panel.unit)
    if count > 1:
        axes.legend(fontsize="x-small")

"""Help texts that are whole at any width: summaries of commands are not cut, lines do not break."""

from __future__ import annotations

import shutil
from collections.abc import Iterable

import click

# click cuts a summary to what is left of one line; wrapped it needs no cutting.
_WHOLE = 1000  # characters
_NARROWEST, _WIDEST = 30, 80  # columns
# Below it, the names of options leave too little to what they mean.
_ROOMY = 60


def keep_summaries_whole(command: click.Command) -> None:
    """Let help, shell completion and man pages show the summaries of a group whole, not cut."""
    command.short_help = command.get_short_help_str(_WHOLE)
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        keep_summaries_whole(below)


class NarrowFormatter(click.HelpFormatter):
    """A help formatter that keeps to terminals of fewer than 50 columns, which click does not."""

    def __init__(
        self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None
    ) -> None:
        if width is None:
            columns = min(shutil.get_terminal_size().columns, max_width or _WIDEST)
            width = max(columns - 2, _NARROWEST)
        super().__init__(indent_increment, width, max_width)

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write a list of terms and what they mean, in two columns."""
        most = col_max if self.width >= _ROOMY else self.width // 3
        super().write_dl(rows, most, col_spacing)

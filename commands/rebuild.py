"""`tellshow rebuild`: make the FAISS files anew from the database."""

from __future__ import annotations

from pathlib import Path

import click

from commands.common.loading import open_engine
from commands.common.options import home_option, model_option
from commands.common.terminal import echo


@click.command()
@model_option
@home_option
def rebuild(model: Path | None, home: Path | None) -> None:
    """Make the FAISS files anew from the database."""
    with open_engine(home, model, "cpu") as engine:
        count = engine.rebuild()
    echo(f"rebuilt from the database: {count} vectors")

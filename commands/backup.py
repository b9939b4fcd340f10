"""`tellshow backup`: the catalog and the kept checkpoints in one verified file."""

from __future__ import annotations

from pathlib import Path

import click

from commands.common.loading import open_catalog
from commands.common.options import FILE, home_option, json_option
from commands.common.output import print_json
from commands.common.terminal import echo


@click.command()
@click.argument("file", type=FILE)
@click.option("--force", is_flag=True, help="Replace FILE where it exists.")
@json_option
@home_option
def backup(file: Path, force: bool, as_json: bool, home: Path | None) -> None:
    """Write the catalog and the kept checkpoints to FILE; safe while photos are indexed."""
    from catalog.backup import back_up

    target = file.expanduser().absolute()
    with open_catalog(home, reading=True) as (opened, _):
        made = back_up(opened, target, replace=force)
    if as_json:
        report = {"photos": made.photos, "checkpoints": made.checkpoints, "bytes": made.size}
        print_json({"path": str(target), **report})
        return
    echo(f"backed up {made.photos} photos and {made.checkpoints} checkpoints to {target}")

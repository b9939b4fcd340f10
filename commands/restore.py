"""`tellshow restore`: put a backup's catalog into a home, and keep the one that was there."""

from __future__ import annotations

from pathlib import Path

import click

from commands.common.options import FILE, home_option, json_option
from commands.common.output import print_json
from commands.common.terminal import echo


@click.command()
@click.argument("file", type=FILE)
@json_option
@home_option
def restore(file: Path, as_json: bool, home: Path | None) -> None:
    """Put the catalog of a backup FILE into the home; the one that is there is kept aside."""
    from catalog.backup import restore as restore_backup
    from catalog.home import open_home

    opened = open_home(home or click.get_current_context().obj)
    made = restore_backup(opened, file.expanduser().absolute())
    if as_json:
        report = {"photos": made.photos, "checkpoints": made.checkpoints}
        print_json({**report, "aside": made.aside and str(made.aside)})
        return
    echo(f"restored {made.photos} photos and {made.checkpoints} checkpoints")
    if made.aside:
        echo(f"the catalog that was there is now {made.aside}")
    echo("run tellshow index on your folders: it adds what is newer, and missing thumbnails")

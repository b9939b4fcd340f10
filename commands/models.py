"""`tellshow models`: list the checkpoints, or drop one with all that it made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.common.errors import Failed
from commands.common.loading import answering_captioner, open_catalog
from commands.common.options import home_option, json_option
from commands.common.output import print_json
from commands.common.terminal import echo

if TYPE_CHECKING:
    from catalog.database import Database
    from catalog.home import Home
    from catalog.model_registry import Described


@click.command()
@click.option("--drop", metavar="NAME", help="Drop what a captioner made; or its SHA-256's start.")
@json_option
@home_option
def models(drop: str | None, as_json: bool, home: Path | None) -> None:
    """List the checkpoints: the shipped one and those that made rows of this home."""
    if drop is not None:
        _drop_model(home, drop, as_json)
        return
    rows = _rows(home)
    if as_json:
        print_json({"models": rows})
        return
    for row in rows:
        echo(f"{row['kind']:10s} {row['sha256'][:12]}  {row['name']}")


def _rows(home: Path | None) -> list[dict[str, Any]]:
    from captioner.checkpoint import read_checkpoint
    from catalog.model_registry import list_models

    shipped = read_checkpoint().provenance
    with open_catalog(home, reading=True) as (_, database), database.read() as session:
        used = list_models(session)
    rows = [{"kind": "captioner", "name": shipped.name, "sha256": shipped.sha256, "shipped": True}]
    rows += [
        {"kind": each.kind, "name": each.name, "sha256": each.sha256, "shipped": False}
        for each in used
        if (each.name, each.sha256) != (shipped.name, shipped.sha256)
    ]
    return rows


def _drop_model(home: Path | None, wanted: str, as_json: bool) -> None:
    from catalog.advisory_lock import catalog_lock
    from catalog.model_registry import described

    with open_catalog(home) as (opened, database), catalog_lock(opened, database):
        with database.read() as session:
            used = described(session)
        model = _named(used, wanted)
        if model == answering_captioner(opened, database):
            raise Failed(f"{model.name} answers searches; index with another captioner first")
        is_last = [each.sha256 for each in used].count(model.sha256) == 1
        _remove(opened, database, model, with_checkpoint=is_last)
    if as_json:
        dropped = {"name": model.name, "sha256": model.sha256, "photos": model.photos}
        print_json({"dropped": dropped})
    else:
        echo(f"dropped {model.name} and what it made of {model.photos} photos")


def _named(used: Sequence[Described], wanted: str) -> Described:
    """The one captioner with this name, or whose SHA-256 begins like this."""
    found = [each for each in used if wanted and each.sha256.startswith(wanted)]
    found = [each for each in used if each.name == wanted] or found
    if len(found) != 1:
        which = "no captioner" if not found else "more than one captioner"
        raise Failed(f"{which} here is called {wanted!r}; tellshow models lists them by SHA-256")
    return found[0]


def _remove(home: Home, database: Database, model: Described, with_checkpoint: bool) -> None:
    """Its rows first: what is left of its files then belongs to nothing, and the doctor sees it."""
    from catalog.checkpoints import KeptCheckpoints
    from catalog.model_registry import remove_model
    from catalog.own_files import list_files, remove_own

    with database.write() as session:
        remove_model(session, model.model_id)
    files = list_files(home.path, "vectors").own
    own = f"{model.model_id}-"
    remove_own(home.path, [path for path in files if path.parent.name.startswith(own)])
    if with_checkpoint:
        KeptCheckpoints(home).drop(model.sha256)

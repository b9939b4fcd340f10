"""`tellshow status`: what is indexed, and by which models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.common.loading import open_engine
from commands.common.options import home_option, json_option, model_option
from commands.common.output import print_json
from commands.common.terminal import echo

if TYPE_CHECKING:
    from search.status import Status


@click.command()
@model_option
@json_option
@home_option
def status(model: Path | None, as_json: bool, home: Path | None) -> None:
    """Say what is indexed and by which model."""
    with open_engine(home, model, "cpu", counting=True) as engine:
        found = engine.status()
    print_json(found.to_json()) if as_json else _print_status(found)


def _print_status(found: Status) -> None:
    echo(f"{found.photos} photos, {found.captions} captions, {found.vectors} vectors")
    echo(f"{found.failures} files that could not be read")
    echo(f"captioner {found.model}, sentence embedder {found.embedder}")
    _print_models(found)
    _print_own(found)
    echo(f"computed by {found.runtime}")
    if found.sqlite:
        echo(f"SQLite {found.sqlite}")
    for root in found.roots:
        echo(f"{root.path}: {root.photos} photos, {'online' if root.online else 'offline'}")
    if any(root.photos and not root.online for root in found.roots):
        echo("tellshow roots says how to mend the place of a folder that is offline, or forget it")


def _print_own(found: Status) -> None:
    """What this home alone has: an image embedder, and weights fitted on captions of one's own."""
    image = found.image_embedder
    if image is not None:
        echo(
            f"image embedder {image.name} ({image.sha256[:12]}) in {image.folder}: "
            f"{image.vectors} of {found.photos} photos embedded"
        )
    for each in found.calibrations or ():
        beside = f" with {each.image_embedder}" if each.image_embedder else ""
        damaged = "" if each.sound else "; damaged, run tellshow calibrate again"
        echo(
            f"calibrated for {each.captioner}{beside} on {each.captions} captions of "
            f"{each.photos} photos, {each.fitted_at[:10]}{damaged}"
        )


def _print_models(found: Status) -> None:
    """How far each captioner is, where there is more than one."""
    answering = [each.sha256 for each in found.models if each.answers]
    for each in found.models if len(found.models) > 1 else ():
        told = f"{each.name} ({each.sha256[:12]}): {each.photos} of {found.photos} photos described"
        echo(told + (", answers searches" if each.answers else ""))
    newest = found.models[-1] if found.models else None
    if newest and answering and not newest.answers:
        away = [root.path for root in found.roots if root.photos and not root.online]
        echo(
            f"{newest.name} answers once it has described what the others have; "
            "until then run tellshow index on your folders"
            + (f", also on {', '.join(away)}, offline now" if away else "")
        )

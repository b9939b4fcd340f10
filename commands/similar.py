"""`tellshow similar`: the indexed photos that look like a photo, which need not be indexed."""

from __future__ import annotations

from pathlib import Path

import click

from commands.common.loading import open_engine
from commands.common.options import FILE, engine_options
from commands.common.output import print_guess, print_json
from commands.common.terminal import echo
from search.limits import MAX_RESULTS


@click.command()
@click.argument("photo", type=FILE)
@click.option("-k", "count", type=click.IntRange(1, MAX_RESULTS), default=10, show_default=True)
@engine_options
def similar(
    photo: Path,
    count: int,
    model: Path | None,
    device: str | None,
    as_json: bool,
    home: Path | None,
) -> None:
    """Show indexed photos that look like PHOTO."""
    from indexer.encode_photo import encode_photo

    with open_engine(home, model, device) as engine:
        found = engine.similar(encode_photo(engine.captioner, photo.read_bytes()), count)
        guesses = engine.guesses(engine.photos([each.photo_id for each in found]).values())
    if as_json:
        print_json({"path": str(photo), "results": [result.to_json() for result in found]})
        return
    for place, result in enumerate(found, start=1):
        echo(f"{place:3d}  {result.similarity:6.3f}  {result.path}")
        print_guess(guesses.get(result.photo_id), " " * 13)

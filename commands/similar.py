"""`tellshow similar`: the indexed photos that look like a photo, which need not be indexed."""

from __future__ import annotations

from pathlib import Path

import click

from commands.common.loading import open_engine
from commands.common.options import FILE, engine_options, form_options
from commands.common.output import print_guess
from commands.common.pipe_output import Form, chosen_form, print_found
from commands.common.terminal import Styled, echo
from search.limits import MAX_RESULTS

_COLUMNS = ("rank", "photo_id", "path", "similarity", "caption", "caption_probability")


@click.command()
@click.argument("photo", type=FILE)
@click.option("-k", "count", type=click.IntRange(1, MAX_RESULTS), default=10, show_default=True)
@form_options
@engine_options
def similar(
    photo: Path,
    count: int,
    model: Path | None,
    device: str | None,
    as_json: bool,
    home: Path | None,
    output: str | None,
    paths: bool,
    null: bool,
) -> None:
    """Show indexed photos that look like PHOTO."""
    from indexer.encode_photo import encode_photo

    form = chosen_form(output, as_json, paths, null)
    with open_engine(home, model, device, asking=True) as engine:
        found = engine.similar(encode_photo(engine.captioner, photo.read_bytes()), count)
        photos = engine.photos([each.photo_id for each in found])
        guesses = engine.guesses(photos.values())
    if form is not Form.TABLE:
        answer = {"path": str(photo), "results": [result.to_json() for result in found]}
        print_found(form, answer, _COLUMNS, found, photos)
        return
    for place, result in enumerate(found, start=1):
        file = Path(result.path)
        echo(f"{place:3d}  {result.similarity:6.3f}  ", Styled(result.path, bold=True, file=file))
        print_guess(guesses.get(result.photo_id), " " * 13)

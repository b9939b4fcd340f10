"""`tellshow caption`: describe picture files by beam search; nothing is stored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.common.errors import Failed, sentence
from commands.common.options import FILE, captioner_options
from commands.common.output import note, print_json
from commands.common.terminal import echo

if TYPE_CHECKING:
    from captioner.captioner import Captioner


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@captioner_options
def caption(files: tuple[Path, ...], model: Path | None, device: str | None, as_json: bool) -> None:
    """Describe FILES; nothing is stored."""
    from captioner.checkpoint import load_checkpoint
    from captioner.image_file import UnreadablePhoto

    captioner, described, skipped = load_checkpoint(model, device), [], []
    for file in files:
        try:
            described.append({"path": str(file), "captions": _captions(captioner, file)})
        except (UnreadablePhoto, OSError) as error:
            skipped.append({"path": str(file), "reason": sentence(error)})
            note(f"{file}: {sentence(error)}")
            continue
        if not as_json:
            _print_photo(described[-1])
    if as_json:
        print_json({"photos": described, "skipped": skipped})
    if not described:
        raise Failed("none of the files is a photo that can be read")


def _captions(captioner: Captioner, file: Path) -> list[dict[str, Any]]:
    from indexer.encode_photo import encode_photo

    captions = captioner.generate_captions(encode_photo(captioner, file.read_bytes()))[0]
    return [{"text": each.text, "log_likelihood": each.log_likelihood} for each in captions]


def _print_photo(described: dict[str, Any]) -> None:
    echo(described["path"])
    for each in described["captions"]:
        echo(f"  {each['log_likelihood']:8.2f}  {each['text']}")

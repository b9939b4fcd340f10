"""Command-line options that several commands share, each written down once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from commands.common.errors import Failed

if TYPE_CHECKING:
    from catalog.database import Database
    from catalog.filters import PhotoFilter

F = TypeVar("F", bound=Callable[..., Any])

FILE = click.Path(path_type=Path)


def together(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """Several options as one decorator; help shows them in this order."""

    def decorate(command: F) -> F:
        return functools.reduce(lambda made, option: option(made), reversed(options), command)

    return decorate


home_option = click.option(
    "--home", type=FILE, help="Where the catalog lives (default: $TELLSHOW_HOME)."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
device_option = click.option("--device", help="cpu, cuda, cuda:1, mps... (default: the best).")
model_option = click.option(
    "--model", type=FILE, help="A checkpoint file (default: the home's own, else the shipped)."
)
embedder_option = click.option(
    "--embedder", help="Folder of a sentence-transformers model (default: all-MiniLM-L6-v2)."
)

download_option = click.option(
    "--download", is_flag=True, help="Fetch --image-embedder by its name from the Hugging Face Hub."
)

# For a command that asks the captioner alone, and for one that asks about an indexed home.
captioner_options = together(model_option, device_option, json_option)
engine_options = together(captioner_options, home_option)

# What found photos are printed as; commands.common.pipe_output reads them.
form_options = together(
    click.option(
        "-o",
        "--output",
        type=click.Choice(["table", "json", "csv"]),
        help="What to print; a table if not given, and --json is -o json.",
    ),
    click.option("--paths", is_flag=True, help="Print bare paths, one a line."),
    click.option("-0", "--null", is_flag=True, help="Print bare paths, each with a NUL behind it."),
)

# Which photos with captions to learn from, or to measure on.
captioned_options = together(
    click.option("--captions", required=True, type=FILE, help="TSV, COCO or Karpathy JSON."),
    click.option("--images", required=True, type=FILE, help="The folder of the photos."),
)

# Which photos may be found at all; search.filters reads them.
filter_options = together(
    click.option("--after", metavar="DATE", help="Taken on this date or later."),
    click.option("--before", metavar="DATE", help="Taken before this date."),
    click.option("--in", "folder", type=FILE, help="In this folder, at any depth."),
    click.option("--camera", metavar="NAME", help="Part of the camera's name."),
    click.option("--lens", metavar="NAME", help="Part of the lens's name."),
    click.option("--place", metavar="NAME", help="Near this town, or in this country."),
    click.option("--format", metavar="NAME", help="JPEG, PNG, HEIF..."),
    click.option("--orientation", metavar="NAME", help="landscape, portrait or square."),
    click.option("--tag", metavar="NAME", help="With a tag of these words."),
    click.option("--keyword", metavar="NAME", help="With a keyword of these words."),
    click.option("--rating", metavar="STARS", help="1 to 5: at least so many; 0: not rejected."),
)


def photo_filter(folder: Path | None = None, **filters: str | None) -> PhotoFilter:
    """The filter of `filter_options`; raises InvalidQuery."""
    from search.filters import read_filter

    return read_filter(folder=str(absolute(folder)) if folder else None, **filters)


def absolute(folder: Path) -> Path:
    """A folder as the catalog knows it: absolute, or in S3."""
    from catalog.remote_folders import is_remote

    return folder if is_remote(folder) else folder.expanduser().resolve()


def refuse_files(folders: tuple[Path, ...]) -> None:
    """Check FOLDER arguments; raises Failed for a file, which is a photo named for its folder."""
    for folder in folders:
        if folder.is_file():
            raise Failed(f"{folder} is a file; give the folder that holds it")


def refuse_unknown(database: Database, folders: tuple[Path, ...]) -> None:
    """Check FOLDER arguments; raises FolderNotFound for one that is neither there nor indexed.

    Done first, since loading the model takes seconds.
    """
    from indexer.folders import resolve_folders, split_offline

    with database.read() as session:
        split_offline(session, resolve_folders(folders))

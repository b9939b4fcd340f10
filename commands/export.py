"""`tellshow export`: captions, tags and all else that is known of photos, for other programs."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from commands.common.errors import Failed, sentence
from commands.common.loading import open_engine
from commands.common.options import FILE, filter_options, home_option, model_option, photo_filter
from commands.common.output import note

if TYPE_CHECKING:
    from search.export import ExportRow

_STDOUT = "-"

# Takes each row in turn.
Sink = Callable[["ExportRow"], None]


@click.command()
@click.option("--csv", "csv_file", metavar="FILE", help="A table, one row a photo; - for stdout.")
@click.option("--json", "json_file", metavar="FILE", help="One JSON object; - for stdout.")
@click.option("--xmp", "sidecars", type=FILE, metavar="OUT", help="XMP sidecars in this folder.")
@click.option("--beside", is_flag=True, help="XMP sidecars beside the photos.")
@click.option("--captions", is_flag=True, help="In sidecars also captions, where probable.")
@filter_options
@model_option
@home_option
def export(
    csv_file: str | None,
    json_file: str | None,
    sidecars: Path | None,
    beside: bool,
    captions: bool,
    model: Path | None,
    home: Path | None,
    folder: Path | None,
    **filters: str | None,
) -> None:
    """Write all that is known of photos as CSV or JSON, and what the models see as XMP."""
    _check(csv_file, json_file, sidecars, beside, captions)
    wanted = photo_filter(folder, **filters)
    written = _Sidecars(sidecars, captions) if beside or sidecars else None
    with open_engine(home, model, "cpu") as engine, ExitStack() as open_files:
        from search.export import export_rows

        sinks: list[Sink] = [written.write] if written else []
        for file, sink in ((csv_file, _csv), (json_file, _json)):
            sinks += [open_files.enter_context(sink(file))] if file else []
        found = False
        for row in export_rows(engine, wanted):
            found = True
            for each in sinks:
                each(row)
    if not found:
        note("no photo passes; nothing is exported")
    if written:
        written.report()


def _check(
    csv_file: str | None, json_file: str | None, sidecars: Path | None, beside: bool, captions: bool
) -> None:
    """Check that the options go together; raises UsageError, and Failed for a file as a folder."""
    if not (csv_file or json_file or sidecars or beside):
        raise click.UsageError("say what to write: --csv FILE, --json FILE, --xmp OUT or --beside")
    if sidecars and beside:
        raise click.UsageError("sidecars go into a folder (--xmp) or beside photos (--beside)")
    if csv_file == json_file == _STDOUT:
        raise click.UsageError("only one of --csv and --json can go to stdout")
    if captions and not (sidecars or beside):
        raise click.UsageError("--captions is for sidecars; --csv and --json always have captions")
    if sidecars and sidecars.exists() and not sidecars.is_dir():
        raise Failed(f"{sidecars} is a file; give a folder for the sidecars")


@contextmanager
def _csv(file: str) -> Iterator[Sink]:
    """Rows as CSV (RFC 4180), in UTF-8."""
    from search.export import COLUMNS

    with _opened(file) as stream:
        table = csv.DictWriter(stream, COLUMNS)
        table.writeheader()
        yield lambda row: table.writerow(row.to_csv())


@contextmanager
def _json(file: str) -> Iterator[Sink]:
    """Rows as `{"photos": [...]}`, each on a line of its own, in ASCII."""
    with _opened(file) as stream:
        between = iter([""])
        stream.write('{"photos": [')
        yield lambda row: print(
            next(between, ","), json.dumps(row.to_json()), sep="\n", end="", file=stream
        )
        stream.write("\n]}\n")


@contextmanager
def _opened(file: str) -> Iterator[TextIO]:
    """A stream of text; what goes into a file is there whole at the end, or not at all."""
    if file == _STDOUT:
        yield sys.stdout
        sys.stdout.flush()
        return
    from catalog.durable_files import replacing

    with replacing(Path(file), shared=True) as content:
        stream = TextIOWrapper(content, encoding="utf-8", errors="replace", newline="")
        yield stream
        stream.flush()
        stream.detach()


@dataclass
class _Sidecars:
    """Sidecars below `folder`, None: beside the photos, and how many became what."""

    folder: Path | None
    captions: bool
    counts: Counter[str] = field(default_factory=Counter)

    def write(self, row: ExportRow) -> None:
        """Write one photo's sidecar; raises OSError where the disk is full."""
        from catalog.durable_files import FULL
        from indexer.sidecar_export import Guesses, Outcome, write_sidecar

        photo = row.photo.full_path
        place = self.folder.joinpath(*photo.parts[1:]) if self.folder else photo
        caption = row.caption if self.captions and row.is_probable else ""
        guesses = Guesses(tuple(tag.name for tag in row.tags), caption, row.caption_probability)
        try:
            if self.folder:
                place.parent.mkdir(parents=True, exist_ok=True)
            outcome, sidecar = write_sidecar(place, guesses)
        except OSError as error:
            if error.errno in FULL:
                raise
            self.counts["failed"] += 1
            note(f"{photo}: {sentence(error)}")
            return
        self.counts[outcome] += 1
        if outcome is Outcome.FOREIGN:
            note(f"{sidecar}: left as it is: {outcome}")

    def report(self) -> None:
        """Say how many there are; raises Failed where none could be written for an error's sake."""
        from indexer.sidecar_export import Outcome

        counts = self.counts
        note(
            f"{counts[Outcome.WRITTEN]} sidecars written, {counts[Outcome.UNCHANGED]} unchanged, "
            f"{counts[Outcome.FOREIGN]} left as they are, {counts[Outcome.NOTHING]} photos "
            f"without anything to say, {counts['failed']} failed"
        )
        if counts["failed"] and not (counts[Outcome.WRITTEN] or counts[Outcome.UNCHANGED]):
            raise Failed("no sidecar could be written; each photo is named above with the reason")

"""Results for other programs: CSV, and bare paths for pipes."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.common.output import print_json
from commands.common.terminal import is_terminal, safe_text

if TYPE_CHECKING:
    from catalog.views import PhotoView
    from search.results import SearchResult, SimilarPhoto


class Form(StrEnum):
    """What results are printed as; `NULL`: bare paths, each with a NUL behind it."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PATHS = "paths"
    NULL = "null"


def chosen_form(output: str | None, as_json: bool, paths: bool, null: bool) -> Form:
    """The one form that options ask for, a table by default; raises UsageError for several."""
    asked = {Form(output)} if output else set()
    asked |= {Form.JSON} if as_json else set()
    if paths or null:
        asked.add(Form.NULL if null else Form.PATHS)
    if len(asked) > 1:
        raise click.UsageError("give one of --output, --json, and --paths or --null")
    return asked.pop() if asked else Form.TABLE


def print_found(
    form: Form,
    answer: dict[str, Any],
    columns: Sequence[str],
    results: Sequence[SearchResult | SimilarPhoto],
    photos: Mapping[int, PhotoView],
) -> None:
    """Print found photos in any form but a table; `answer`: the JSON object."""
    if form is Form.JSON:
        print_json(answer)
    elif form is Form.CSV:
        rows = [{"rank": rank, **vars(each)} for rank, each in enumerate(results, start=1)]
        print_csv(columns, rows)
    else:  # a photo that was removed meanwhile has no path any more
        found = [photos[each.photo_id].full_path for each in results if each.photo_id in photos]
        print_paths(found, null=form is Form.NULL)


def print_paths(paths: Iterable[Path], *, null: bool) -> None:
    """Print paths as the bytes that they are; in a terminal made safe, a line each."""
    from catalog.remote_folders import as_url, is_remote

    end = b"\0" if null else b"\n"
    for path in paths:
        name = as_url(path) if is_remote(path) else os.fsencode(path)
        if is_terminal(sys.stdout):
            click.echo(safe_text(os.fsdecode(name)))
        else:
            click.echo(name + end, nl=False)


def print_csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Print a header and a line a row as RFC 4180 has it; what has no value is left empty."""
    written = io.StringIO()
    writer = csv.DictWriter(written, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    if not is_terminal(sys.stdout):
        click.echo(written.getvalue(), nl=False)
        return
    for line in written.getvalue().split("\n")[:-1]:
        click.echo(safe_text(line))

"""What an indexing run did, in the terminal.

Knows nothing of how it was done.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from commands.output import note, print_json

if TYPE_CHECKING:
    from indexer.pipeline import IndexReport
    from indexer.report import HeldBack


def print_report(report: IndexReport, as_json: bool) -> None:
    """The counts; on stderr, what a person may have to do something about."""
    if as_json:
        print_json(report.to_json())
    else:
        _print_counts(report)
    for root in report.offline_roots:
        note(f"{root} cannot be reached; its photos stay indexed")
    for held_back in report.held_back:
        note(_way_out(held_back))
    if report.withheld:
        note(
            f"{report.withheld} photos are gone from their folder; they stay indexed, as that is "
            "most of it: if you removed them, run again with --prune"
        )


def _print_counts(report: IndexReport) -> None:
    click.echo(
        f"{report.indexed} indexed, {report.unchanged} unchanged, {report.moved} moved, "
        f"{report.duplicates} duplicates, {report.removed} removed, "
        f"{len(report.skipped)} skipped in {report.seconds:.1f} s "
        f"({report.photos_per_second:.1f} photos/s)"
    )
    for reason, count in report.by_reason():
        click.echo(f"{count:6d} skipped: {reason}")


def _way_out(held_back: HeldBack) -> str:
    """What keeps a new captioner from answering, and what to do about it."""
    command = f"tellshow index {shlex.quote(held_back.path)}"
    if held_back.online:
        way_out = f"run {command}, with --prune if they are gone"
    else:
        way_out = (
            f"it cannot be reached; when it can, run {command}, or, if it is gone for good, "
            "make an empty folder in its place and add --prune"
        )
    which = "1 photo" if held_back.photos == 1 else f"{held_back.photos} photos"
    return (
        f"the older captioner goes on answering, for it alone has described {which} in "
        f"{held_back.path}: {way_out}"
    )

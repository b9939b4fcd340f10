"""`tellshow doctor`: what is wrong with a home, what was mended, and what is left to a person."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.common.errors import Failed
from commands.common.loading import open_catalog
from commands.common.options import home_option, json_option
from commands.common.output import print_json
from commands.common.terminal import echo

if TYPE_CHECKING:
    from catalog.doctor import Diagnosis, Finding

# What was found and what a person can do about it, where the doctor could not do it.
_INDEX_THEM = "run tellshow index on their folders"
_PROBLEMS = {
    "database": (
        "faults in the database file",
        "bring back a backup with tellshow restore FILE, or index your folders into another --home",
    ),
    "references": ("rows that refer to rows that are gone", ""),
    "not_described": ("photos that are known and not described yet", _INDEX_THEM),
    "half_described": ("photos of which a part of the description is missing", _INDEX_THEM),
    "damaged": ("photos whose description in the database is damaged", _INDEX_THEM),
    "words": ("photos whose words are not noted as they are", ""),
    "vectors": ("vector files missing, damaged or behind the database", ""),
    "orphans": ("files in the home that belong to nothing", ""),
    "old_failures": ("files that could not be read and are gone by now", ""),
    "thumbnails": ("photos whose thumbnail is missing or damaged", _INDEX_THEM),
    "originals": (
        "photos whose bytes changed although their size and time did not",
        "bring them back from a backup, or give them a new time with touch if they are right",
    ),
    "checkpoints": (
        "checkpoints that are damaged",
        "bring them back from a backup, or name a sound file with tellshow index --model FILE; "
        "what came with tellshow comes back by installing it again",
    ),
    "calibrations": ("calibrations that are damaged", ""),
    "kept": (
        "albums, favourites, shared links or saved searches that are damaged",
        "a backup has them as they were",
    ),
    "misplaced": ("folders or files in the place of others", "move them away"),
    "foreign": ("files that are not tellshow's", "tellshow leaves them alone"),
}
# Of what could not be mended although it mostly can.
_NOT_MENDED = {
    "vectors": "see that the home's disk has room, and its vectors are files in folders",
    "orphans": "the catalog is empty: index your folders, or bring back a backup",
}


@click.command()
@click.option("--dry-run", is_flag=True, help="Change nothing; only say what is wrong.")
@click.option(
    "--verify-photos", is_flag=True, help="Read every photo, and name those that decayed."
)
@json_option
@home_option
def doctor(dry_run: bool, verify_photos: bool, as_json: bool, home: Path | None) -> None:
    """Check database, vectors and home against each other, and mend what can be mended."""
    found = _examine(home, dry_run, verify_photos)
    print_json(_diagnosis(found, dry_run)) if as_json else _print_diagnosis(found, dry_run)
    if not found.is_well:
        raise Failed("some of this is left to do")


def _examine(home: Path | None, dry_run: bool, verify_photos: bool) -> Diagnosis:
    from captioner.checkpoint import DEFAULT_CHECKPOINT, DEFAULT_SHA256
    from catalog.doctor import Doctor, misplaced_at_top
    from catalog.home import open_home
    from indexer.retry import RetryPolicy

    blocked = misplaced_at_top(open_home(home or click.get_current_context().obj))
    if blocked:  # the database cannot be opened
        return blocked
    retry = RetryPolicy()
    with open_catalog(home, retry=retry) as (opened, database):
        doctor = Doctor(
            opened,
            database,
            mend=not dry_run,
            spares={DEFAULT_CHECKPOINT: DEFAULT_SHA256},
            attempt=retry.call,
            verify_photos=verify_photos,
        )
        return doctor.examine()


def _diagnosis(found: Diagnosis, dry_run: bool) -> dict[str, Any]:
    findings = [{**asdict(each), "advice": _advice(each, dry_run)} for each in found.findings]
    return {"well": found.is_well, "failures": found.failures, "findings": findings}


def _advice(finding: Finding, dry_run: bool) -> str:
    if finding.mended:
        return ""
    advice = _PROBLEMS[finding.problem][1]
    if not advice and not dry_run:
        advice = _NOT_MENDED.get(finding.problem, "")
    return advice or "run tellshow doctor without --dry-run"


def _print_diagnosis(found: Diagnosis, dry_run: bool) -> None:
    for each in found.findings:
        told = _advice(each, dry_run) or "mended"
        echo(f"{each.count} {_PROBLEMS[each.problem][0]}: {told}")
        for name in each.examples:
            echo(f"  {name}")
        if each.count > len(each.examples):
            echo(f"  and {each.count - len(each.examples)} more")
    if found.failures:
        echo(f"{found.failures} files could not be read; tellshow index says why")
    if found.is_well:
        echo("all is well")

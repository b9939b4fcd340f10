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

if TYPE_CHECKING:
    from catalog.doctor import Diagnosis, Finding

# What was found and what a person can do about it, where the doctor could not do it.
_INDEX_THEM = "run tellshow index on their folders"
_PROBLEMS = {
    "database": (
        "faults in the database file",
        "restore the home from a backup, or move catalog.db away and index your folders again",
    ),
    "references": ("rows that refer to rows that are gone", ""),
    "not_described": ("photos that are known and not described yet", _INDEX_THEM),
    "half_described": ("photos of which a part of the description is missing", _INDEX_THEM),
    "words": ("photos whose words are not noted as they are", ""),
    "vectors": ("vector files missing, damaged or behind the database", ""),
    "orphans": ("files in the home that belong to nothing", ""),
    "old_failures": ("files that could not be read and are gone by now", ""),
    "thumbnails": ("photos without a thumbnail", _INDEX_THEM),
}


@click.command()
@click.option("--dry-run", is_flag=True, help="Change nothing; only say what is wrong.")
@json_option
@home_option
def doctor(dry_run: bool, as_json: bool, home: Path | None) -> None:
    """Check database, vectors and home against each other, and mend what can be mended."""
    from catalog.doctor import Doctor

    with open_catalog(home) as (opened, database):
        found = Doctor(opened, database, mend=not dry_run).examine()
    print_json(_diagnosis(found)) if as_json else _print_diagnosis(found)
    if not found.is_well:
        raise Failed("some of this is left to do")


def _diagnosis(found: Diagnosis) -> dict[str, Any]:
    findings = [{**asdict(each), "advice": _advice(each)} for each in found.findings]
    return {"well": found.is_well, "failures": found.failures, "findings": findings}


def _advice(finding: Finding) -> str:
    if finding.mended:
        return ""
    return _PROBLEMS[finding.problem][1] or "run tellshow doctor without --dry-run"


def _print_diagnosis(found: Diagnosis) -> None:
    for each in found.findings:
        click.echo(f"{each.count} {_PROBLEMS[each.problem][0]}: {_advice(each) or 'mended'}")
        for name in each.examples:
            click.echo(f"  {name}")
        if each.count > len(each.examples):
            click.echo(f"  and {each.count - len(each.examples)} more")
    if found.failures:
        click.echo(f"{found.failures} files could not be read; tellshow index says why")
    if found.is_well:
        click.echo("all is well")

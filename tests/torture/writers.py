"""Two commands on one home at once, one of which may have to wait or to give up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.torture.answers import judge
from tests.torture.forks import Fork, command
from tests.torture.kills import _forget
from tests.torture.setting import Setting
from tests.torture.table import Outcome, Row, timed

# Who may not write now says so in one of these sentences.
_GIVES_WAY = re.compile(
    r"Another tellshow is writing|has the catalog open|is locked by another program|left to do"
    r"|exists: name another file|had a catalog, but"
)


def run(setting: Setting) -> Iterator[Row]:
    """Start two commands within an instant of each other; nothing is lost by it."""
    row = Row("two writers at once")
    album, batch = setting.album, ("--batch-size", "1")
    backup = setting.folder / "case" / "two.backup"
    commands: list[tuple[str | Path, ...]] = [
        ("index", album, *batch), ("doctor",), ("rebuild",), ("restore", setting.backup),
        ("backup", backup, "--force"),
    ]  # fmt: skip
    pairs = [(one, other) for one in commands for other in commands]
    with timed(row):
        for number in range(setting.times(len(pairs))):
            one, other = pairs[number % len(pairs)]
            with setting.copied_home() as home:
                row.add(*_both(setting, home, one, other))
    yield row


def _both(
    setting: Setting, home: Path, one: tuple[str | Path, ...], other: tuple[str | Path, ...]
) -> tuple[Outcome, str]:
    _forget(home)
    forks = [Fork(command(*each, "--home", home)) for each in (one, other)]
    ended = [fork.wait() for fork in forks]
    name = f"{one[0]} and {other[0]}"
    for each in ended:
        if each.result is None or "Traceback" in each.output:
            return Outcome.WRONG, f"{name}: {each.output or each.code}"
        if each.result and not _GIVES_WAY.search(each.output):
            return Outcome.WRONG, f"{name}: {each.output}"
    indexed = setting.index(home)
    verdict = judge(setting.sound, setting.look(home))
    if indexed.result != 0 or verdict.outcome is not Outcome.RIGHT:
        return Outcome.LOST, f"{name}: {indexed.output} {verdict.detail}"
    gave_way = any(each.result for each in ended)
    return (Outcome.NAMED if gave_way else Outcome.RIGHT), ""

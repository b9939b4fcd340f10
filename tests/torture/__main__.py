"""Runs the torture suite: `python -m tests.torture --seed N [--only NAME ...] [--scale FLOAT]`.

Prints one table in Markdown, and what was bad; exits with 1 if anything was silently wrong, or
lost. `--scale` 1 is the usual number of cases, for twenty minutes on two cores; `--rows TEXT`
leaves out the rows of the table whose names do not contain it.
"""

from __future__ import annotations

import argparse
import os
import select
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import TextIO

from tests.torture.forks import Ended, Fork
from tests.torture.setting import Setting, prepared
from tests.torture.table import HEAD, Outcome, Row

KINDS = ("kills", "corruptions", "disks", "writers", "clocks", "restores", "pictures", "requests",
         "service")  # fmt: skip
AT_ONCE = 2
LONGEST_KIND = 4 * 3600  # seconds; even where much else is done
LONGEST = 2000  # characters of a detail


def main(arguments: list[str] | None = None) -> int:
    """Run the kinds that are asked for; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rows", default="")
    asked = parser.parse_args(arguments)
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.pop("TELLSHOW_DATABASE_URL", None)
    with prepared(asked.seed, asked.scale, asked.rows) as setting:
        # Rows are told as they come: the whole takes a while, and stderr of a fork is a file.
        results = dict(_carry_out(setting, asked.only, told=os.dup(2)))
    rows = [row for name in asked.only for row in results[name]]
    _say(sys.stdout, f"python -m tests.torture --seed {asked.seed} --scale {asked.scale:g}", "")
    _say(sys.stdout, HEAD, *(row.line() for row in rows), "")
    _say(sys.stdout, *(remark for row in rows for remark in row.remarks))
    bad = sum(row.counts[each] for row in rows for each in (Outcome.WRONG, Outcome.LOST))
    _say(sys.stdout, f"{bad} silently wrong or lost")
    return 1 if bad else 0


def _carry_out(
    setting: Setting, names: Sequence[str], told: int
) -> Iterator[tuple[str, list[Row]]]:
    """The rows of each kind, as they are done: two kinds at once, each a fork with its folder."""
    waiting, running = list(names), dict[str, Fork]()
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            name = waiting.pop(0)
            running[name] = Fork(partial(_run_kind, name, setting, told))
        done = select.select([fork.result for fork in running.values()], [], [])[0]
        for name in [name for name, fork in running.items() if fork.result in done]:
            ended = running.pop(name).wait(LONGEST_KIND)
            if ended.result is None:
                rows = [_broken(name, ended)]
                _say(sys.stderr, *(f"  {line}" for line in rows[0].bad))
            else:
                rows = ended.result
            yield name, rows


def _run_kind(name: str, setting: Setting, told: int) -> list[Row]:
    folder, rows = setting.folder / name, []
    folder.mkdir()
    with open(told, "w") as stream:
        for row in import_module(f"tests.torture.{name}").run(replace(setting, folder=folder)):
            _say(stream, row.line(), *(f"  {line[:LONGEST]}" for line in row.bad))
            rows.append(row)
    return rows


def _broken(name: str, ended: Ended) -> Row:
    """The row of a kind that did not come to its end."""
    row = Row(f"{name} (not carried out)")
    row.add(Outcome.LOST, f"it ended with {ended.code}: {ended.output[-LONGEST:]}")
    return row


def _say(stream: TextIO, *lines: str) -> None:
    stream.writelines(line.encode(errors="backslashreplace").decode() + "\n" for line in lines)
    stream.flush()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())

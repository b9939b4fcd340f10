"""All benchmarks in one go: runs them, and writes tables, plots and the machine into a document.

    python -m benchmarks.suite --data DATA --document docs/benchmarks.md

DATA holds `images/` and `dev.tsv` (columns image and caption); photos that the table does not name
are indexed under load. Every draw has a fixed seed. It ends within --minutes: a benchmark that is
not done by then is broken off, and the document says so.

Left out: `head` and `captions` (they need a training set or compare ways to write captions),
`runtimes` (precisions that a CPU lacks take it long; it needs what trains a captioner),
`pointing` (boxes that people drew), `reliability` (draws what `tellshow evaluate` printed), `scale`
and `state_sizes` (what lies past one machine), `walk` and `screenshots`, which measure nothing.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.machine import described, in_short
from benchmarks.plots import draw

ROOT = Path(__file__).parents[1]
BEGIN = "<!-- Written by `make bench`, all of it. -->"
END = "<!-- Here ends what `make bench` wrote. -->"


@dataclass(frozen=True)
class Sizes:
    """How much is measured; as they are, half an hour on two cores."""

    photos: int = 1000
    ranked_photos: int = 200
    more_photos: int = 300
    queries: int = 100
    repeat: int = 2
    processes: int = 5
    files: int = 10
    seconds: int = 30
    clients: int = 50
    vectors: int = 100_000
    browsed: int = 20_000


TINY = Sizes(8, 6, 2, 2, 1, 1, 1, 2, 3, 2000, 200)


class Data:
    """Photos, captions and an indexed home for the benchmarks, made when they are first needed."""

    def __init__(self, data: Path, folder: Path, sizes: Sizes) -> None:
        self.images = data / "images"
        self._folder, self._sizes = folder, sizes
        with (data / "dev.tsv").open(newline="", encoding="utf-8") as opened:
            rows = list(csv.DictReader(opened, dialect="excel-tab"))
        self._captions: dict[str, list[str]] = {}
        for row in rows:
            self._captions.setdefault(row["image"], []).append(row["caption"])

    @cached_property
    def photos(self) -> Path:
        """A folder with links to the photos that have captions."""
        return self._linked("photos", list(self._captions)[: self._sizes.photos])

    @cached_property
    def more(self) -> Path:
        """A folder with links to photos that have none."""
        others = sorted(file.name for file in self.images.iterdir())
        unknown = [name for name in others if name not in self._captions]
        return self._linked("more", unknown[: self._sizes.more_photos])

    @cached_property
    def queries(self) -> Path:
        """The captions of all photos."""
        return self._table("queries.tsv", self._sizes.photos)

    @cached_property
    def ranked(self) -> Path:
        """The captions of fewer photos, for what compares every sentence with every photo."""
        return self._table("ranked.tsv", self._sizes.ranked_photos)

    @cached_property
    def home(self) -> Path:
        """A home with the photos. Raises CalledProcessError where they cannot be indexed."""
        home = self._folder / "home"
        command = [sys.executable, "-m", "tellshow", "index", str(self.photos), "--home", str(home)]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return home

    def _linked(self, name: str, files: Sequence[str]) -> Path:
        folder = self._folder / name
        folder.mkdir()
        for file in files:
            (folder / file).symlink_to((self.images / file).resolve())
        return folder

    def _table(self, name: str, photos: int) -> Path:
        file = self._folder / name
        with file.open("w", newline="", encoding="utf-8") as opened:
            table = csv.writer(opened, dialect="excel-tab")
            table.writerow(["image", "caption"])
            for image, captions in list(self._captions.items())[:photos]:
                table.writerows([image, caption] for caption in captions)
        return file


@dataclass(frozen=True)
class Measure:
    """A benchmark to run: its title, its module, and its arguments, known when it is run."""

    title: str
    module: str
    arguments: Callable[[], Sequence[object]]


def measures(data: Data, sizes: Sizes) -> list[Measure]:
    """All of them, in the order of the document."""
    sampled = sizes.queries
    return [
        Measure("Indexing", "index", lambda: [
            "--folder", data.photos, "--count", sizes.photos // 4, "--repeat", sizes.repeat]),
        Measure("Searching", "search", lambda: [
            "--folder", data.photos, "--home", data.home, "--queries", data.queries,
            "--count", sampled]),
        Measure("The second stage's cascade", "cascade", lambda: [
            "--home", data.home, "--queries", data.queries, "--count", sampled]),
        Measure("From nothing to the first result", "startup", lambda: [
            "--home", data.home, "--count", sizes.processes]),
        Measure("Many at once", "load", lambda: [
            "--home", data.home, "--queries", data.queries, "--more", data.more,
            "--seconds", sizes.seconds, "--clients", sizes.clients]),
        Measure("First paint", "paint", lambda: [
            "--home", data.home, "--queries", data.queries, "--count", sampled // 5 + 1]),
        Measure("Decoding", "decode", lambda: [
            "--folder", data.photos, "--count", sizes.files, "--repeat", sizes.repeat]),
        Measure("On the disk", "disk", lambda: ["--home", data.home]),
        Measure("Vectors alone", "vectors", lambda: [
            "--photos", sizes.vectors, "--queries", sampled]),
        Measure("Looking through", "browse", lambda: [
            "--photos", sizes.browsed, "--times", sizes.files]),
        Measure("Ranking", "ranking", lambda: [
            "--captions", data.ranked, "--images", data.images, "--queries", 3 * sampled,
            "--side-queries", sampled]),
        Measure("More of this, less of that", "query_modifiers", lambda: [
            "--captions", data.ranked, "--images", data.images]),
    ]  # fmt: skip


def run(measure: Measure, seconds: float, names: Mapping[str, str]) -> str:
    """A benchmark's section; `names` are shown in place of the folders of this run.

    What fails, or takes longer than `seconds`, has its reason as its section.
    """
    started = time.monotonic()
    try:
        given = [str(each) for each in measure.arguments()]
    except (OSError, subprocess.CalledProcessError) as error:
        return f"### {measure.title}\n\nNot measured: {type(error).__name__}."
    command = ["-m", f"benchmarks.{measure.module}", *given]
    left = seconds - (time.monotonic() - started)
    found = _finished([sys.executable, *command], left) if left > 0 else None
    took = f"{time.monotonic() - started:.0f} s"
    result = "Broken off: the time for all benchmarks was over." if found is None else found
    shown = f"`{shlex.join(['python', *command])}` ({took})"
    section = f"### {measure.title}\n\n{shown}\n\n*{in_short()}; fixed seeds.*\n\n{result}"
    for folder, name in names.items():
        section = section.replace(folder, name)
    return section


def _finished(command: Sequence[str], seconds: float) -> str | None:
    """What a command printed, as Markdown, or that it failed; None where it was broken off."""
    process = subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    try:
        printed, complaint = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # with the servers that it started
        process.communicate()
        return None
    if process.returncode:
        last = complaint.strip().splitlines()[-1:] or ["nothing was said"]
        return f"Failed with exit code {process.returncode}: `{last[0]}`\n\n{printed}".strip()
    return as_markdown(printed)


def as_markdown(printed: str) -> str:
    """A benchmark's output: Markdown stays as it is, a JSON object becomes a table."""
    if not printed.startswith("{"):
        return printed.strip()
    rows = _flat(json.loads(printed))
    return "\n".join(["| | |", "| --- | --- |", *(f"| {key} | {value} |" for key, value in rows)])


def _flat(value: Mapping[str, object], before: str = "") -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = []
    for key, each in value.items():
        name = f"{before}{key.replace('_', ' ')}"
        rows += _flat(each, f"{name}, ") if isinstance(each, Mapping) else [(name, each)]
    return rows


def written(document: str, section: str) -> str:
    """The document with the section in place of the one of the last run, else at its end."""
    whole = f"{BEGIN}\n\n{section}\n\n{END}\n"
    found = re.search(re.escape(BEGIN) + r".*?" + re.escape(END) + r"\n", document, re.S)
    if found is None:
        return f"{document.rstrip()}\n\n{whole}"
    return document[: found.start()] + whole + document[found.end() :]


def mended(document: str, sections: Sequence[str]) -> str | None:
    """The document with some sections of its last run in place of those of the same titles.

    None where it lacks one of them.
    """
    for section in sections:
        title = section.splitlines()[0]
        old = rf"^{re.escape(title)}$.*?(?=^### |^{re.escape(END)}$)"
        found = re.search(old, document, re.S | re.M)
        if found is None:
            return None
        document = f"{document[: found.start()]}{section}\n\n{document[found.end() :]}"
    return document


def main() -> None:
    """Run what was asked for, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a folder: images/ and dev.tsv")
    parser.add_argument("--document", type=Path, required=True, help="Markdown to write into")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument(
        "--only", nargs="+", help="names of benchmarks (default: all); sections of others stay"
    )
    parser.add_argument("--tiny", action="store_true", help="a few photos, to see that it runs")
    options = parser.parse_args()
    if not (options.data / "dev.tsv").is_file() or not (options.data / "images").is_dir():
        parser.error(f"{options.data} needs images/ and dev.tsv with the columns image and caption")
    sizes, end = TINY if options.tiny else Sizes(), time.monotonic() + 60 * options.minutes
    machine = described()
    with tempfile.TemporaryDirectory(prefix="tellshow-bench-") as folder:
        data = Data(options.data, Path(folder), sizes)
        names = {f"{folder}/home": "HOME", folder: "OWN", str(options.data): "DATA"}
        sections = []
        for each in measures(data, sizes):
            if options.only is None or each.module in options.only:
                print(f"{each.title} ...", file=sys.stderr, flush=True)
                sections.append(run(each, end - time.monotonic(), names))
    before = options.document.read_text(encoding="utf-8") if options.document.is_file() else ""
    text = mended(before, sections) if options.only else None
    if text is None:
        text = written(before, _whole(machine, sections, options.document.with_suffix(".svg")))
    options.document.write_text(text, encoding="utf-8")


def _whole(machine: str, sections: Sequence[str], picture: Path) -> str:
    """All that is written: the machine, the picture, which is drawn, and the sections."""
    plotted = [f"![Rates and latencies of this run]({picture.name})"]
    head = ["## All in one go", "`make bench DATA=FOLDER`, on this machine:", machine]
    return "\n\n".join(head + (plotted if draw(sections, picture) else []) + list(sections))


if __name__ == "__main__":
    main()

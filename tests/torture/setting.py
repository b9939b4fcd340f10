"""What every kind of torture begins with: loaded models, an album, a home indexed from it."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.torture.answers import Look, look_at
from tests.torture.forks import Ended, command, in_fork

# Of the sample photos: as many as make every kind of answer, and are indexed in seconds.
NAMES = ("cat.png", "coffee.png", "rocket.jpg", "photographer.png", "astronaut.png", "coins.png")


@dataclass(frozen=True)
class Setting:
    """Where a run works. `album`: photos that no case may change. `home`: indexed from it, sound.

    `backup`: of that home. `sound`: what it answers. `scale`: how many of the usual cases.
    `rows`: what the names of the rows contain that are asked for.
    """

    folder: Path
    album: Path
    home: Path
    backup: Path
    sound: Look
    seed: int
    scale: float
    rows: str = ""

    def wants(self, row: str) -> bool:
        """Whether a row of the table is asked for, by its name."""
        return self.rows in row

    def dice(self, *what: object) -> random.Random:
        """Chance that is the same in every run with this seed."""
        return random.Random(f"{self.seed} {what}")

    def times(self, usual: int) -> int:
        """How many cases of a kind of which there are usually so many; at least one."""
        return max(1, round(usual * self.scale))

    @contextmanager
    def copied_home(self, source: Path | None = None) -> Iterator[Path]:
        """A copy of a home, removed at the end."""
        target = self.folder / "case" / "home"
        copy_home(source or self.home, target)
        try:
            yield target
        finally:
            shutil.rmtree(target.parent, ignore_errors=True)

    def look(self, home: Path) -> Look:
        """What a home answers, by a fork; its death is an answer of its own."""
        ended = in_fork(lambda: look_at(home))
        if isinstance(ended.result, Look):
            return ended.result
        return Look(broke={"process": f"it ended with {ended.code}\n{ended.output}"})

    def run(self, *arguments: str | Path, home: Path) -> Ended:
        """A `tellshow` command on a home, to its end."""
        return in_fork(command(*arguments, "--home", home))

    def index(self, home: Path, album: Path | None = None) -> Ended:
        """Index the album: one photo at a time, so that its figures are always the same."""
        return self.run("index", album or self.album, "--batch-size", "1", home=home)


@contextmanager
def prepared(seed: int, scale: float, rows: str = "") -> Iterator[Setting]:
    """Load the models, make the album and index it."""
    from indexer.sample_photos import copy_sample_photos

    _load()
    with tempfile.TemporaryDirectory(prefix="torture-") as name:
        folder = Path(name).resolve()
        album, home, backup = folder / "album", folder / "home", folder / "sound.backup"
        samples = copy_sample_photos(folder / "samples")
        album.mkdir()
        for sample in samples:
            if sample.name in NAMES:
                shutil.copy(sample, album / sample.name)  # of this moment, for wrong clocks
        _write_with_exif(folder / "samples" / "grass.png", album / "Lisbon 2019" / "IMG_2041.jpg")
        made = Setting(folder, album, home, backup, Look(), seed, scale)
        _must(made.index(home))
        _must(made.run("backup", backup, home=home))
        sound = made.look(home)
        if sound.broke or sound.refused or sound.findings or sound.told:
            raise RuntimeError(f"the sound home is not sound: {sound}")
        yield Setting(folder, album, home, backup, sound, seed, scale, rows)


def copy_home(source: Path, target: Path) -> None:
    """Copy what is written in place; all else is replaced whole, and can be linked."""
    shutil.rmtree(target, ignore_errors=True)
    for path in sorted(source.rglob("*")):
        other = target / path.relative_to(source)
        if path.is_dir():
            other.mkdir(parents=True, exist_ok=True)
        else:
            other.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, other) if path.parent == source else os.link(path, other)


def rewrite(file: Path, content: bytes) -> None:
    """Give a file other bytes, and leave those that are linked to it alone."""
    file.unlink(missing_ok=True)
    file.write_bytes(content)


def _write_with_exif(source: Path, target: Path) -> None:
    """A photo that says when, where and with what it was taken."""
    from PIL import ExifTags, Image

    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "Nikon", "D750 of the torture suite"
    exif.get_ifd(ExifTags.IFD.Exif).update(
        {
            ExifTags.Base.DateTimeOriginal: "2019:05:06 07:08:09",
            ExifTags.Base.OffsetTimeOriginal: "+01:00",
        }
    )
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {1: "N", 2: (38.0, 42.0, 49.5), 3: "W", 4: (9.0, 8.0, 21.7)}
    )
    target.parent.mkdir()
    with Image.open(source) as photo:
        photo.convert("RGB").save(target, "JPEG", quality=90, exif=exif)


def _must(ended: Ended) -> None:
    if ended.code or ended.result:
        raise RuntimeError(f"the setting cannot be made: {ended}")


def _load() -> None:
    """Load the libraries and models once, for every fork."""
    import torch

    import captioner.checkpoint as checkpoint
    import captioner.embedder as embedder
    import indexer.pipeline  # noqa: F401
    import search.engine  # noqa: F401
    import web.app  # noqa: F401
    from captioner.filehash import sha256_of

    torch.set_num_threads(1)
    load, shipped = checkpoint.load_checkpoint, checkpoint.load_checkpoint(device="cpu")
    quick = embedder.OnnxEmbedder()
    quick.encode(["a photo"])
    assert quick.sha256  # read once

    def load_once(
        path: Path | None = None,
        device: str | None = None,
        sha256: str | None = None,
        read: Any = None,
    ) -> Any:
        file = path or checkpoint.DEFAULT_CHECKPOINT
        own = sha256 or sha256_of(file)
        return shipped if own == shipped.sha256 else load(path, device, sha256, read)

    def choose_quick(name: str = "", device: str | None = None) -> Any:
        if name and name != quick.name:
            return embedder.SentenceEmbedder(name, device)
        return quick

    checkpoint.load_checkpoint = load_once
    embedder.choose_embedder = choose_quick

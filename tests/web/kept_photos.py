"""A small collection to keep photos of: one has a copy, one a lens, one is gone by now."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import ExifTags, Image, TiffImagePlugin

if TYPE_CHECKING:
    from captioner.captioner import Captioner
    from captioner.embedder import SentenceEmbedder
    from catalog.home import Home

LENS = "XF35mmF1.4 R"
NAMES = ("cat.png", "coffee.png", "copy of cat.png", "rocket.jpg")


def index_photos(
    folder: Path, samples: Path, captioner: Captioner, embedder: SentenceEmbedder
) -> Home:
    """A home over four photos in `folder`, a folder of its own, of which one is then removed."""
    from catalog.database import open_database
    from catalog.home import open_home
    from indexer.pipeline import Indexer

    photos = folder / "photos"
    photos.mkdir(parents=True)
    for name in ("cat.png", "coffee.png"):
        shutil.copy(samples / name, photos / name)
    shutil.copy(samples / "cat.png", photos / "copy of cat.png")
    _with_exposure(samples / "rocket.jpg", photos / "rocket.jpg")
    home = open_home(folder / "home")
    database = open_database(home)
    Indexer(home, database, captioner, embedder).index([photos])
    database.close()
    (photos / "coffee.png").unlink()
    return home


def _with_exposure(source: Path, target: Path) -> None:
    with Image.open(source) as photo:
        exif = photo.getexif()
        exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "FUJIFILM", "X-T3"
        details = exif.get_ifd(ExifTags.IFD.Exif)
        details[ExifTags.Base.LensModel] = LENS
        details[ExifTags.Base.FocalLength] = TiffImagePlugin.IFDRational(35, 1)
        details[ExifTags.Base.FNumber] = TiffImagePlugin.IFDRational(28, 10)
        details[ExifTags.Base.ExposureTime] = TiffImagePlugin.IFDRational(1, 250)
        details[ExifTags.Base.ISOSpeedRatings] = 400
        gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
        gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLatitude] = "N", (51.0, 30.0, 0.0)
        gps[ExifTags.GPS.GPSLongitudeRef], gps[ExifTags.GPS.GPSLongitude] = "E", (7.0, 0.0, 0.0)
        photo.save(target, exif=exif)

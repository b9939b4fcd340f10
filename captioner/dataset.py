"""Captioned photos from a TSV, a COCO captions JSON or Karpathy's dataset JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


class DatasetError(ValueError):
    """A captions file that is missing, of another format, or names photos that are missing."""


@dataclass(frozen=True)
class CaptionedPhoto:
    """A photo's file and its captions."""

    path: Path
    captions: tuple[str, ...]


def read_captions(captions: Path, images: Path, split: str | None = None) -> list[CaptionedPhoto]:
    """Read captioned photos, in file order; `split` is one of Karpathy's ("train", "val", "test").

    Raises DatasetError, saying the first thing that is wrong.
    """
    if not captions.is_file():
        raise DatasetError(f"there is no captions file {captions}")
    if not images.is_dir():
        raise DatasetError(f"there is no folder of images {images}")
    pairs = _read_json(captions, split) if captions.suffix == ".json" else _read_tsv(captions)
    photos = _group(pairs, images)
    if not photos:
        raise DatasetError(f"{captions} holds no captions")
    missing = [photo.path for photo in photos if not photo.path.is_file()]
    if missing:
        raise DatasetError(f"{len(missing)} photos are missing, the first is {missing[0]}")
    return photos


def _group(pairs: Iterable[tuple[str, str]], images: Path) -> list[CaptionedPhoto]:
    grouped: dict[str, list[str]] = {}
    for image, caption in pairs:
        grouped.setdefault(image, []).append(caption)
    return [CaptionedPhoto(images / image, tuple(texts)) for image, texts in grouped.items()]


def _read_tsv(path: Path) -> list[tuple[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file, dialect="excel-tab")
        if not {"image", "caption"} <= set(rows.fieldnames or ()):
            raise DatasetError(f"{path} needs a first line with the columns image and caption")
        return [(row["image"], row["caption"]) for row in rows]


def _read_json(path: Path, split: str | None) -> list[tuple[str, str]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DatasetError(f"{path} is not JSON: {error}") from error
    try:
        return _read_coco(content) if "annotations" in content else _read_karpathy(content, split)
    except (KeyError, TypeError) as error:
        raise DatasetError(
            f"{path} is neither a COCO captions JSON nor Karpathy's dataset JSON ({error!r})"
        ) from error


def _read_coco(content: dict[str, list[dict[str, str]]]) -> list[tuple[str, str]]:
    names = {image["id"]: image["file_name"] for image in content["images"]}
    return [(names[note["image_id"]], note["caption"]) for note in content["annotations"]]


def _read_karpathy(
    content: dict[str, list[dict[str, object]]], split: str | None
) -> list[tuple[str, str]]:
    return [
        (
            f"{folder}/{image['filename']}"
            if (folder := image.get("filepath"))
            else str(image["filename"]),
            str(sentence["raw"]),
        )
        for image in content["images"]
        if split is None or image.get("split") == split
        for sentence in image["sentences"]  # type: ignore[attr-defined]
    ]

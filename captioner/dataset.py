"""Captioned photos from a TSV, a COCO captions JSON or Karpathy's dataset JSON."""

from __future__ import annotations

import codecs
import csv
import io
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


def _read_text(path: Path) -> str:
    """The text of a UTF-8 file, with or without a byte-order mark; line ends as they are."""
    data = path.read_bytes()
    # Without a mark the zeros betray it: no text has any.
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in data[:1000]:
        raise DatasetError(f"{path} is UTF-16 text; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{path} is not UTF-8 text (byte {error.start + 1}); save it as UTF-8"
        ) from error


def _read_tsv(path: Path) -> list[tuple[str, str]]:
    rows = csv.DictReader(io.StringIO(_read_text(path), newline=""), dialect="excel-tab")
    try:
        if not {"image", "caption"} <= set(rows.fieldnames or ()):
            raise DatasetError(f"{path} needs a first line with the columns image and caption")
        pairs = [(row["image"], row["caption"]) for row in rows]
    except csv.Error as error:
        raise DatasetError(f"{path} is no table with tabs: {error}") from error
    if any(image is None or caption is None for image, caption in pairs):
        raise DatasetError(f"{path} has a line without an image or a caption")
    return pairs


def _read_json(path: Path, split: str | None) -> list[tuple[str, str]]:
    text = _read_text(path)
    try:
        content = json.loads(text)
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

"""Captions are read from three formats, and what is wrong with a file is said."""

import json
from pathlib import Path

import pytest

from captioner.dataset import DatasetError, read_captions


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("one.jpg", "two.jpg"):
        (folder / name).touch()
    return folder


def test_a_tsv_keeps_photos_in_order_and_quotes_apart(tmp_path: Path, images: Path) -> None:
    file = tmp_path / "captions.tsv"
    file.write_text('image\tcaption\ntwo.jpg\tA cat .\none.jpg\t"A ""big"" dog"\ntwo.jpg\tCats\n')
    photos = read_captions(file, images)
    assert [photo.path.name for photo in photos] == ["two.jpg", "one.jpg"]
    assert photos[0].captions == ("A cat .", "Cats")
    assert photos[1].captions == ('A "big" dog',)


@pytest.mark.parametrize(
    "text", ["image\tcaption\r\none.jpg\tÄ cat\r\n", "image\tcaption\none.jpg\tÄ cat"]
)
def test_a_byte_order_mark_is_no_part_of_the_first_column(
    text: str, tmp_path: Path, images: Path
) -> None:
    file = tmp_path / "captions.tsv"
    file.write_bytes(text.encode("utf-8-sig"))
    assert read_captions(file, images)[0].captions == ("Ä cat",)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "latin-1"])
@pytest.mark.parametrize("name", ["captions.tsv", "captions.json"])
def test_text_that_is_not_utf8_is_refused_with_a_sentence(
    encoding: str, name: str, tmp_path: Path, images: Path
) -> None:
    file = tmp_path / name
    file.write_bytes("image\tcaption\none.jpg\tÄ cat\n".encode(encoding))
    with pytest.raises(DatasetError, match="save it as UTF-8"):
        read_captions(file, images)


def test_a_json_may_begin_with_a_byte_order_mark(tmp_path: Path, images: Path) -> None:
    file = tmp_path / "captions.json"
    content = {"images": [{"filename": "one.jpg", "sentences": [{"raw": "A cat"}]}]}
    file.write_text(json.dumps(content), encoding="utf-8-sig")
    assert read_captions(file, images)[0].captions == ("A cat",)


def test_a_line_without_a_caption_is_refused(tmp_path: Path, images: Path) -> None:
    file = tmp_path / "captions.tsv"
    file.write_text("image\tcaption\none.jpg\n")
    with pytest.raises(DatasetError, match="a line without"):
        read_captions(file, images)


def test_coco_annotations_find_their_photos(tmp_path: Path, images: Path) -> None:
    file = tmp_path / "coco.json"
    content = {
        "images": [{"id": 7, "file_name": "one.jpg"}],
        "annotations": [{"image_id": 7, "caption": "A dog."}, {"image_id": 7, "caption": "Dog"}],
    }
    file.write_text(json.dumps(content))
    assert read_captions(file, images)[0].captions == ("A dog.", "Dog")


def test_a_split_of_karpathys_dataset_is_picked(tmp_path: Path, images: Path) -> None:
    entries = [
        {"filename": f"{name}.jpg", "split": split, "sentences": [{"raw": name}]}
        for name, split in (("one", "train"), ("two", "val"))
    ]
    file = tmp_path / "dataset.json"
    file.write_text(json.dumps({"images": entries}))
    assert [photo.path.name for photo in read_captions(file, images, "val")] == ["two.jpg"]
    assert len(read_captions(file, images)) == 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tsv", "photo\ttext\none.jpg\tdog\n", "columns image and caption"),
        ("a.tsv", "image\tcaption\n", "holds no captions"),
        ("a.tsv", "image\tcaption\nsix.jpg\tdog\n", "1 photos are missing"),
        ("a.json", "{", "is not JSON"),
        ("a.json", "{}", "neither a COCO captions JSON nor Karpathy's"),
        ("a.json", "[]", "neither a COCO captions JSON nor Karpathy's"),
    ],
)
def test_a_wrong_file_gets_a_sentence(
    tmp_path: Path, images: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DatasetError, match=message):
        read_captions(tmp_path / name, images)


def test_missing_files_are_named(tmp_path: Path, images: Path) -> None:
    with pytest.raises(DatasetError, match="no captions file"):
        read_captions(tmp_path / "absent.tsv", images)
    (tmp_path / "a.tsv").touch()
    with pytest.raises(DatasetError, match="no folder of images"):
        read_captions(tmp_path / "a.tsv", tmp_path / "absent")

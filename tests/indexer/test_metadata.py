"""EXIF: what can be believed is read, nonsense is left out."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from captioner.image_file import Photo, decode_photo
from indexer.capture_date import CaptureDate
from indexer.metadata import Tags, find_origin, read_metadata

SHARED_PHOTOS = Path(__file__).parents[3] / "shared" / "photos"

Tag = ExifTags.Base


def photo(
    tags: dict[int, object] | None = None,
    taken: dict[int, object] | None = None,
    gps: dict[int, object] | None = None,
) -> Photo:
    exif = Image.Exif()
    for tag, value in (tags or {}).items():
        exif[tag] = value
    exif.get_ifd(ExifTags.IFD.Exif).update(taken or {})
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(gps or {})
    return Photo(Image.new("RGB", (30, 20)), 300, 200, "JPEG", exif)


def position(latitude: object, north: object, longitude: object, east: object) -> object:
    read = read_metadata(photo(gps={1: north, 2: latitude, 3: east, 4: longitude}))
    return read.latitude, read.longitude


def test_a_photo_without_exif_has_a_size_and_a_format() -> None:
    read = read_metadata(photo())
    assert (read.width, read.height, read.format) == (300, 200, "JPEG")
    assert (read.taken_at, read.camera, read.latitude, read.longitude) == (None,) * 4


def test_the_date_it_was_taken_comes_before_the_date_it_was_saved() -> None:
    original = {Tag.DateTimeOriginal: "2019:07:14 18:03:59"}
    read = read_metadata(photo({Tag.DateTime: "2021:01:01 00:00:00"}, original))
    assert read.taken_at == datetime(2019, 7, 14, 18, 3, 59, tzinfo=UTC)
    read = read_metadata(photo({Tag.DateTime: "2021:01:01 00:00:00"}))
    assert read.taken_at == datetime(2021, 1, 1, tzinfo=UTC)


def test_a_time_zone_stands_beside_the_clock_where_it_makes_sense() -> None:
    clock = datetime(2019, 7, 14, 18, 3, 59, tzinfo=UTC)
    taken = {Tag.DateTimeOriginal: "2019:07:14 18:03:59", Tag.OffsetTimeOriginal: "+05:30"}
    read = read_metadata(photo(taken=taken))
    assert (read.taken_at, read.taken_offset, read.taken_from) == (clock, 330, "exif")
    taken[Tag.OffsetTimeOriginal] = "+99:99"
    read = read_metadata(photo(taken=taken))
    assert (read.taken_at, read.taken_offset) == (clock, None)


def test_an_unreadable_date_of_taking_does_not_fall_through_to_the_edit() -> None:
    unreadable = {Tag.DateTimeOriginal: "in summer"}
    read = read_metadata(photo({Tag.DateTime: "2024:05:05 10:00:00"}, unreadable))
    assert (read.taken_at, read.taken_from) == (None, None)
    unreadable[Tag.DateTimeDigitized] = "2021:07:14 15:30:00"
    read = read_metadata(photo({Tag.DateTime: "2024:05:05 10:00:00"}, unreadable))
    assert read.taken_at == datetime(2021, 7, 14, 15, 30, tzinfo=UTC)


def test_a_date_that_was_never_set_is_none() -> None:
    unset = {Tag.DateTimeOriginal: "0000:00:00 00:00:00"}
    read = read_metadata(photo({Tag.DateTime: "2021:07:14 15:30:00"}, unset))
    assert read.taken_at == datetime(2021, 7, 14, 15, 30, tzinfo=UTC)


def test_dates_are_taken_from_the_most_honest_source(tmp_path: Path) -> None:
    def date(day: int) -> CaptureDate:
        return CaptureDate(datetime(2021, 7, day, tzinfo=UTC))

    def source(tags: Tags, name: str, written: int = 0) -> tuple[int | None, str | None]:
        path = os.fsencode(tmp_path / name)
        origin = find_origin(tags, path, int(datetime(2021, 7, written or 1).timestamp()) * 10**9)
        return origin.taken_at and origin.taken_at.day, origin.taken_from

    for name in ("20210714.xmp", "own.jpg.xmp", "shared.XMP"):
        day = {"own.jpg.xmp": 21}.get(name, 20)
        (tmp_path / name).write_text(
            '<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description '
            f'xmlns:x="http://ns.adobe.com/xap/1.0/" x:CreateDate="2021-07-{day}"/></r:RDF>'
        )
    everything = Tags(taken=date(10), edited=date(11), xmp=date(12))
    assert source(everything, "20210714.jpg") == (10, "exif")
    without = replace(everything, taken=None)
    assert source(without, "20210714.jpg") == (14, "name")
    assert source(without, "own.jpg") == (21, "xmp")
    assert source(without, "shared.jpg") == (20, "xmp")
    assert source(without, "plain.jpg") == (12, "xmp")
    assert source(replace(without, xmp=None), "plain.jpg") == (11, "exif")
    assert source(Tags(), "plain.jpg", written=2) == (2, "file")


@pytest.mark.parametrize(
    "date",
    ["0000:00:00 00:00:00", "    :  :     :  :  ", "2019:13:45 99:99:99", "yesterday", "", 7,
     b"\xff\xfe", "0001:01:01 00:00:00", "9999:12:31 23:59:59"],
)  # fmt: skip
def test_a_date_that_is_none_is_left_out(date: object) -> None:
    assert read_metadata(photo(taken={Tag.DateTimeOriginal: date})).taken_at is None


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("Canon", "Canon EOS 40D", "Canon EOS 40D"),
        ("NIKON", "COOLPIX P6000\0\0", "NIKON COOLPIX P6000"),
        ("Apple", "", "Apple"),
        ("", " \0", None),
        (3, b"\xff\x00", "\N{REPLACEMENT CHARACTER}"),
        ("", "x" * 5000, "x" * 100),
        ("Evil\x1b[31m", "Cam\nera", "Evil [31m Cam era"),
    ],
)
def test_the_camera_is_make_and_model_in_printable_text(
    make: object, model: object, camera: str | None
) -> None:
    assert read_metadata(photo({Tag.Make: make, Tag.Model: model})).camera == camera


@pytest.mark.parametrize(
    ("taken", "lens"),
    [
        ({Tag.LensMake: "Canon", Tag.LensModel: "Canon EF 50mm"}, "Canon EF 50mm"),
        ({Tag.LensMake: "Sigma", Tag.LensModel: "35mm F1.4 DG\0"}, "Sigma 35mm F1.4 DG"),
        ({Tag.LensModel: " ", Tag.LensSpecification: (24.0, 70.0, 2.8, 4.0)}, "24-70 mm f/2.8-4"),
        ({Tag.LensSpecification: (50.0, 50.0, 1.8, 1.8)}, "50 mm f/1.8"),
        ({Tag.LensSpecification: (18.0, 0.0, 0.0, 0.0)}, "18 mm"),
        ({Tag.LensSpecification: (0.0, 0.0, 0.0, 0.0)}, None),
        ({Tag.LensSpecification: (24.0, 70.0)}, None),
        ({Tag.LensSpecification: "24-70"}, None),
        ({}, None),
    ],
)
def test_the_lens_is_its_name_or_what_it_is_specified_as(
    taken: dict[int, object], lens: str | None
) -> None:
    assert read_metadata(photo(taken=taken)).lens == lens


def test_the_position_is_in_degrees_south_and_west_negative() -> None:
    assert position((43.0, 28.0, 2.8), "N", (11.0, 53.0, 6.0), "E") == pytest.approx(
        (43.467444, 11.885)
    )
    assert position((33.0, 30.0, 0.0), "S", (70.0, 45.0, 0.0), "W") == (-33.5, -70.75)


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        ((91.0, 0.0, 0.0), (10.0, 0.0, 0.0)),
        ((10.0, 0.0, 0.0), (181.0, 0.0, 0.0)),
        ((float("nan"), 0.0, 0.0), (10.0, 0.0, 0.0)),
        ((float("inf"), 0.0, 0.0), (10.0, 0.0, 0.0)),
        ((10.0, 0.0), (10.0, 0.0, 0.0)),
        (("ten", "0", "0"), (10.0, 0.0, 0.0)),
        (None, (10.0, 0.0, 0.0)),
        (7, 8),
    ],
)
def test_a_position_that_is_none_is_left_out(latitude: object, longitude: object) -> None:
    assert position(latitude, "N", longitude, "E") == (None, None)


@pytest.mark.skipif(
    not SHARED_PHOTOS.is_dir(), reason="the photos beside the repository are absent"
)
def test_what_cameras_wrote_is_read() -> None:
    read = read_metadata(decode_photo((SHARED_PHOTOS / "formats/DSCN0010.jpg").read_bytes()))
    assert read.taken_at == datetime(2008, 10, 22, 16, 28, 39, tzinfo=UTC)
    assert read.camera == "NIKON COOLPIX P6000"
    assert (read.latitude, read.longitude) == pytest.approx((43.467448, 11.885127), abs=1e-5)
    heic = read_metadata(decode_photo((SHARED_PHOTOS / "formats/IMG_5195.HEIC").read_bytes()))
    assert heic.camera is not None
    assert heic.taken_at is not None


@pytest.mark.skipif(
    not SHARED_PHOTOS.is_dir(), reason="the photos beside the repository are absent"
)
@pytest.mark.parametrize("name", ["hopper_bad_exif", "exif_typeerror", "invalid-exif", "corrupted"])
def test_broken_exif_is_survived(name: str) -> None:
    read_metadata(decode_photo((SHARED_PHOTOS / f"broken/{name}.jpg").read_bytes()))

"""What people wrote is read wherever programs keep it, and nothing that they write stops a run."""

import io
import os
import struct
from pathlib import Path

import pillow_heif
import pytest
from PIL import ExifTags, Image, TiffImagePlugin

from captioner.image_file import read_header
from catalog.records import NO_ANNOTATIONS, Annotations
from indexer.metadata import find_origin, read_tags
from tests.indexer.annotated_photos import (
    annotated,
    bag,
    iim,
    in_languages,
    packet,
    with_iptc,
    write_sidecar,
)

WHOLE = packet(
    'xmp:Rating="4"',
    bag("dc:subject", ["harvest festival", "Lisbon"])
    + in_languages("dc:title", de="Die Mühle", x_default="The mill")
    + in_languages("dc:description", x_default="Before the\n flood"),
)
WRITTEN = Annotations("The mill", "Before the flood", 4, ("harvest festival", "Lisbon"))


def saved(form: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (32, 24), "teal").save(file, form, **options)
    return file.getvalue()


def heif(xmp: bytes) -> bytes:
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (32, 24))).save(file, xmp=xmp)
    return file.getvalue()


def embedded(data: bytes) -> Annotations:
    return read_tags(*read_header(data)).annotations


def of_packet(*parts: str) -> Annotations:
    return embedded(saved("JPEG", xmp=packet(*parts)))


def png(xmp: bytes) -> bytes:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp.decode())
    return saved("PNG", pnginfo=info)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_packet_is_read_in_every_format(form: str) -> None:
    if form == "TIFF":
        data = saved(form, tiffinfo={700: WHOLE})
    elif form in ("PNG", "HEIF"):
        data = png(WHOLE) if form == "PNG" else heif(WHOLE)
    else:
        data = saved(form, xmp=WHOLE)
    assert embedded(data) == WRITTEN


def test_levels_of_a_keyword_tree_are_keywords_and_each_stands_once() -> None:
    found = of_packet(
        "",
        bag("dc:subject", ["Lisbon", "sea"])
        + bag("lr:hierarchicalSubject", ["Places|Portugal|Lisbon", "SEA"])
        + bag("digiKam:TagsList", ["Places/Portugal/Porto", "_Digikam_Internal_Tags_/Todo"], "Seq"),
    )
    assert found.keywords == ("Lisbon", "sea", "Portugal", "Places", "Porto")


def test_people_are_those_of_regions_and_lists() -> None:
    region = (
        "<mwg-rs:Regions rdf:parseType='Resource'><mwg-rs:RegionList><rdf:Bag>"
        "<rdf:li rdf:parseType='Resource'><mwg-rs:Name>Ada</mwg-rs:Name>"
        "<mwg-rs:Type>Face</mwg-rs:Type></rdf:li>"
        "<rdf:li><rdf:Description mwg-rs:Name='Bob' mwg-rs:Type='Face'/></rdf:li>"
        "<rdf:li mwg-rs:Name='4006381333931' mwg-rs:Type='BarCode'/>"
        "</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>"
    )
    microsoft = (
        "<MP:RegionInfo rdf:parseType='Resource'><MPRI:Regions><rdf:Bag>"
        "<rdf:li MPReg:PersonDisplayName='Zoë'/></rdf:Bag></MPRI:Regions></MP:RegionInfo>"
    )
    listed = bag("Iptc4xmpExt:PersonInImage", ["Ada", "Émile Zola"])
    assert of_packet("", region + microsoft + listed).people == ("Ada", "Émile Zola", "Bob", "Zoë")


@pytest.mark.parametrize(
    ("rating", "stars"),
    [("5", 5), ("-1", -1), ("0", 0), ("3.0", 3), ("6", None), ("nan", None), ("many", None)],
)
def test_rating_is_stars_or_nothing(rating: str, stars: int | None) -> None:
    assert of_packet(f'xmp:Rating="{rating}"').rating == stars
    assert of_packet("", f"<xmp:Rating>{rating}</xmp:Rating>").rating == stars


def test_what_describes_another_picture_is_left_out() -> None:
    other = (
        "<xmp:Pantry><rdf:Bag><rdf:li><rdf:Description>"
        + bag("dc:subject", ["other"])
        + "</rdf:Description></rdf:li></rdf:Bag></xmp:Pantry>"
    )
    assert of_packet("", other).keywords == ()


@pytest.mark.parametrize("declared", [True, False])
def test_iptc_is_read_in_utf_8_and_as_cameras_write_it(declared: bool) -> None:
    sets = iim((2, 5, "Mühle".encode()), (2, 25, b"harvest"), (2, 25, "Zoë".encode("latin-1")),
               (2, 120, b"Before the flood"))  # fmt: skip
    if declared:
        sets = iim((1, 90, b"\x1b%G")) + sets.replace("Zoë".encode("latin-1"), b"Zoe")
    found = embedded(with_iptc(saved("JPEG"), sets))
    keywords = ("harvest", "Zoe" if declared else "Zoë")
    assert found == Annotations("Mühle", "Before the flood", None, keywords)


@pytest.mark.parametrize("kind", [7, 4])  # bytes, or numbers of four bytes
def test_iptc_of_a_tiff_is_read(kind: int) -> None:
    sets = iim((2, 25, b"harvest"), (2, 5, b"The mill"))
    sets += b"\0" * (-len(sets) % 4)
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info.tagtype[33723] = 7
    info[33723] = sets
    entry = struct.pack("<HHL", 33723, 7, len(sets))
    count = len(sets) if kind == 7 else len(sets) // 4
    tiff = saved("TIFF", tiffinfo=info)
    assert entry in tiff
    found = embedded(tiff.replace(entry, struct.pack("<HHL", 33723, kind, count)))
    assert (found.title, found.keywords) == ("The mill", ("harvest",))


def test_iptc_counts_as_far_as_it_is_whole() -> None:
    cut_off = iim((2, 25, b"harvest")) + b"\x1c\x02\x19\xff\xff\x7f\xff\xff\xff"
    assert embedded(with_iptc(saved("JPEG"), cut_off)).keywords == ("harvest",)


def exif(tags: dict[int, object], comment: bytes = b"") -> Annotations:
    made = Image.Exif()
    made.update(tags)
    if comment:
        made.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
    return embedded(saved("JPEG", exif=made))


def test_tags_of_windows_and_of_exif_are_read() -> None:
    found = exif(
        {
            0x9C9B: "The mill".encode("utf-16-le"),
            0x9C9E: "harvest;Zoë;".encode("utf-16-le"),
            0x4746: 3,
            ExifTags.Base.ImageDescription: "Vor der Flut, früh".encode(),
        }
    )
    assert found == Annotations("The mill", "Vor der Flut, früh", 3, ("harvest", "Zoë"))


@pytest.mark.parametrize(
    ("tags", "comment", "expected"),
    [
        ({ExifTags.Base.ImageDescription: "OLYMPUS DIGITAL CAMERA  "}, b"", None),
        ({ExifTags.Base.ImageDescription: "---"}, b"ASCII\0\0\0by the lake", "by the lake"),
        ({}, b"ASCII\0\0\0by the lake\0\0", "by the lake"),
        ({}, b"UNICODE\0" + "am See".encode("utf-16-be"), "am See"),
        ({}, b"ASCII\0\0\0{'mode': 4}", None),
        ({}, b"\0" * 8 + b"\x01\x02\x03", None),
        ({0x9C9C: "noted".encode("utf-16-le")}, b"ASCII\0\0\0by the lake", "noted"),
    ],
)
def test_what_machines_write_is_no_description(
    tags: dict[int, object], comment: bytes, expected: str | None
) -> None:
    assert exif(tags, comment).description == expected


def test_xmp_comes_before_iptc_and_that_before_exif() -> None:
    made = Image.Exif()
    made[ExifTags.Base.ImageDescription] = "by EXIF"
    made[0x4746] = 2
    made[0x9C9E] = "exif;shared".encode("utf-16-le")
    jpeg = saved("JPEG", exif=made, xmp=annotated(["xmp", "Shared"], title="by XMP"))
    sets = iim((2, 5, b"IPTC"), (2, 25, b"iptc"), (2, 120, b"by IPTC"))
    found = embedded(with_iptc(jpeg, sets))
    assert found == Annotations("by XMP", "by IPTC", 2, ("xmp", "Shared", "iptc", "exif"))


# Sidecars


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(saved("JPEG", xmp=annotated(["embedded"], rating=2, title="embedded")))
    return path


def written(photo: Path) -> Annotations:
    tags = read_tags(*read_header(photo.read_bytes()))
    return find_origin(tags, os.fsencode(photo)).annotations


@pytest.mark.parametrize("replacing", [True, False])
def test_sidecar_of_either_name_comes_before_the_file(photo: Path, replacing: bool) -> None:
    content = annotated(["beside"], rating=5, description="by the sidecar")
    write_sidecar(photo, content, replacing=replacing)
    expected = Annotations("embedded", "by the sidecar", 5, ("beside", "embedded"))
    assert written(photo) == expected


def test_photos_own_sidecar_comes_before_one_that_may_be_shared(photo: Path) -> None:
    write_sidecar(photo, annotated(["shared"], rating=1, title="shared"), replacing=True)
    write_sidecar(photo, annotated(["own"], title="own"))
    assert written(photo) == Annotations("own", None, 1, ("own", "shared", "embedded"))


def test_of_damaged_xmp_counts_what_stands_before_the_damage(photo: Path) -> None:
    whole = annotated(["first", "second"])
    write_sidecar(photo, whole[: whole.index(b"<rdf:li>second")] + b"<&\xff")
    assert written(photo).keywords == ("first", "embedded")


EXPANDING = (
    b'<!DOCTYPE x [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "&%c;&%c;">' % (c + 1, c, c) for c in range(ord("a"), ord("z")))
    + b"]>"
)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 2_000_000,
        b"no xml at all",
        b"<?xml version='1.0' encoding='no-such-code'?><a/>",
        b"<a>" * 300_000,
        EXPANDING + annotated(["&z;"]).split(b"?>", 1)[1],
        b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]>' + annotated(["&f;"]),
        b"<x>" + b"y" * 2_000_000 + annotated(["too late"]),
        annotated(["\a"]),
    ],
    ids=range(9),
)
def test_hostile_sidecar_is_left_out(photo: Path, content: bytes) -> None:
    write_sidecar(photo, content)
    assert written(photo) == Annotations("embedded", None, 2, ("embedded",))


def test_hostile_packet_inside_of_a_file_is_left_out() -> None:
    assert embedded(png(b"<a>" * 200_000)) == NO_ANNOTATIONS
    assert embedded(saved("JPEG", xmp=EXPANDING + packet())) == NO_ANNOTATIONS


def test_folder_or_pipe_named_like_a_sidecar_is_left_out(photo: Path) -> None:
    Path(f"{photo}.xmp").mkdir()
    os.mkfifo(photo.with_suffix(".xmp"))
    assert written(photo).keywords == ("embedded",)


def test_texts_are_one_line_of_what_can_be_seen_and_not_without_end() -> None:
    names = ["a\u202eb\n c", "k" * 900, *(f"n{number}" for number in range(900))]
    found = embedded(png(annotated(names, description="long " * 9000)))
    assert found.keywords[:2] == ("a b c", "k" * 200)
    assert len(found.keywords) == 500
    assert len(found.description or "") <= 5000

"""Dates as cameras, editors, phones and messengers write them."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from indexer.capture_date import (
    CaptureDate,
    date_in_name,
    date_in_xmp,
    date_of_file,
    parse_date,
)
from indexer.xmp import Xmp, read_xmp

AFTERNOON = datetime(2021, 7, 14, 15, 30, tzinfo=UTC)
MIDNIGHT = datetime(2021, 7, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["2021:07:14 15:30:00", "2021-07-14 15:30:00", "2021-07-14T15:30:00", "2021/07/14 15:30:00",
     "2021.07.14 15:30:00", "2021:07:14 15:30", "2021:07:14 15:30:00.250", "2021: 7:14 15:30:00",
     "2021:07:14 3:30:00 PM", "20210714 153000", "20210714T1530"],
)  # fmt: skip
def test_every_form_of_a_date_is_read(text: str) -> None:
    assert parse_date(text) == CaptureDate(AFTERNOON)


@pytest.mark.parametrize(
    ("text", "offset", "minutes"),
    [
        ("2021:07:14 15:30:00+05:30", "", 330),
        ("2021-07-14T15:30:00-0700", "", -420),
        ("2021-07-14T15:30:00Z", "+02:00", 0),
        ("2021:07:14 15:30:00", "+09:00", 540),
        ("2021:07:14 15:30:00", "-03:30", -210),
        ("2021:07:14 15:30:00", "+99:99", None),
        ("2021:07:14 15:30:00", "somewhere", None),
    ],
)
def test_a_zone_is_kept_beside_the_clock(text: str, offset: str, minutes: int | None) -> None:
    assert parse_date(text, offset) == CaptureDate(AFTERNOON, minutes)


@pytest.mark.parametrize("text", ["2021:07:14 24:00:00", "2021:07:14 00:00:00", "2021:07:14"])
def test_hour_24_is_midnight_of_the_same_day(text: str) -> None:
    assert parse_date(text) == CaptureDate(MIDNIGHT)


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "0000:00:00 00:00:00", "    :  :     :  :  ", "2021:13:14 15:30:00",
     "2021:02:30 15:30:00", "2021:07:14 25:00:00", "2021:07:14 15:99:00", "0001:01:01 00:00:00",
     "9999:12:31 23:59:59", "2021:07:14 13:30 PM", "2021:07:14 24:10:00"],
)  # fmt: skip
def test_a_date_that_is_none_is_left_out(text: str) -> None:
    assert parse_date(text) is None


@pytest.mark.parametrize(
    "name",
    ["PXL_20210714_153000123.jpg", "IMG_20210714_153000.jpg", "20210714_153000.jpg",
     "IMG20210714153000.jpg", "2021-07-14 15.30.00.jpg", "2021-07-14 15.30.00-2.jpg",
     "Screenshot_20210714-153000.png", "Screenshot_2021-07-14-15-30-00-123_com.app.png",
     "Screenshot 2021-07-14 at 15.30.00.png", "Screen Shot 2021-07-14 at 3.30.00 PM.png",
     "Bildschirmfoto 2021-07-14 um 15.30.00.png", "signal-2021-07-14-153000.jpg",
     "signal-2021-07-14-15-30-00-123.jpg", "photo_2021-07-14_15-30-00.jpg",
     "WhatsApp Image 2021-07-14 at 15.30.00 (1).jpeg", "WIN_20210714_15_30_00_Pro.jpg",
     "2021_07_14_15_30_00.jpg", "folder 1999-01-01/20210714_153000_HDR.jpg"],
)  # fmt: skip
def test_the_date_and_time_in_a_files_name_are_read(name: str) -> None:
    assert date_in_name(os.fsencode(name)) == CaptureDate(AFTERNOON)


@pytest.mark.parametrize(
    "name",
    ["IMG-20210714-WA0001.jpg", "2021-07-14.jpg", "20210714-IMG_1234.jpg", "14.07.2021.jpg",
     "signal-2021-07-14-999999.jpg", "Zürich 2021.07.14 (3).jpg"],
)  # fmt: skip
def test_a_name_with_a_day_alone_gives_its_midnight(name: str) -> None:
    assert date_in_name(os.fsencode(name)) == CaptureDate(MIDNIGHT)


@pytest.mark.parametrize(
    "name",
    ["", "cat.jpg", "DSC_0042.jpg", "IMG_12345678.jpg", "wallpaper 19201080.jpg", "30000101.jpg",
     "2021-13-14.jpg", "2021-7-14 x.jpg", "120210714.jpg", "202107145.jpg", "1626276600000.jpg"],
)  # fmt: skip
def test_numbers_that_are_no_date_are_left_alone(name: str) -> None:
    assert date_in_name(os.fsencode(name)) is None


def test_an_old_photo_may_be_named_by_its_day() -> None:
    assert date_in_name(b"1965-07-14 wedding.jpg") == CaptureDate(datetime(1965, 7, 14, tzinfo=UTC))


def xmp(properties: str) -> Xmp:
    return read_xmp(packet(properties))


def packet(properties: str) -> bytes:
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/"'
        ' xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        f' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" {properties}'
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


@pytest.mark.parametrize(
    "properties",
    ['exif:DateTimeOriginal="2021-07-14T15:30:00">',
     'photoshop:DateCreated="2021-07-14T15:30:00" xmp:CreateDate="2024-01-01T00:00:00">',
     "><xmp:CreateDate>2021-07-14T15:30:00</xmp:CreateDate>",
     "><exif:DateTimeOriginal> 2021-07-14T15:30 </exif:DateTimeOriginal>"],
)  # fmt: skip
def test_xmp_says_when_a_picture_was_made(properties: str) -> None:
    assert date_in_xmp(xmp(properties)) == CaptureDate(AFTERNOON)


def test_xmp_keeps_its_zone() -> None:
    date = date_in_xmp(xmp('xmp:CreateDate="2021-07-14T15:30:00+02:00">'))
    assert date == CaptureDate(AFTERNOON, 120)


@pytest.mark.parametrize(
    "content",
    [b"", b"no xml", b"\0" * 50, packet('xmp:ModifyDate="2024-01-01T00:00:00">'),
     packet('xmp:CreateDate="2021-07">'), packet('xmp:CreateDate="soon">')],
)  # fmt: skip
def test_xmp_without_a_date_of_making_says_nothing(content: bytes) -> None:
    assert date_in_xmp(read_xmp(content)) is None


def test_xmp_that_declares_entities_is_not_expanded() -> None:
    declared = b'<!DOCTYPE x [<!ENTITY d "2021-07-14T15:30:00">]>'
    body = packet("><xmp:CreateDate>&d;</xmp:CreateDate>").split(b"?>", 1)[1]
    assert date_in_xmp(read_xmp(declared + body)) is None


def test_the_files_time_is_a_date_unless_it_was_lost(tmp_path: Path) -> None:
    written = datetime(2021, 7, 14, 15, 30)
    assert date_of_file(int(written.timestamp()) * 10**9) == CaptureDate(AFTERNOON)
    for lost in (0, 1, 315532800 * 10**9, 32503680000 * 10**9):
        assert date_of_file(lost) is None

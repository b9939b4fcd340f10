"""What people wrote about a photo: titles, descriptions, ratings, keywords, and who is on it.

Programs keep it in XMP, in IPTC-IIM and in EXIF, often in all of them. As the Metadata Working
Group recommends (Guidelines for Handling Image Metadata 2.0, 2010), XMP comes before IPTC, and that
before EXIF; keywords and people of all of them count.
"""

from __future__ import annotations

import itertools
import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from PIL import ExifTags

from catalog.records import Annotations
from catalog.words import words_in
from indexer.xmp import EXIF, GUESSES, XAP, Xmp, is_guessed

LONGEST_LABEL = 200  # characters of a keyword or a person's name; longer ones are cut
LONGEST_TITLE = 500
LONGEST_DESCRIPTION = 5000
MOST_LABELS = 500  # keywords, and people

_DC = "{http://purl.org/dc/elements/1.1/}"
_HIERARCHIES = {
    "{http://ns.adobe.com/lightroom/1.0/}hierarchicalSubject": "|",
    "{http://www.digikam.org/ns/1.0/}TagsList": "/",
    "{http://ns.microsoft.com/photo/1.0/}LastKeywordXMP": "/",
}
# Where digiKam keeps what is to be done with a photo.
_INTERNAL = "_Digikam_Internal_Tags_"
_PERSON_IN_IMAGE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}PersonInImage"
_REGIONS = "{http://www.metadataworkinggroup.com/schemas/regions/}"
_NO_PERSONS = {"Focus", "BarCode"}  # kinds of regions
_MICROSOFT_REGIONS = "{http://ns.microsoft.com/photo/1.2/}RegionInfo"
_MICROSOFT_NAME = "{http://ns.microsoft.com/photo/1.2/t/Region#}PersonDisplayName"

_IIM_MARKER = 0x1C
_IIM_UTF8 = b"\x1b%G"
_CODED_CHARACTER_SET, _OBJECT_NAME, _KEYWORDS, _CAPTION = (1, 90), (2, 5), (2, 25), (2, 120)

_XP_TITLE, _XP_COMMENT, _XP_KEYWORDS = 0x9C9B, 0x9C9C, 0x9C9E  # Windows', in UTF-16
_RATING = 0x4746
_JOINERS = "\u200c\u200d"  # of letters and emoji
_CHARSET = 8  # bytes before a user's comment that say how it is written

# What cameras and programs write where nobody wrote anything.
_BY_MACHINES = frozenset(
    ["olympus digital camera", "minolta digital camera", "konica minolta digital camera",
     "sony dsc", "kodak digital still camera", "samsung digital camera",
     "samsung camera pictures", "digital camera", "dcim", "default", "default description",
     "untitled", "hdr", "screenshot", "exif_jpeg_picture", "exif jpeg picture", "jpeg picture",
     "binary comment", "ascii", "unicode", "created with gimp", "created with the gimp",
     "file written by adobe photoshop", "lead technologies inc. v1.01", "picture", "image"]
)  # fmt: skip


def embedded_annotations(
    xmp: Xmp, iptc: bytes, exif: Mapping[int, Any], byte_order: str | None = None
) -> Annotations:
    """What people wrote into a file: its XMP packet, IPTC-IIM data, and EXIF tags by number.

    `byte_order`: EXIF's, "<" or ">".
    """
    return merge_annotations(
        xmp_annotations(xmp), _iptc_annotations(iptc), _exif_annotations(exif, byte_order)
    )


def merge_annotations(*sources: Annotations) -> Annotations:
    """What several sources say: of each kind the first, of keywords and people all."""
    return Annotations(
        title=next((each.title for each in sources if each.title), None),
        description=next((each.description for each in sources if each.description), None),
        rating=next((each.rating for each in sources if each.rating is not None), None),
        keywords=_labels(keyword for each in sources for keyword in each.keywords),
        people=_labels(person for each in sources for person in each.people),
    )


def xmp_annotations(xmp: Xmp) -> Annotations:
    """What people wrote into an XMP packet or sidecar; what tellshow itself guessed is left out."""
    levels = [path for path in _levels(xmp) if path[0] != GUESSES]
    written = {level for path in levels for level in path}
    guessed = {level for path in _levels(xmp) if path[0] == GUESSES for level in path} - written
    return Annotations(
        title=_first_text(xmp.values(f"{_DC}title"), LONGEST_TITLE),
        description=_first_text(
            itertools.filterfalse(
                is_guessed,
                (*xmp.values(f"{_DC}description"), *xmp.values(f"{{{EXIF}}}UserComment")),
            ),
            LONGEST_DESCRIPTION,
        ),
        rating=_rating(next(iter(xmp.values(f"{{{XAP}}}Rating")), None)),
        keywords=_labels(
            [
                *(word for word in xmp.values(f"{_DC}subject") if word.strip() not in guessed),
                *(level for path in levels for level in reversed(path)),
            ]
        ),
        people=_labels([*xmp.values(_PERSON_IN_IMAGE), *_people_in_regions(xmp)]),
    )


def _levels(xmp: Xmp) -> Iterator[list[str]]:
    """The levels of each keyword that stands in a tree, the highest first."""
    for name, between in _HIERARCHIES.items():
        for path in xmp.values(name):
            levels = [level.strip() for level in path.split(between)]
            if levels[0] != _INTERNAL:
                yield levels


def _people_in_regions(xmp: Xmp) -> Iterator[str]:
    for region in xmp.structures(f"{_REGIONS}Regions"):
        if region.get(f"{_REGIONS}Type", "").strip() not in _NO_PERSONS:
            yield region.get(f"{_REGIONS}Name", "")
    for region in xmp.structures(_MICROSOFT_REGIONS):
        yield region.get(_MICROSOFT_NAME, "")


def _iptc_annotations(iptc: bytes) -> Annotations:
    """Of IPTC-IIM data sets (IIM 4.2, 1999)."""
    found: dict[tuple[int, int], list[bytes]] = {}
    for key, value in _data_sets(iptc):
        found.setdefault(key, []).append(value)
    is_utf8 = _IIM_UTF8 in found.get(_CODED_CHARACTER_SET, ())

    def texts(key: tuple[int, int]) -> list[str]:
        return [_decoded(value, is_utf8=is_utf8) for value in found.get(key, ())]

    return Annotations(
        title=_first_text(texts(_OBJECT_NAME), LONGEST_TITLE),
        description=_first_text(texts(_CAPTION), LONGEST_DESCRIPTION),
        keywords=_labels(texts(_KEYWORDS)),
    )


def _data_sets(iptc: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Record and number of each data set, and its value; those before damage."""
    start = 0
    while start + 5 <= len(iptc) and iptc[start] == _IIM_MARKER:
        key, size = (iptc[start + 1], iptc[start + 2]), int.from_bytes(iptc[start + 3 : start + 5])
        start += 5
        if size & 0x8000:  # of a large one, so many bytes hold the size
            more = size & 0x7FFF
            size = int.from_bytes(iptc[start : start + min(more, 8)])
            start += more
        if start + size > len(iptc):
            return
        yield key, iptc[start : start + size]
        start += size


def _exif_annotations(exif: Mapping[int, Any], byte_order: str | None) -> Annotations:
    comments = (
        _exif_text(exif.get(ExifTags.Base.ImageDescription)),
        _windows_text(exif.get(_XP_COMMENT)),
        _user_comment(exif.get(ExifTags.Base.UserComment), byte_order),
    )
    return Annotations(
        title=_first_text([_windows_text(exif.get(_XP_TITLE))], LONGEST_TITLE),
        description=_first_text(comments, LONGEST_DESCRIPTION),
        rating=_rating(exif.get(_RATING)),
        keywords=_labels(_windows_text(exif.get(_XP_KEYWORDS)).split(";")),
    )


def _exif_text(value: object) -> str:
    """Of EXIF's ASCII, into which most programs write UTF-8, and Pillow reads Latin 1."""
    if not isinstance(value, str):
        return _decoded(value) if isinstance(value, bytes) else ""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def _windows_text(value: object) -> str:
    return value.decode("utf-16-le", "replace") if isinstance(value, bytes) else ""


def _user_comment(value: object, byte_order: str | None) -> str:
    """A comment of EXIF, unless it is what a program keeps there for itself."""
    if not isinstance(value, bytes):
        return ""
    charset, rest = value[:_CHARSET].rstrip(b"\0 "), value[_CHARSET:]
    if charset == b"UNICODE":
        text = rest.decode("utf-16-be" if byte_order == ">" else "utf-16-le", "replace")
    else:
        text = _decoded(rest) if charset == b"ASCII" else ""
    return "" if text.lstrip().startswith(("{", "[", "<")) else text


def _decoded(value: bytes, *, is_utf8: bool = False) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("utf-8", "replace") if is_utf8 else value.decode("latin-1")


def _first_text(texts: Iterable[str], longest: int) -> str | None:
    """The first text that a person wrote; None for none."""
    cleaned = (_clean(text, longest) for text in texts)
    return next((text for text in cleaned if _is_written(text)), None)


def _is_written(text: str) -> bool:
    return text.casefold() not in _BY_MACHINES and bool(words_in(text))


def _labels(texts: Iterable[str]) -> tuple[str, ...]:
    """Each name once, whatever its capitals, as it was written first."""
    labels: dict[str, str] = {}
    for text in texts:
        label = _clean(text, LONGEST_LABEL)
        if label and len(labels) < MOST_LABELS:
            labels.setdefault(label.casefold(), label)
    return tuple(labels.values())


def _clean(text: str, longest: int) -> str:
    """Text on one line, of characters that can be seen."""
    text = unicodedata.normalize("NFC", text[: 4 * longest].split("\0")[0])
    kept = (mark if mark.isprintable() or mark in _JOINERS else " " for mark in text)
    return " ".join("".join(kept).split())[:longest].strip()


def _rating(value: object) -> int | None:
    """Stars; None for what is no rating."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    stars = round(number) if math.isfinite(number) else -2
    return stars if -1 <= stars <= 5 else None

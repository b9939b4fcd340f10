"""XMP packets (ISO 16684-1), inside of picture files and in sidecars beside them.

They are written by anything and checked by nothing, and so are read within limits, as far as they
make sense: what stands before damage in one counts.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from defusedxml.ElementTree import iterparse

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

LARGEST = 1_000_000  # bytes of a packet; what follows is not read

EXIF = "http://ns.adobe.com/exif/1.0/"
PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
XAP = "http://ns.adobe.com/xap/1.0/"
# The keyword below which tellshow's own guesses stand in sidecars that it wrote.
GUESSES = "tellshow"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_GUESSED = re.compile(rf" \(guessed by {GUESSES}, \d+% sure\)$")
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_DEFAULT = "x-default"
_ENDINGS = (b".xmp", b".XMP")


@dataclass(frozen=True)
class Xmp:
    """The properties of a packet by their names, "{namespace}name".

    `plain`: those that are attributes. `elements`: those that are elements of their own.
    """

    plain: Mapping[str, str] = field(default_factory=dict)
    elements: Mapping[str, Element] = field(default_factory=dict)

    def values(self, name: str) -> tuple[str, ...]:
        """The values of a property, of one in several languages the default first."""
        if name in self.plain:
            return (self.plain[name],)
        element = self.elements.get(name)
        if element is None:
            return ()
        items = list(element.iter(f"{{{_RDF}}}li")) or [element]
        items.sort(key=lambda item: item.get(_LANGUAGE, _DEFAULT) != _DEFAULT)
        return tuple("".join(item.itertext()) for item in items)

    def structures(self, name: str) -> Iterator[Mapping[str, str]]:
        """The fields, by their names, of each structure at any depth of a property."""
        element = self.elements.get(name)
        for each in () if element is None else element.iter():
            fields = {part.tag: part.text or "" for part in each if not len(part)}
            yield {**each.attrib, **fields}


def read_xmp(packet: bytes) -> Xmp:
    """Read a packet, empty for none; one with a document type is none."""
    plain: dict[str, str] = {}
    elements: dict[str, Element] = {}
    for described in _descriptions(packet[:LARGEST].strip(b"\0")):
        for name, value in described.attrib.items():
            plain.setdefault(name, value)
        for element in described:
            elements.setdefault(element.tag, element)
    return Xmp(plain, elements)


def sidecar_names(name: bytes) -> tuple[bytes, ...]:
    """How sidecars of a photo may be called: "a.jpg.xmp" is its own, "a.xmp" may be shared."""
    return tuple(
        start + ending for start in (name, os.path.splitext(name)[0]) for ending in _ENDINGS
    )


def is_named_like_a_sidecar(name: bytes) -> bool:
    """Whether a file has the extension of a sidecar."""
    return name.endswith(_ENDINGS)


def read_sidecars(path: bytes) -> list[Xmp]:
    """The sidecars of the photo at a path, its own first; what cannot be read is left out."""
    found = []
    for name in sidecar_names(path):
        # Opening a pipe would wait for who writes to it.
        with contextlib.suppress(OSError):
            if os.path.isfile(name):
                with open(name, "rb") as file:
                    found.append(read_xmp(file.read(LARGEST)))
    return found


def guessed_description(caption: str, probability: float) -> str:
    """A caption as a description that says whose guess it is."""
    return f"{caption} (guessed by {GUESSES}, {round(100 * probability)}% sure)"


def is_guessed(description: str) -> bool:
    """Whether a description is a caption that tellshow wrote."""
    return _GUESSED.search(description) is not None


def _descriptions(packet: bytes) -> Iterator[Element]:
    """What says something of the picture itself, not of another that it was made of."""
    root: Element | None = None
    # What defusedxml and expat raise; a name of an encoding may be any text.
    with contextlib.suppress(SyntaxError, ValueError, LookupError):
        for _, element in iterparse(io.BytesIO(packet), events=("start",), forbid_dtd=True):
            root = element if root is None else root
    if root is None:
        return
    for rdf in root.iter(f"{{{_RDF}}}RDF"):
        yield from rdf

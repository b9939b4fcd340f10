"""XMP sidecars that tellshow writes when it is asked to: what its models see in photos, marked so.

Tags stand as keywords below `tellshow`, a caption as a description that says whose guess it is:
no other program takes them for a person's words, and neither does the next index run, see
indexer.annotations. A checksum in each tells one that nobody changed since from all others, which
are never written over.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from xml.sax.saxutils import escape

from catalog.durable_files import write_durably
from indexer.xmp import GUESSES, guessed_description, sidecar_names

_NO_CHECKSUM = b"0" * 64
_CHECKSUM = re.compile(rb'(?<= tellshow:Checksum=")[0-9a-f]{64}(?=")')
_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:digiKam="http://www.digikam.org/ns/1.0/"
    xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:tellshow="urn:tellshow:xmp:1.0#"
    xmp:CreatorTool="tellshow"
    tellshow:Checksum="{checksum}">
{properties}  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""


class Outcome(StrEnum):
    """What became of a photo's sidecar."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    NOTHING = "nothing to say"
    FOREIGN = "not written by tellshow, or changed since"


@dataclass(frozen=True)
class Guesses:
    """What a sidecar says of a photo: names of tags; a caption, if any, with its probability."""

    tags: Sequence[str] = ()
    caption: str = ""
    probability: float = 0.0


def write_sidecar(place: Path, guesses: Guesses) -> tuple[Outcome, Path]:
    """Write the sidecar of a photo at `place`, which need not be there; return where it is.

    Where any sidecar of that name is another program's, or a person's, nothing is written. Raises
    OSError.
    """
    photo = os.fsencode(place)
    sidecar = Path(os.fsdecode(sidecar_names(photo)[0]))
    for name in map(os.fsdecode, sidecar_names(photo)):
        if os.path.lexists(name) and not _is_own(Path(name)):
            return Outcome.FOREIGN, Path(name)
    content = packet(guesses)
    if sidecar.exists():
        if sidecar.read_bytes() == content:
            return Outcome.UNCHANGED, sidecar
    elif not (guesses.tags or guesses.caption):
        return Outcome.NOTHING, sidecar
    write_durably(sidecar, content, shared=True)
    return Outcome.WRITTEN, sidecar


def packet(guesses: Guesses) -> bytes:
    """The sidecar's bytes, always the same for the same guesses."""
    parts = []
    if guesses.tags:
        parts += [
            _items("dc:subject", "Bag", [GUESSES, *guesses.tags]),
            _items("lr:hierarchicalSubject", "Bag", [f"{GUESSES}|{tag}" for tag in guesses.tags]),
            _items("digiKam:TagsList", "Seq", [f"{GUESSES}/{tag}" for tag in guesses.tags]),
        ]
    if guesses.caption:
        said = guessed_description(guesses.caption, guesses.probability)
        parts.append(_items("dc:description", "Alt", [said], ' xml:lang="x-default"'))
    whole = _PACKET.format(checksum=_NO_CHECKSUM.decode(), properties="".join(parts))
    blank = whole.encode()
    return _CHECKSUM.sub(hashlib.sha256(blank).hexdigest().encode(), blank)


def _items(name: str, kind: str, values: Iterable[str], attributes: str = "") -> str:
    items = "".join(
        f"     <rdf:li{attributes}>{escape(value)}</rdf:li>\n" for value in dict.fromkeys(values)
    )
    return f"   <{name}>\n    <rdf:{kind}>\n{items}    </rdf:{kind}>\n   </{name}>\n"


def _is_own(file: Path) -> bool:
    """Whether tellshow wrote a file and nobody changed it since; a link it never wrote."""
    content = b""
    if file.is_file() and not file.is_symlink():
        with suppress(OSError):
            content = file.read_bytes()
    noted = _CHECKSUM.search(content)
    blank = _CHECKSUM.sub(_NO_CHECKSUM, content, count=1)
    return noted is not None and hashlib.sha256(blank).hexdigest().encode() == noted[0]

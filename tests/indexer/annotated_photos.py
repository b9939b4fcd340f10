"""XMP packets, IPTC data and sidecars as photo programs write them."""

import struct
from collections.abc import Iterable
from pathlib import Path

_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about=""'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    ' xmlns:lr="http://ns.adobe.com/lightroom/1.0/"'
    ' xmlns:digiKam="http://www.digikam.org/ns/1.0/"'
    ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    ' xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"'
    ' xmlns:MP="http://ns.microsoft.com/photo/1.2/"'
    ' xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#"'
    ' xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#" {plain}>{elements}'
    '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)


def bag(name: str, items: Iterable[str], kind: str = "Bag") -> str:
    """A property of several values."""
    listed = "".join(f"<rdf:li>{item}</rdf:li>" for item in items)
    return f"<{name}><rdf:{kind}>{listed}</rdf:{kind}></{name}>"


def in_languages(name: str, **texts: str) -> str:
    """A property in several languages; `x_default` stands for the default."""
    items = (
        f'<rdf:li xml:lang="{key.replace("_", "-")}">{text}</rdf:li>' for key, text in texts.items()
    )
    return f"<{name}><rdf:Alt>{''.join(items)}</rdf:Alt></{name}>"


def packet(plain: str = "", elements: str = "") -> bytes:
    """An XMP packet with attributes and elements of its one description."""
    return _PACKET.format(plain=plain, elements=elements).encode()


def annotated(keywords: Iterable[str] = (), rating: int | None = None, **texts: str) -> bytes:
    """An XMP packet with keywords, stars, and a `title` or `description`."""
    elements = bag("dc:subject", keywords) if keywords else ""
    elements += "".join(in_languages(f"dc:{name}", x_default=text) for name, text in texts.items())
    return packet("" if rating is None else f'xmp:Rating="{rating}"', elements)


def iim(*sets: tuple[int, int, bytes]) -> bytes:
    """IPTC-IIM data sets: record, number, value."""
    return b"".join(
        struct.pack(">BBBH", 0x1C, record, number, len(value)) + value
        for record, number, value in sets
    )


def with_iptc(jpeg: bytes, iptc: bytes) -> bytes:
    """A JPEG with IPTC-IIM data where Photoshop puts them."""
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">L", len(iptc)) + iptc + b"\0" * (len(iptc) % 2)
    segment = b"Photoshop 3.0\0" + resource
    return jpeg[:2] + b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]


def write_sidecar(photo: Path, content: bytes, *, replacing: bool = False) -> Path:
    """The sidecar of a photo, `replacing` its ending or behind it."""
    path = photo.with_suffix(".xmp") if replacing else Path(f"{photo}.xmp")
    path.write_bytes(content)
    return path

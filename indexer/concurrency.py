"""Defaults for how much a run does at once: by the cores, the memory and the device."""

from __future__ import annotations

from captioner.machine import cores, memory

# A decoding process needs 65 MB, for a PNG of 100 megapixels 600 MB; and there is its file.
_MEMORY_EACH = 512 * 2**20
# More than the one process that hands them their files keeps busy.
_MOST_DECODERS = 32

_ON_CPU = 32
# A GPU needs many photos at once to be busy; chosen, not measured.
_ON_GPU = 256


def decoders_that_suit() -> int:
    """How many files to decode at once on this machine."""
    return decoders_for(cores(), memory())


def decoders_for(cores: int, memory: int | None) -> int:
    """How many files to decode at once with so many cores and bytes of memory (None: unknown)."""
    room = _MOST_DECODERS if memory is None else memory // _MEMORY_EACH
    return max(2, min(cores, room, _MOST_DECODERS))


def photos_that_suit(device: str) -> int:
    """The default batch size on a kind of device ("cpu", "cuda:0"...), in photos."""
    return _ON_GPU if device.startswith("cuda") else _ON_CPU

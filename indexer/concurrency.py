"""How much a run does at once where nobody said: by the cores, the memory and the device.

Knows nothing of how it is done.
"""

from __future__ import annotations

from captioner.device import cores, memory

# A process that decodes needs 65 MB, for a PNG of 100 megapixels 600 MB; and there is its file.
_MEMORY_EACH = 512 * 2**20
# More than the one process that hands them their files keeps busy.
_MOST_DECODERS = 32

_ON_CPU = 32
# A GPU needs many photos at once to be busy; chosen, not measured.
_ON_GPU = 256


def decoders_that_suit() -> int:
    """How many files to decode at once here."""
    return decoders_for(cores(), memory())


def decoders_for(cores: int, memory: int | None) -> int:
    """How many on a machine with so many cores and bytes of memory."""
    room = _MOST_DECODERS if memory is None else memory // _MEMORY_EACH
    return max(2, min(cores, room, _MOST_DECODERS))


def photos_that_suit(device: str) -> int:
    """How many photos the model sees at once on a kind of device ("cpu", "cuda"...)."""
    return _ON_GPU if device == "cuda" else _ON_CPU

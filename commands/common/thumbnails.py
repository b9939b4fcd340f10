"""Thumbnails in a terminal: by Kitty's protocol or as sixels, or in half blocks of colour.

Terminals are asked what they can, which takes up to 0.2 seconds where one does not answer.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from io import BytesIO
from typing import Any

from commands.common.output import note
from commands.common.terminal import is_terminal, shows_colours

# In cells, of which most are twice as high as wide.
_ROWS = 8
_COLUMNS = 32
# Terminals that are no windows, which draw no pictures and may print what they are asked.
_WITHOUT_PICTURES = {"linux", "emacs", "eterm", "eterm-color"}


class Thumbnails:
    """Draws thumbnails on stdout, by one of textual-image's ways."""

    def __init__(self, kind: Callable[..., Any]) -> None:
        self._kind = kind

    def show(self, pictures: Mapping[int, bytes | None], photo_id: int) -> None:
        """Draw a photo's JPEG, at most 8 rows high; nothing where it is missing or damaged."""
        from PIL import Image
        from rich.console import Console

        console = Console(file=sys.stdout)
        jpeg = pictures.get(photo_id)
        if jpeg is None:
            return
        with suppress(OSError), Image.open(BytesIO(jpeg)) as picture:
            picture.load()
            columns = min(_COLUMNS, console.width)
            is_wide = picture.width * _ROWS * 2 > picture.height * columns
            size = (columns, "auto") if is_wide else ("auto", _ROWS)
            console.print(self._kind(picture, *size), end="")


def choose_thumbnails(wanted: bool | None) -> Thumbnails | None:
    """How to draw thumbnails; None where they are not wanted, or by `wanted` None cannot be drawn.

    Where they are wanted and the terminal draws no pictures, half blocks of colour stand for them.
    """
    if wanted is False:
        return None
    if not _can_ask():
        if wanted:
            note("thumbnails are drawn in a terminal alone")
        return None
    kind = _kind_of_terminal(or_blocks=bool(wanted) and shows_colours(sys.stdout))
    return None if kind is None else Thumbnails(kind)


def _can_ask() -> bool:
    """Whether this process talks to a terminal, in front of it: others are stopped for asking."""
    if not (is_terminal(sys.__stdout__) and is_terminal(sys.__stdin__)):
        return False
    if os.environ.get("TERM") in _WITHOUT_PICTURES or sys.stdout is not sys.__stdout__:
        return False
    if 0 in os.get_terminal_size():
        return False  # nobody told this terminal its size, by which pictures are drawn
    if not hasattr(os, "tcgetpgrp") or sys.__stdin__ is None:
        return True
    with suppress(OSError):  # a terminal that is not the one this process runs in
        return os.tcgetpgrp(sys.__stdin__.fileno()) == os.getpgrp()
    return False


def _kind_of_terminal(or_blocks: bool) -> Callable[..., Any] | None:
    """What the terminal says that it can; half blocks else, or None."""
    # Not every terminal says how large its cells are; then those of a VT340 are assumed.
    logging.getLogger("textual_image").setLevel(logging.ERROR)
    from textual_image.renderable import HalfcellImage, Image, SixelImage, TGPImage  # asks it

    if Image in (SixelImage, TGPImage):
        return Image
    return HalfcellImage if or_blocks else None

"""Logs as JSON on stderr, one object a line, for programs that collect them."""

from __future__ import annotations

import logging


def log_as_json() -> None:
    """From now on print every log record, and every note, as one JSON object."""
    from pythonjsonlogger.json import JsonFormatter

    handler = logging.StreamHandler()
    handler.setFormatter(
        JsonFormatter(
            "{levelname}{name}{message}",
            style="{",
            timestamp="time",
            rename_fields={"levelname": "level", "name": "logger"},
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("tellshow").setLevel(logging.INFO)  # not those of all libraries

"""Paths as people read them; everywhere else they are the bytes that the file system gave."""

from __future__ import annotations

import os


def show_path(path: bytes) -> str:
    """A path as text; bytes that are no text become question marks.

    One in S3 is shown as people write it, with two slashes; see remote_folders.py.
    """
    text = os.fsdecode(path).encode("utf-8", "replace").decode()
    return f"s3://{text[4:]}" if text.startswith("s3:/") and text[4:5] != "/" else text


def read_path(text: str) -> bytes:
    """The path that is shown as a text, unless some of its bytes are no text."""
    return os.fsencode(f"s3:/{text[5:]}" if text.startswith("s3://") else text)

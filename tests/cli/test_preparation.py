"""What a command loads beside its imports: the captioner of its home, and no other."""

import shutil
import sys
from pathlib import Path

from captioner.checkpoint import DEFAULT_CHECKPOINT, DEFAULT_SHA256
from catalog.home import Home
from commands.common.preparation import preparing, taking_short_turns


def keep(home: Home, name: str) -> Path:
    """A copy of the shipped checkpoint among those that a home keeps."""
    home.models.mkdir(exist_ok=True)
    return Path(shutil.copy(DEFAULT_CHECKPOINT, home.models / f"{name}.safetensors"))


def test_the_one_captioner_of_a_home_is_made_beforehand_and_given_once(home: Home) -> None:
    keep(home, f"shipped-{DEFAULT_SHA256}")
    with preparing() as begun:
        begun.checkpoint(home.path, "cpu")
        made = begun.made_captioner(DEFAULT_SHA256)
        assert made is not None
        assert made.provenance.sha256 == DEFAULT_SHA256
        assert begun.made_captioner(DEFAULT_SHA256) is None


def test_another_captioner_than_is_asked_for_is_not_given(home: Home) -> None:
    keep(home, f"shipped-{DEFAULT_SHA256}")
    with preparing() as begun:
        begun.checkpoint(home.path, "cpu")
        assert begun.made_captioner("0" * 64) is None


def test_of_two_captioners_none_is_made_before_one_is_chosen(home: Home) -> None:
    keep(home, f"shipped-{DEFAULT_SHA256}")
    file = keep(home, "1" * 64)
    file.write_bytes(b"another")
    with preparing() as begun:
        begun.checkpoint(home.path, "cpu")
        assert begun.made_captioner(DEFAULT_SHA256) is None


def test_a_damaged_checkpoint_is_left_to_who_needs_it(home: Home) -> None:
    keep(home, f"shipped-{DEFAULT_SHA256}").write_bytes(b"no weights")
    with preparing() as begun:
        begun.checkpoint(home.path, "cpu")
        assert begun.made_captioner(DEFAULT_SHA256) is None


def test_nothing_is_given_where_nothing_was_begun() -> None:
    with preparing() as begun:
        assert begun.made_captioner(DEFAULT_SHA256) is None


def test_short_turns_end_with_what_they_are_for() -> None:
    before = sys.getswitchinterval()
    with taking_short_turns():
        assert sys.getswitchinterval() < before
    assert sys.getswitchinterval() == before

"""Options of `tellshow search` that repeat what the search says, so that help starts quickly."""

import click

from commands.search import search as search_command
from search.limits import STAGES
from search.request import SearchRequest


def _option(name: str) -> click.Parameter:
    [found] = (option for option in search_command.params if option.name == name)
    return found


def test_stages_are_those_of_the_search() -> None:
    kind = _option("stage").type
    assert isinstance(kind, click.Choice)
    assert tuple(kind.choices) == STAGES
    assert _option("stage").default == SearchRequest.stage


def test_as_many_candidates_are_proposed_as_elsewhere() -> None:
    assert _option("candidates").default == SearchRequest.candidates

"""`tellshow search`: options that repeat what the search says, and queries as people type them."""

import json

import click
import pytest

from catalog.home import Home
from commands.search import search as search_command
from search.limits import STAGES
from search.request import SearchRequest
from tellshow import Exit, run

Output = pytest.CaptureFixture[str]


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


def test_query_needs_no_quotes(indexed_home: Home, capsys: Output) -> None:
    home = ["--home", str(indexed_home.path), "--json"]
    assert run(["search", "a", "cat^2", "-k", "2", "looks", "--not", "a dog", *home]) == Exit.DONE
    unquoted = json.loads(capsys.readouterr().out)
    assert run(["search", "a cat^2 looks", "-k", "2", "--not", "a dog", *home]) == Exit.DONE
    quoted = json.loads(capsys.readouterr().out)
    assert unquoted["query"] == "a cat^2 looks"
    assert unquoted["results"] == quoted["results"]


def test_search_without_a_query_is_refused(capsys: Output) -> None:
    assert run(["search", "-k", "2"]) == Exit.USAGE
    assert "QUERY" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("query", "said"),
    [("a dgo", "did you mean: a dog"), ("ein hund im schnee", "describe the photo in English")],
)
def test_word_that_nobody_knows_is_told_beside_the_results(
    indexed_home: Home, capsys: Output, query: str, said: str
) -> None:
    assert run(["search", *query.split(), "--home", str(indexed_home.path), "-k", "1"]) == Exit.DONE
    captured = capsys.readouterr()
    assert said in captured.err
    assert said not in captured.out

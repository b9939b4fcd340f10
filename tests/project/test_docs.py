"""Documents are whole: every command, option and dependency stands there, links lead on."""

import re
import tomllib
from collections.abc import Iterator
from configparser import ConfigParser
from dataclasses import fields
from pathlib import Path

import click
import pytest
from packaging.requirements import Requirement

import tellshow
from tests.project.source_tree import ROOT
from tests.project.tour import TOUR, answered, commands_in

README = ROOT / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
DOCUMENTS = [README, CONTRIBUTING, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
OPTION = re.compile(r"--?[a-z][a-z-]*|-0")
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)[^)]*\)")


def commands(group: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """The command and all below it, each with the words that call it."""
    yield name, group
    if isinstance(group, click.Group):
        for word, command in group.commands.items():
            if not command.hidden:
                yield from commands(command, f"{name} {word}")


def options_of(command: click.Command) -> Iterator[str]:
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            yield from (*parameter.opts, *parameter.secondary_opts)


def code_in(text: str) -> set[str]:
    """Every word that stands in the text between backticks or in an indented or fenced block."""
    spans = re.findall(r"```.*?```|`[^`\n]+`", text, re.S)
    return {word for span in spans for word in re.split(r"[\s`=|,;\\\[\]]+", span)}


def sections() -> dict[str, str]:
    """The part of docs/commands.md about each command, by the words that call it."""
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    parts = re.split(r"^## `(tellshow(?: [a-z]+)*)[^`\n]*`$", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def all_commands() -> list[tuple[str, click.Command]]:
    return list(commands(tellshow.cli, "tellshow"))


def test_tour_is_written_anew_from_what_its_commands_print() -> None:
    document = "Text\n```console\n$ tellshow a\nold\n$ tellshow b\n```\nmore\n"
    answer = {"tellshow a": "new\nlines\n", "tellshow b": ""}
    expected = "Text\n```console\n$ tellshow a\nnew\nlines\n$ tellshow b\n```\nmore\n"
    assert answered(document, answer.__getitem__) == expected


def test_tour_calls_commands_that_there_are() -> None:
    tour = commands_in(TOUR.read_text(encoding="utf-8"))
    assert {" ".join(command.split()[:2]) for command in tour} <= {n for n, _ in all_commands()}
    assert len(tour) >= 10


def test_every_command_has_a_section_and_stands_in_the_readme() -> None:
    readme = README.read_text(encoding="utf-8")
    names = [name for name, _ in all_commands()]
    assert set(sections()) == set(names)
    assert [name for name in names[1:] if not re.search(rf"`{name}\b", readme)] == []


@pytest.mark.parametrize(
    ("name", "command"), all_commands(), ids=lambda part: getattr(part, "name", part)
)
def test_section_of_a_command_names_exactly_its_options(name: str, command: click.Command) -> None:
    documented = {word for word in code_in(sections()[name]) if OPTION.fullmatch(word)}
    assert documented == set(options_of(command))


def test_api_names_every_parameter_and_field() -> None:
    from search.results import SearchAnswer, SearchResult, SimilarPhoto
    from web.parameters import FILTERS

    documented = code_in((ROOT / "docs" / "api.md").read_text(encoding="utf-8"))
    documented = {word.lstrip(".") for word in documented}
    shapes = (SearchAnswer, SearchResult, SimilarPhoto)
    said = (
        field for shape in shapes for field in fields(shape) if field.metadata.get("json", True)
    )
    named = {field.name for field in said}
    assert sorted((named | set(FILTERS) | {"image"}) - documented) == []


def test_readme_opens_with_a_sentence_a_command_and_a_picture() -> None:
    first_screen = README.read_text(encoding="utf-8").split("\n## ")[0]
    title, sentence, *rest = [part for part in first_screen.split("\n\n") if part.strip()]
    assert title == "# tellshow"
    assert re.fullmatch(r"[A-Z][^.\n]+\.", sentence.strip())
    assert rest[0].startswith("```")
    assert "make demo" in rest[0]
    assert re.search(r"!\[[^\]]+\]\(docs/screenshot\.png\)", first_screen)


def test_readme_names_the_checks_and_what_runs_them() -> None:
    text = README.read_text(encoding="utf-8")
    assert "make test" in text
    assert ".ci/run" in text


def test_contributors_are_told_only_of_targets_that_there_are() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.* ## \S", makefile, re.M))
    told = set(re.findall(r"make ([a-z-]+)", CONTRIBUTING.read_text(encoding="utf-8")))
    assert {"format", "types", "test-fast", "test"} <= told <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_links_lead_to_files_that_exist(document: Path) -> None:
    links = LINK.findall(document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_every_dependency_says_how_it_earns_its_place(setup_config: ConfigParser) -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        requirements = list(tomllib.load(file)["build-system"]["requires"])
    requirements += setup_config["options"]["install_requires"].splitlines()
    for extra in setup_config["options.extras_require"].values():
        requirements += extra.splitlines()
    declared = {Requirement(line).name for line in requirements if line.strip()}
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^- `([^`]+)`: \S", text, re.M)) == declared

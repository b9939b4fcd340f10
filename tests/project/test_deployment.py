"""The container's and the service's files name commands, options and files that there are."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

import tellshow
from tests.project.source_tree import FLOORS, ROOT, python_files

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
UNITS = {
    name: (ROOT / "deploy" / name).read_text(encoding="utf-8").replace("%i", "8765")
    for name in ("tellshow.service", "tellshow@.service")
}
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
SEVERAL_TEXT = (ROOT / "deploy" / "several.compose.yaml").read_text(encoding="utf-8")
SEVERAL = yaml.safe_load(SEVERAL_TEXT)
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def parsed(arguments: list[str]) -> str:
    """The command that these arguments call; fails for an option that it has not."""
    name, *options = arguments
    command: click.Command = tellshow.cli.commands[name]
    command.make_context(name, options)
    return name


def test_image_serves_on_all_its_addresses() -> None:
    [line] = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.M)
    assert parsed(json.loads(line)) == "serve"
    assert re.search(r"^USER tellshow$", DOCKERFILE, re.M)


@pytest.mark.parametrize("variant", ["cpu", "gpu"])
def test_image_can_be_built_for_each_variant(variant: str) -> None:
    from configparser import ConfigParser

    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    extras = set(config["options.extras_require"])
    [wanted] = re.findall(r'"\.\[([^\]]+)\]"', DOCKERFILE)
    assert set(wanted.replace("$VARIANT", variant).split(",")) <= extras


def test_profiles_are_those_of_the_document() -> None:
    text = (ROOT / "docs" / "docker.md").read_text(encoding="utf-8")
    profiles = {profile for service in SERVICES.values() for profile in service["profiles"]}
    assert profiles == {"cpu", "gpu", "postgres"}
    assert [profile for profile in profiles if f"`{profile}`" not in text] == []


@pytest.mark.parametrize("name", ["cpu", "gpu", "postgres"])
def test_service_of_a_profile_may_write_to_its_volumes_alone(name: str) -> None:
    service = SERVICES[name]
    assert parsed(service["command"]) == "serve"
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert [volume.rpartition(":")[2] for volume in service["volumes"]] == ["/catalog", "ro"]
    assert "TELLSHOW_TOKEN" in service["environment"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_several_servers_share_all_but_their_homes() -> None:
    servers = [SEVERAL["services"][name] for name in ("one", "two")]
    assert servers[0] == servers[1]
    assert parsed(servers[0]["command"]) == "serve"
    wanted = {"TELLSHOW_TOKEN", "TELLSHOW_DATABASE_URL", "TELLSHOW_STORE", "AWS_ENDPOINT_URL"}
    assert wanted <= set(servers[0]["environment"])
    assert not any("/catalog" in volume for volume in servers[0]["volumes"])


def test_proxy_of_several_servers_is_the_one_of_the_document() -> None:
    """Which a test of several servers runs."""
    proxy = (ROOT / "deploy" / "several.nginx.conf").read_text(encoding="utf-8")
    upstream, location = re.findall(r"```nginx\n(.*?)```", OPERATIONS, re.S)
    for server, own in (("127.0.0.1:8765", "one:8765"), ("127.0.0.1:8766", "two:8765")):
        upstream = upstream.replace(server, own)
    assert upstream in proxy
    assert location.split() == proxy[proxy.index("    location") : proxy.rindex("}")].split()


@pytest.mark.parametrize("compose", [COMPOSE, SEVERAL], ids=["compose", "several"])
def test_services_wait_for_services_and_write_to_volumes_that_there_are(
    compose: dict[str, Any],
) -> None:
    services = compose["services"]
    for service in services.values():
        assert set(service.get("depends_on", ())) <= set(services)
        for volume in service.get("volumes", ()):
            place = volume.partition(":")[0]
            if place.startswith("./"):
                assert (ROOT / "deploy" / place).is_file()
            elif not place.startswith("${"):
                assert place in compose["volumes"]


def test_document_says_what_the_compose_file_must_be_told() -> None:
    needed = set(re.findall(r"\$\{(\w+):\?", SEVERAL_TEXT))
    [command] = re.findall(r"^.* docker compose -f several.compose.yaml .*$", OPERATIONS, re.M)
    assert set(re.findall(r"(\w+)=…", command)) == needed


def test_commands_of_the_document_have_the_options_that_it_gives_them(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret")
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", OPERATIONS, re.S))
    lines = re.findall(r"^tellshow (.*)$", blocks, re.M)
    assert {
        parsed(shlex.split(line.replace("/etc/tellshow/token", str(token)))) for line in lines
    } >= {"serve", "index"}


@pytest.mark.parametrize("folder", ["", "deploy", "docs"])
def test_environment_that_is_set_or_told_of_is_read_somewhere(folder: str) -> None:
    documents = ["operations.md", "docker.md", "scaling.md"]
    named = {"": ["Dockerfile", "compose.yaml"], "docs": documents}
    own = named.get(folder, [file.name for file in (ROOT / "deploy").iterdir()])
    text = "\n".join((ROOT / folder / name).read_text(encoding="utf-8") for name in own)
    sources = "\n".join(
        file.read_text(encoding="utf-8") for floor in FLOORS for file in python_files(floor)
    )
    variables = set(re.findall(r"\bTELLSHOW_\w+", text))
    assert variables
    assert variables <= set(re.findall(r"\bTELLSHOW_\w+", sources))


@pytest.mark.parametrize("name", UNITS)
def test_unit_runs_a_command_that_there_is(name: str) -> None:
    [line] = re.findall(r"^ExecStart=(.*)$", UNITS[name], re.M)
    program, *arguments = shlex.split(line)
    assert Path(program).name == "tellshow"
    assert parsed(arguments) == "serve"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
@pytest.mark.parametrize("name", UNITS)
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path, name: str) -> None:
    unit = tmp_path / "tellshow.service"
    unit.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", UNITS[name], flags=re.M))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True
    )
    about_it = [line for line in done.stderr.splitlines() if "tellshow.service" in line]
    assert about_it == []

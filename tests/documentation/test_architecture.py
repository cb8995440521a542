"""docs/architecture.md names every package of the code once, and its three paths lead through files that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
APPS = ("tetraflix", "movies", "recommendations", "sessions_ingest")
CONVENTIONAL = {"management", "commands", "migrations"}  # Django's own names, which need no sentence
PATHS = {"The path of a read": 8, "The path of a message": 10, "The path of a change": 8}  # files at most


def sentence_of(package: Path) -> str:
    docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or ""
    return docstring.split("\n")[0]


def packages() -> dict[str, str]:
    """Each package of the apps, with the first sentence of its docstring."""
    found = [file.parent for app in APPS for file in (ROOT / app).rglob("__init__.py")]
    named = [package for package in found if not CONVENTIONAL & set(package.relative_to(ROOT).parts)]
    return {f"{package.relative_to(ROOT)}/": sentence_of(package) for package in named}


def tree() -> list[tuple[str, str]]:
    """The rows of the tree in docs/architecture.md: a package and its sentence."""
    block = re.search(r"```text\n(.*?)```", ARCHITECTURE, re.DOTALL)
    assert block
    rows, app = [], ""
    for line in block[1].splitlines():
        name, _, sentence = line.strip().partition("/ ")
        if line.startswith(" "):
            name = f"{app}/{name}"
        else:
            app = name
        rows.append((f"{name}/", sentence.strip()))
    return rows


def files_of(path: str) -> list[str]:
    section = ARCHITECTURE.split(f"## {path}\n")[1].split("\n## ")[0]
    return re.findall(r"^\d+\. `([^`]+)`", section, re.MULTILINE)


def test_the_tree_names_every_package_once_in_its_own_words() -> None:
    assert sorted(tree()) == sorted(packages().items())


def test_no_two_packages_are_of_one_kind() -> None:
    sentences = list(packages().values())
    assert "" not in sentences
    assert len(set(sentences)) == len(sentences)


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_short_and_its_files_exist(path: str) -> None:
    files = files_of(path)
    assert 0 < len(files) <= PATHS[path]
    assert [file for file in files if not (ROOT / file).is_file()] == []

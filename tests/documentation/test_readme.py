"""README.md: every command is in it, every link of the documents leads somewhere, and its tour works."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.running_stack import RunningStack
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The addresses of a page's headings, as GitHub makes them."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(page.read_text()))
    return {heading.strip().replace(" ", "-") for heading in plain}


def leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not anchor or anchor in anchors(target))


def test_every_command_is_in_the_readme() -> None:
    commands = {path.stem for path in ROOT.glob("*/management/commands/[a-z]*.py")}
    commands |= {path.stem for path in ROOT.glob("*/*/*/management/commands/[a-z]*.py")}
    assert {name for name in commands if not re.search(rf"\b{name}\b", README)} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    assert [link for link in links if "://" not in link and not leads_somewhere(page, link)] == []


@pytest.mark.timeout(600)
def test_the_tour_works_as_it_stands(stack: RunningStack) -> None:
    """Only the port and the interpreter differ from what a reader pastes."""
    stack.start()
    tour = (
        README.split("## Five-minute tour")[1]
        .split("\n## ")[0]
        .replace("127.0.0.1:8000", f"127.0.0.1:{stack.port}")
    )
    shell, python = (re.search(rf"```{language}\n(.*?)```", tour, re.DOTALL) for language in ("sh", "python"))
    assert shell
    assert python
    over_http = ran(["sh", "-ec", shell[1].replace(".venv/bin/python", sys.executable)], stack)
    added, applied, lists = map(json.loads, over_http.splitlines())
    assert (added["title"], applied["stored"]) == ("The Tour", True)
    assert [movie["title"] for movie in lists["recommendations"]] == ["The Tour"]
    stack.env["MOVIE"] = str(added["id"])
    over_sqs = ran([sys.executable, "-c", python[1]], stack)
    change, lists = map(json.loads, over_sqs.splitlines())
    assert (change["movieId"], change["action"]) == (added["id"], "added")
    assert set(lists) == {"recommendations", "currentlyWatching"}

    def watching() -> list[tuple[int, float]]:
        _, lists = stack.get("/tetraflix/recommendations/424242")
        return [(movie["id"], movie["progress"]) for movie in lists["currentlyWatching"]]

    # a busy machine may take longer than the reader waits
    wait_until(lambda: watching() == [(added["id"], 0.3)], seconds=60)


def ran(command: list[str], stack: RunningStack) -> str:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=stack.env | {"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

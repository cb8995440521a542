"""The samples of the docs page run as they stand against the service; only its address differs."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from movies.outbox import bus
from recommendations.experiments import lifecycle
from recommendations.experiments.plan import Plan
from tests.api.calling import Caller
from tests.movies.factories import movie
from tests.servers.queues import Queues
from tests.servers.web_process import WebProcess
from tetraflix.openapi.code_samples import BASE

DOCUMENT = yaml.safe_load((Path(__file__).parents[2] / "docs" / "openapi.yaml").read_text())
# An order in which each call finds what it needs.
ORDER = (
    "postRecommendations",
    "postSession",
    "getRecommendations",
    "getGenre",
    "listMovies",
    "getMovie",
    "addMovies",
    "takeOff",
    "bringBack",
    "dismiss",
    "undoDismissal",
    "givePreferences",
    "getPreferences",
    "getExperiment",
    "putMovie",
    "patchMovie",
    "deleteMovie",
)


def samples(language: str) -> list[str]:
    """The samples of all operations, in ORDER."""
    found = {
        operation["operationId"]: sample["source"]
        for operations in DOCUMENT["paths"].values()
        for operation in operations.values()
        for sample in operation["x-codeSamples"]
        if sample["lang"] == language
    }
    assert set(ORDER) == set(found)
    return [found[name] for name in ORDER]


def run_curl(sources: list[str], env: dict[str, str]) -> str:
    """In one shell, where curl fails for an error."""
    failing = 'curl() { command curl -sS --fail-with-body -w "\\n" "$@"; }\n'
    return ran(["sh", "-e"], failing + "\n".join(sources), env)


def run_python(sources: list[str], env: dict[str, str]) -> str:
    return ran([sys.executable, "-"], "\n".join(sources), env)


def run_javascript(sources: list[str], env: dict[str, str]) -> str:
    blocks = "\n".join(f"{{\n{source}\n}}" for source in sources)
    # one line of JSON each, where console.log would shorten what is nested
    as_json = "console.log = (value) => process.stdout.write(`${JSON.stringify(value)}\\n`);\n"
    return ran(["node", "--input-type=module"], as_json + blocks, env)


def ran(command: list[str], program: str, env: dict[str, str]) -> str:
    done = subprocess.run(
        command, input=program, env=os.environ | env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("language", "program", "run"),
    [
        ("curl", "curl", run_curl),
        ("Python", sys.executable, run_python),
        ("JavaScript", "node", run_javascript),
    ],
)
def test_each_sample_runs(
    database_url: str,
    tmp_path: Path,
    language: str,
    program: str,
    run: Callable[[list[str], dict[str, str]], str],
):
    if shutil.which(program) is None:
        pytest.skip(f"no {program} here: apt install {program.replace('node', 'nodejs')}")
    movie("Lord of the Rings", movie_id=7, action=40, fantasy=60)
    for movie_id in (8, 9):
        movie(f"Movie {movie_id}", movie_id=movie_id)
    lifecycle.create("taste-2026-11", Plan("s"), actor="x")
    keys = {"DISTRIBUTOR_KEY": Caller("distributor").key, "SERVICE_KEY": Caller("service").key}
    with WebProcess(tmp_path / "web.log", DATABASE_URL=database_url) as web:
        address = f"http://127.0.0.1:{web.port}"
        printed = run([source.replace(BASE, address) for source in samples(language)], keys)
    assert printed.count("Lord of the Rings") >= len(["listMovies", "getMovie", "addMovies", "putMovie"])
    assert "taste-2026-11" in printed


def introduced(page: str) -> list[str]:
    """The samples of the introduction, in its order."""
    return [html.unescape(found) for found in re.findall(r"data-copy.*?<code>(.*?)</code>", page, re.DOTALL)]


@pytest.mark.timeout(240)
def test_each_curl_of_the_introduction_runs(
    plain_static_files: None, database_url: str, tmp_path: Path, anybody: Caller
):
    if shutil.which("curl") is None:
        pytest.skip("no curl here: apt install curl")
    movie("Lord of the Rings", movie_id=7, action=40, fantasy=60)
    sources = introduced(anybody("GET", "/tetraflix/docs").content.decode())
    with WebProcess(tmp_path / "web.log", DATABASE_URL=database_url) as web:
        address = f"http://127.0.0.1:{web.port}"
        curls = [source.replace("http://testserver", address) for source in sources if "curl" in source]
        printed = run_curl(curls, {"DISTRIBUTOR_KEY": Caller("distributor").key})
    lists, added, changed = map(json.loads, printed.split("\n")[:3])
    assert lists["currentlyWatching"] == []
    assert (added["title"], changed["hidden"], changed["version"]) == ("Kahaani", True, 2)


@pytest.mark.django_db
def test_the_sample_for_a_queue_sends_a_session(plain_static_files: None, queues: Queues, anybody: Caller):
    *_, source = introduced(anybody("GET", "/tetraflix/docs").content.decode())
    variables = {
        "AWS_ENDPOINT_URL_SQS": bus.shared_client().meta.endpoint_url,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
    }
    ran([sys.executable, "-"], source, variables)
    (message,) = bus.shared_client().receive_message(QueueUrl=queues.session.url, WaitTimeSeconds=20)[
        "Messages"
    ]
    session = json.loads(message["Body"])
    assert (session["userId"], session["events"][0]["movie"]) == (5, {"id": 7})

"""Generated requests with a key of each role: no server error, and every answer matches the document."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.api.calling import Caller
from tests.movies.factories import movie
from tests.waiting import wait_until
from tetraflix.embedded.ports import free_port

ROOT = Path(__file__).parents[2]
SECONDS = 20  # of generated requests, each role
NOT_CHECKED = (
    # No schema says that weights sum to 100, that an Idempotency-Key is new, or which version is stored.
    "positive_data_acceptance",
    # A failed precondition (412) is reported before errors of the body.
    "negative_data_rejection",
    # A repeated Idempotency-Key gets the first answer, even when the movie was deleted since.
    "ensure_resource_availability",
)


@pytest.fixture
def service_url(database_url: str, tmp_path: Path) -> Iterator[str]:
    """The web server as in production, on this test's database."""
    port = free_port(0)
    url = f"http://127.0.0.1:{port}"
    argv = f"{sys.executable} -m granian --interface rsgi --host 127.0.0.1 --port {port} --workers 1"
    argv += " --http 1 --no-ws --no-access-log tetraflix.web.rsgi:application"
    environment = {**os.environ, "DATABASE_URL": database_url, "WRITES_PER_MINUTE": "1000000"}
    with (tmp_path / "web.log").open("w") as log:
        server = subprocess.Popen(argv.split(), cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        wait_until(lambda: _answers(url, server), seconds=30)
        yield url
    finally:
        server.terminate()
        server.wait(10)


def _answers(url: str, server: subprocess.Popen[bytes]) -> bool:
    assert server.poll() is None, "the web server ended"
    try:
        return requests.get(f"{url}/healthz", timeout=1).ok
    except requests.ConnectionError:
        return False


@pytest.mark.timeout(120)
@pytest.mark.parametrize("role", ["distributor", "service"])
def test_every_answer_to_generated_requests_matches_the_document(service_url: str, role: str, tmp_path: Path):
    movie("Kahaani", movie_id=7, drama=100)
    argv = ["-m", "schemathesis.cli", "run", str(ROOT / "docs" / "openapi.yaml"), "--url", service_url]
    argv += ["--header", f"Authorization: Bearer {Caller(role).key}", "--max-time", str(SECONDS)]
    argv += ["--checks", "all", "--exclude-checks", ",".join(NOT_CHECKED), "--continue-on-failure"]
    argv += ["--generation-database", "none", "--no-color"]
    argv += ["--seed", "1"] if "CI" in os.environ else []
    run = subprocess.run([sys.executable, *argv], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Tested: 17" in run.stdout

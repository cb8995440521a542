"""A running service under writes during bulk changes: no request waits for the job, and no change is lost."""

import http.client
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.movies.factories import profile
from tests.servers.running_stack import RunningStack
from tests.sessions_ingest.processes import Process

pytestmark = pytest.mark.timeout(900)
ROWS = int(os.environ.get("TEST_BULK_ROWS", "30000"))
AT_ONCE = 10
READ_SECONDS = 30  # generous, but shorter than the job
# Run by `manage.py shell`, as the admin does it from a batch's page.
UNDO = """
from movies.bulk import jobs
from movies.models import Job
job = Job.objects.get(kind="import")
print(jobs.start_revert(batch=job.pk, actor="staff:x").pk)
"""
LOOK = """
import json
from movies.models import Job, Movie
job = Job.objects.get(kind="{kind}")
print(json.dumps([job.state, job.done, job.total, job.tries, job.result]))
"""
TITLES = """
import hashlib, json
from movies.models import Movie
old = Movie.objects.filter(id__lte={rows}).order_by("id").values_list("title", flat=True)
new = Movie.objects.filter(id__gt={rows}).order_by("title").values_list("title", flat=True)
print(json.dumps([hashlib.sha256(repr(list(old)).encode()).hexdigest(), list(new)]))
"""


@pytest.fixture
def stack(open_folder: Path) -> Iterator[RunningStack]:
    stack = RunningStack(open_folder)
    stack.env |= {"WEB_WORKERS": "2"}
    try:
        stack.start(seconds=120)
        yield stack
    finally:
        stack.end()


def shell(stack: RunningStack, code: str) -> str:
    ran = stack.manage("shell", "--no-imports", "-v0", "-c", code)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip().splitlines()[-1]


class Traffic:
    """Reads continuously, and sends ten writes at once on request."""

    def __init__(self, stack: RunningStack, key: str) -> None:
        self.port, self.key = stack.port, key
        self.reads: list[float] = []
        self.failed: list[str] = []
        self.added: list[str] = []
        self.refused: list[str] = []
        self.writes: list[float] = []
        self.end = threading.Event()
        self.threads = [threading.Thread(target=self._read, args=(path,)) for path in READS]
        for thread in self.threads:
            thread.start()

    def _read(self, path: str) -> None:
        while not self.end.is_set():
            began = time.monotonic()
            try:
                status, _, _ = self._call("GET", path)
                if status != 200:
                    self.failed.append(f"{path}: {status}")
            except OSError as error:
                self.failed.append(f"{path}: {error!r}")
            self.reads.append(time.monotonic() - began)
            self.end.wait(0.05)

    def write(self) -> None:
        """Ten POSTs at once; each is 201, or 503 with Retry-After."""
        titles = [f"Posted {len(self.added) + len(self.refused)} {number}" for number in range(AT_ONCE)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self._post, titles))

    def _post(self, title: str) -> None:
        began = time.monotonic()
        body = {"title": title, "profile": profile(drama=100)}
        status, retry_after, text = self._call("POST", "/tetraflix/movies", body)
        self.writes.append(time.monotonic() - began)
        assert status == 201 or (status == 503 and int(retry_after) > 0 and json.loads(text)["detail"]), text
        (self.added if status == 201 else self.refused).append(title)

    def _call(self, method: str, path: str, body: Any = None) -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=READ_SECONDS)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}"}
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, answer.headers.get("Retry-After", "0"), text

    def stop(self) -> None:
        self.end.set()
        for thread in self.threads:
            thread.join()


READS = ("/tetraflix/recommendations/7", "/tetraflix/genre/action", "/healthz")


def write_until(traffic: Traffic, ended: Any) -> None:
    """Sends ten writes at once, repeatedly, until the job has ended."""
    deadline = time.monotonic() + 600
    while not ended():
        traffic.write()
        assert time.monotonic() < deadline


def test_writes_during_an_import_and_its_revert_are_applied_or_refused_and_reads_continue(
    stack: RunningStack, tmp_path: Path
) -> None:
    """Ten POSTs at once, an import whose process is killed and which the worker finishes, and its revert."""
    assert stack.manage("seed_movies", "--movies", str(ROWS)).returncode == 0
    before, _ = json.loads(shell(stack, TITLES.format(rows=ROWS)))
    key = stack.manage("create_api_key", "--role", "distributor", "studio").stdout.strip()
    file = tmp_path / "movies.jsonl"
    assert stack.manage("export_movies", str(file)).returncode == 0
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    file.write_text("".join(json.dumps({**row, "title": f"{row['title']} again"}) + "\n" for row in rows))

    def job(kind: str) -> list[Any]:
        return json.loads(shell(stack, LOOK.format(kind=kind)))

    servers = {"DATABASE_URL": stack.stack()["database"], "AWS_ENDPOINT_URL_SQS": stack.stack()["sqs"]}
    traffic = Traffic(stack, key)
    try:
        with Process("manage.py", "import_movies", str(file), env=servers) as process:
            process.wait_for("rows:", seconds=300)  # checked; now it is applied
            traffic.write()
            process.kill()
        write_until(traffic, lambda: job("import")[0] == "done")
        after_import, _ = json.loads(shell(stack, TITLES.format(rows=ROWS)))
        assert after_import != before
        shell(stack, UNDO)
        write_until(traffic, lambda: job("revert")[0] == "done")
    finally:
        traffic.stop()

    state, done, total, _, result = job("revert")
    assert (state, done, total, result["movies"], result["changed_since"]) == ("done", ROWS, ROWS, ROWS, 0)
    now, posted = json.loads(shell(stack, TITLES.format(rows=ROWS)))
    assert now == before
    assert sorted(posted) == sorted(traffic.added)
    assert traffic.refused
    assert traffic.failed == []
    sys.stdout.write(
        f"\n{len(traffic.reads)} reads, slowest {max(traffic.reads):.2f} s;"
        f" {len(traffic.added)} writes made, {len(traffic.refused)} refused,"
        f" slowest {max(traffic.writes):.2f} s"
    )

"""`manage.py status`, and the error of any command while nothing runs."""

import json
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from pytest_django import Settings

from movies.models import Movie, ViewCount
from movies.outbox import bus
from tests.servers.queues import Queues
from tests.servers.running_stack import RunningStack
from tetraflix.background import heartbeats, schedule
from tetraflix.configuration import stack_addresses
from tetraflix.embedded import disk
from tetraflix.embedded.ports import free_port
from tetraflix.embedded.sqs import EmbeddedSqs
from tetraflix.health import status


@pytest.fixture
def nothing_runs(open_folder: Path) -> RunningStack:
    """A folder where no stack was started, on a machine where another one may run on the usual ports."""
    stack = RunningStack(open_folder)
    stack.env |= {"AWS_ENDPOINT_URL_SQS": f"http://127.0.0.1:{free_port()}"}
    stack.env |= {"DATABASE_URL": f"postgresql://tetraflix@127.0.0.1:{free_port()}/tetraflix"}
    return stack


def test_while_nothing_runs_every_value_is_null_and_a_line_says_what_starts_it(
    nothing_runs: RunningStack,
) -> None:
    found = nothing_runs.manage("status", "--json")
    assert found.returncode == 1
    names = ("web", "sqs", "database", "movies", "users", "views")
    assert json.loads(found.stdout) == {
        **dict.fromkeys(names),
        "queues": {},
        "deaths": {},
        "notes": [],
        "verdicts": {
            "ingest": {"state": "bad", "detail": "SQS does not answer"},
            "dead_letters": {"state": "off", "detail": "SQS does not answer"},
            "change_feed": {"state": "off", "detail": "the database does not answer"},
            "scheduler": {"state": "off", "detail": "starting"},
            "popularity": {"state": "off", "detail": "the database does not answer"},
            "database": {"state": "bad", "detail": "1 problem"},
        },
    }
    sqs, database = (nothing_runs.env[name] for name in ("AWS_ENDPOINT_URL_SQS", "DATABASE_URL"))
    assert found.stderr.splitlines() == [
        f"The web server at http://127.0.0.1:{nothing_runs.port} does not answer: `make run` starts it.",
        f"SQS at {sqs} is not reachable: see AWS_ENDPOINT_URL_SQS and AWS_REGION.",
        f"PostgreSQL at {database[23:38]} is not reachable (Connection refused): see DATABASE_URL.",
    ]


@pytest.mark.parametrize("words", [("migrate",), ("seed_movies", "--movies", "1"), ("refresh_popularity",)])
def test_a_command_reports_an_unreachable_server_in_one_line(
    nothing_runs: RunningStack, words: tuple[str, ...]
) -> None:
    found = nothing_runs.manage(*words)
    where = nothing_runs.env["DATABASE_URL"][23:38]
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == f"PostgreSQL at {where} is not reachable (Connection refused): see DATABASE_URL.\n"


def test_a_command_reports_unreachable_sqs_in_one_line(nothing_runs: RunningStack) -> None:
    found = nothing_runs.manage("ensure_queues")
    where = nothing_runs.env["AWS_ENDPOINT_URL_SQS"]
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == f"SQS at {where} is not reachable: see AWS_ENDPOINT_URL_SQS and AWS_REGION.\n"


@pytest.mark.django_db
def test_it_counts_waiting_and_dead_lettered_messages(queues: Queues, sqs: EmbeddedSqs) -> None:
    client = bus.shared_client()
    for url in (queues.session.url, queues.session.url, queues.session.dead_url):
        client.send_message(QueueUrl=url, MessageBody="{}")
    for title, hidden, views in (("One", False, 3), ("Hidden", True, 4)):
        movie = Movie.objects.create(title=title, profile=[100, *[0] * 14], hidden=hidden)
        ViewCount.objects.update_or_create(movie_id=movie.id, defaults={"views": views})
    found = status.collect()
    empty = {"depth": 0, "dead": 0}
    verdicts = found.values.pop("verdicts")
    assert {part: verdict["state"] for part, verdict in verdicts.items()} == {
        "ingest": "bad",
        "dead_letters": "bad",
        "change_feed": "good",
        "scheduler": "bad",
        "popularity": "warn",
        "database": "good",
    }
    name = queues.session.name
    assert found.rows["verdict"] == (
        f"4 problems: ingest (no receiver runs); dead letters (1 in {name}); scheduler (no heartbeat);"
        " popularity (not computed yet)."
    )
    assert found.rows["warning"] == (
        f"Dead letters: 1 in {name}. The page Dead letters and `manage.py dead_letters list` show their reasons."
    )
    assert found.rows["warning 2"].startswith("The popularity lists are not computed yet: ")
    assert found.values == {
        "web": None,
        "sqs": sqs.url,
        "database": settings.DATABASE_URL,
        "queues": {
            queue.name: {"url": queue.url, "dead_url": queue.dead_url, **depths}
            for queue, depths in (
                (queues.session, {"depth": 2, "dead": 1}),
                (queues.recs, empty),
                (queues.changes, empty),
                (bus.queue(settings.CELERY_QUEUE), empty),
            )
        },
        "movies": 2,
        "users": 0,
        "views": 7,
        "deaths": {},
        "notes": [],
    }
    starts = "`make run` or `celery -A tetraflix"
    receives = "`make run`, `celery -A tetraflix worker` or `manage.py consume` starts it."
    assert found.down == [
        f"The web server at http://127.0.0.1:{settings.PORT} does not answer: `make run` starts it.",
        f"The receiver of {name}: no heartbeat ever. {receives}",
        f"The receiver of {queues.recs.name}: no heartbeat ever. {receives}",
        f"Beat: no heartbeat ever. {starts} beat` starts it.",
        f"The worker: no heartbeat ever. {starts} worker` starts it.",
    ]


@pytest.mark.django_db
def test_only_stale_heartbeats_and_overdue_tasks_are_reported(queues: Queues) -> None:
    heartbeats.record(*(process.name for process in heartbeats.expected()))
    found = status.collect()
    assert len(found.down) == 1  # the web server
    assert found.rows["heartbeats"].startswith("beat 0 s ago, worker 0 s ago, receiver of sessionData-")
    schedule.claim_due({"some task": 5})
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tetraflix_heartbeat SET at = at - interval '2 min' WHERE name <> 'beat'")
        cursor.execute("UPDATE tetraflix_scheduledtask SET waiting_since = waiting_since - interval '1 h'")
    assert [line.split(".")[0] for line in status.collect().down[1:]] == [
        f"The receiver of {queues.session.name}: no heartbeat for 120 s",
        f"The receiver of {queues.recs.name}: no heartbeat for 120 s",
        "The worker: no heartbeat for 120 s",
        "some task was sent 3,600 s ago and is not done: see the worker's log",
    ]


@pytest.mark.django_db
def test_a_missing_queue_is_named_with_the_command_that_makes_it(settings: Settings) -> None:
    settings.SESSION_QUEUE = "no-such-queue"
    lines = [line for line in status.collect().down if line.startswith("Queue no-such-queue")]
    assert len(lines) == 1
    assert lines[0].endswith(". `manage.py ensure_queues` makes what is missing.")


@pytest.mark.django_db
def test_it_reports_what_died_why_when_and_how_often(queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    at = "2026-11-28T15:46:40+00:00"
    runs = {"count": 1, "reason": "was killed (SIGKILL)", "at": at, "state": "running"}
    waits = {"count": 3, "reason": "ended with code 3", "at": at, "state": "waiting"}
    stack = {"programs": {}, "deaths": {"SQS": runs, "worker": waits}, "notes": ["SQS was killed."]}
    monkeypatch.setattr(stack_addresses, "read", lambda var_dir: stack)
    found = status.collect()
    assert found.values["deaths"] == stack["deaths"]
    assert found.rows["SQS died"] == f"once, last {at}: it was killed (SIGKILL)"
    assert found.rows["worker died"] == f"3 times, last {at}: it ended with code 3"
    assert found.rows["note"] == "SQS was killed."
    log = settings.VAR_DIR / "log"
    assert f"worker ended with code 3 at {at} and starts again; logs: {log}" in found.down
    assert not [line for line in found.down if line.startswith("SQS")]


@pytest.mark.django_db
def test_it_names_a_disk_that_is_full(queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "FULL_BYTES", 2**63)
    lines = [
        line for line in status.collect().down if line.startswith(f"The disk of {settings.VAR_DIR} is full (")
    ]
    assert len(lines) == 1


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://someone:s3cret@db:5432/x", "postgresql://someone:***@db:5432/x"),
        ("postgresql://someone@db:5432/x", "postgresql://someone@db:5432/x"),
    ],
)
def test_a_password_is_not_shown(url: str, shown: str) -> None:
    assert status.without_password(url) == shown

"""The service's own queue: no message in it stops the worker, its tasks or the ingest."""

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import psycopg2
import pytest
from celery.worker.request import Request
from django.conf import settings
from django.core.management import call_command
from hypothesis import example, given
from hypothesis import strategies as st
from kombu.transport.virtual import Message

from movies.models import Movie
from movies.outbox import bus
from sessions_ingest import dead_letters
from tests.servers.queues import SqsServer
from tests.sessions_ingest.conftest import private_bus, service_env
from tests.sessions_ingest.consumer.worker_checks import recommend, recommended, works_on_a_task
from tests.sessions_ingest.processes import WORKER, Process
from tests.waiting import wait_until
from tetraflix.background import heartbeats, task_messages
from tetraflix.background.task_messages import NotATask
from tetraflix.celery import app
from tetraflix.health import service_state

__all__ = ["private_bus", "service_env"]  # fixtures

TASK = "sessions_ingest.tasks.clean_up"
NO_FOLLOW_UP = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
DEEP = "[" * 5_000 + "]" * 5_000


@pytest.fixture(autouse=True, scope="module")
def _tasks_are_known() -> None:
    app.loader.import_default_modules()  # as a worker does at its start


def encoded(text: str | bytes) -> str:
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def envelope(arguments: Any = None, *, body: str | None = None, **changes: Any) -> dict[str, Any]:
    """A task as Celery sends it; `headers` and `properties` are added to, everything else replaced."""
    whole: dict[str, Any] = {
        "body": body or encoded(json.dumps([[], {}, NO_FOLLOW_UP] if arguments is None else arguments)),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {"lang": "py", "task": TASK, "id": "an-id", "retries": 0, "eta": None, "expires": None},
        "properties": {"body_encoding": "base64", "delivery_info": {"exchange": "", "routing_key": "celery"}},
    }
    for argument, value in changes.items():
        name = argument.replace("_", "-")
        whole[name] = {**whole[name], **value} if isinstance(value, dict) else value
    return whole


NO_TASKS: dict[str, str] = {
    "properties that are a number": '{"properties": 5}',
    "the same in base64": encoded('{"properties": 5}'),
    "no JSON": "not json",
    "another object": '{"hello": 1}',
    "a number": "5",
    "null in base64": encoded("null"),
    "a list in base64": encoded("[]"),
    "a message of another queue": '{"userId": 1, "events": []}',
    "bytes that are no text": encoded(b"\xff\xfe\x00"),
    "one sign": "x",
    "signs of many scripts": "ВОЙНА \U0001f3ac 電影",
    "deep": DEEP,
    "deep in properties": f'{{"properties": {DEEP}}}',
    "a key twice": '{"headers": {}, "headers": {}}',
    "a digit too many": '{"properties": ' + "9" * 5_000 + "}",
    "large": encoded(json.dumps(envelope(arguments=["x" * 100_000]))),
    "no headers": json.dumps({name: part for name, part in envelope().items() if name != "headers"}),
    "headers that are a list": json.dumps(envelope(headers=["task", TASK])),
    "a task of another service": json.dumps(envelope(headers={"task": "os.system"})),
    "a task of Celery's own": json.dumps(envelope(headers={"task": "celery.map"})),
    "a name that is a list": json.dumps(envelope(headers={"task": []})),
    "an id that is an object": json.dumps(envelope(headers={"id": {}})),
    "an id that is missing": json.dumps(envelope(headers={"id": None})),
    "arguments too many": json.dumps(envelope(arguments=[[1, 2], {}, NO_FOLLOW_UP])),
    "arguments of other names": json.dumps(envelope(arguments=[[], {"x": 1}, NO_FOLLOW_UP])),
    "arguments that are none": json.dumps(envelope(arguments=5)),
    "arguments of an unknown type": json.dumps(
        envelope(arguments=[[{"__type__": "x", "__value__": 1}], {}, {}])
    ),
    "a broken type": json.dumps(envelope(arguments=[[{"__type__": "uuid", "__value__": 1}], {}, {}])),
    "another task to follow": json.dumps(envelope(arguments=[[], {}, {"callbacks": [{"task": TASK}]}])),
    "no base64": json.dumps(envelope(body="%%%")),
    "compressed": json.dumps(
        envelope(body=encoded(b"x\x9c\x03\x00\x00\x00\x00\x01"), headers={"compression": "gzip"})
    ),
    "pickled": json.dumps(envelope(content_type="application/x-python-serialize")),
    "another encoding": json.dumps(envelope(content_encoding="utf-16")),
    "an encoding that is a number": json.dumps(envelope(content_encoding=5)),
    "an unknown encoding of the body": json.dumps(envelope(properties={"body_encoding": "rot13"})),
    "later": json.dumps(envelope(headers={"eta": "2030-01-01T00:00:00+00:00"})),
    "later, but no time": json.dumps(envelope(headers={"eta": "tomorrow"})),
    "an expiry that is no time": json.dumps(envelope(headers={"expires": {"at": 1}})),
}
TASKS: dict[str, str] = {
    "as Celery sends it": encoded(json.dumps(envelope())),
    "not in base64": json.dumps(envelope()),
    "expired by this host's clock": json.dumps(envelope(headers={"expires": "2017-01-01T00:00:00+00:00"})),
    "other headers are nonsense": json.dumps(
        envelope(headers={"retries": "x", "timelimit": 5, "group": [], "shadow": 7, "stamps": 1, "lang": {}})
    ),
    "other properties are nonsense": json.dumps(
        envelope(properties={"delivery_info": 5, "priority": "x", "delivery_tag": [], "reply_to": {}})
    ),
}


class _Channel:
    """The part of a channel that a kombu message uses."""

    def decode_body(self, body: str, encoding: str | None = None) -> Any:
        return base64.b64decode(body)


def taken_by_celery(payload: dict[str, Any]) -> Request:
    """Celery's request for a message; raises the error that would end the worker."""
    payload["properties"] |= {
        "delivery_tag": "tag",
        "delivery_info": {"exchange": "", "routing_key": "celery"},
    }
    message = Message(payload, channel=_Channel())  # type: ignore[arg-type]
    name = message.headers["task"]
    request = Request(message, app=app, task=app.tasks[name], headers=message.headers, body=message.body)
    assert message.payload[:2] == [[], {}]
    assert (request.id, request.eta, request.expires) == (message.headers["id"], None, None)
    return request


@pytest.mark.parametrize("body", NO_TASKS.values(), ids=NO_TASKS)
def test_an_invalid_task_is_refused_with_a_reason(body: str) -> None:
    """A11: in one line that can be logged."""
    with pytest.raises(NotATask) as error:
        task_messages.read(body, app.tasks)
    assert str(error.value)
    assert str(error.value).isascii()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("body", TASKS.values(), ids=TASKS)
def test_other_fields_do_not_invalidate_a_task(body: str) -> None:
    """A11: only the task itself reaches Celery."""
    assert taken_by_celery(task_messages.read(body, app.tasks)).name == TASK


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
FIELDS = {
    (): ["body", "content-type", "content-encoding", "headers", "properties"],
    ("headers",): [
        "task",
        "id",
        "eta",
        "expires",
        "retries",
        "timelimit",
        "group",
        "compression",
        "shadow",
        "stamps",
    ],
    ("properties",): ["body_encoding", "delivery_info", "delivery_tag", "priority", "correlation_id"],
}
changes = st.lists(
    st.sampled_from([(path, name) for path, names in FIELDS.items() for name in names]).flatmap(
        lambda field: st.tuples(st.just(field), json_values)
    ),
    min_size=1,
    max_size=3,
)


@given(changed=changes, plain=st.booleans())
@example(changed=[(((), "properties"), 5)], plain=True)
def test_no_value_of_any_field_reaches_celery_unchecked(changed: list[Any], plain: bool) -> None:
    """A11: it is refused, or Celery takes it without an error."""
    message = envelope()
    for (path, name), value in changed:
        part = message
        for step in path:
            part = part[step] if isinstance(part.get(step), dict) else {}
        part[name] = value
    text = json.dumps(message)
    try:
        payload = task_messages.read(text if plain else encoded(text), app.tasks)
    except NotATask:
        return
    taken_by_celery(payload)


@given(body=st.text() | st.binary().map(encoded) | json_values.map(json.dumps))
def test_no_text_raises_another_error(body: str) -> None:
    """A11: all of these are refused."""
    with pytest.raises(NotATask):
        task_messages.read(body, app.tasks)


@pytest.mark.sqs_servers("embedded", "elasticmq")
def test_a_task_of_this_version_of_celery_is_read(private_bus: SqsServer) -> None:
    """A11: a task on the real queue, with the id of its request; also an expired one."""
    with app.connection_for_write(private_bus.url.replace("http://", "sqs://") + "//") as connection:
        expired = datetime.now(UTC) - timedelta(minutes=10)
        for options in ({"headers": {"request_id": "r-1"}}, {"expires": expired}):
            app.send_task(TASK, connection=connection, **options)
    url = bus.queue(settings.CELERY_QUEUE).url
    found: list[dict[str, Any]] = []
    while len(found) < 2:
        answer = bus.shared_client().receive_message(QueueUrl=url, WaitTimeSeconds=20)
        found += [task_messages.read(raw["Body"], app.tasks) for raw in answer.get("Messages", [])]
    assert [taken_by_celery(payload).name for payload in found] == [TASK, TASK]
    assert {payload["headers"].get("request_id") for payload in found} == {"r-1", None}


@pytest.fixture
def worker(service_env: dict[str, str]) -> Iterator[Process]:
    with Process(*WORKER, env=service_env) as process:
        yield process


@pytest.mark.sqs_servers("embedded", "elasticmq")
@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(900)
def test_nothing_in_the_queue_ends_the_worker(private_bus: SqsServer, worker: Process) -> None:
    """A11: invalid messages are dead-lettered with the reason, tasks run and ingestion goes on."""
    movie = Movie.objects.create(title="Kahaani", profile=[100] + [0] * 14)
    worker.wait_for("ready.", seconds=90)
    url = bus.queue(settings.CELERY_QUEUE).url
    for body in NO_TASKS.values():
        bus.shared_client().send_message(QueueUrl=url, MessageBody=body)
    dead_url = bus.queue(settings.CELERY_QUEUE).dead_url
    wait_until(lambda: bus.depth(dead_url) == len(NO_TASKS) or not worker.running, seconds=120)
    assert worker.running
    letters = dead_letters.peek(settings.CELERY_QUEUE)
    assert sorted(letter.body for letter in letters) == sorted(NO_TASKS.values())
    for letter in letters:
        assert letter.reason
        assert letter.reason in worker.output().replace('\\"', '"').replace("\\\\", "\\")
    recommend(1, movie.pk)
    wait_until(lambda: recommended(1) == (movie.pk,), seconds=90)
    works_on_a_task(private_bus)
    wait_until(lambda: bus.depth(url) == 0, seconds=60)  # acknowledged
    assert not heartbeats.is_stale(service_state.heartbeat_ages()["worker"])
    assert worker.stop(seconds=60) == 0
    out = StringIO()
    call_command("dead_letters", "discard", "--all", stdout=out)
    assert f"{settings.CELERY_QUEUE}: {len(NO_TASKS)} discarded" in out.getvalue()
    assert bus.depth(dead_url) == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(900)
def test_a_worker_stops_while_a_task_hangs(
    private_bus: SqsServer, worker: Process, database_url: str
) -> None:
    """A11: the task is received again."""
    worker.wait_for("ready.", seconds=90)
    with closing(psycopg2.connect(database_url)) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLE sessions_ingest_ingestminute")
        with app.connection_for_write(private_bus.url.replace("http://", "sqs://") + "//") as connection:
            app.send_task(TASK, connection=connection)
        wait_until(lambda: _waits_for_a_lock(database_url), seconds=90)
        worker.stop(seconds=90)
        other.rollback()
    assert "Timeout (0:00:15)!" in worker.output()  # and where it hung
    assert bus.depth(bus.queue(settings.CELERY_QUEUE).url) == 1


def _waits_for_a_lock(database_url: str) -> bool:
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return cursor.fetchone() is not None


def test_the_task_queue_dead_letters_a_message_before_it_expires(private_bus: SqsServer) -> None:
    """A11: SQS itself moves a message that is received too often, before its retention ends (ElasticMQ has none)."""
    queue = bus.queue(settings.CELERY_QUEUE)
    attributes = bus.shared_client().get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])[
        "Attributes"
    ]
    redrive = json.loads(attributes["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"].endswith(f":{bus.dead_letter_queue_name(settings.CELERY_QUEUE)}")
    longest = int(redrive["maxReceiveCount"]) * int(attributes["VisibilityTimeout"])
    assert longest < int(attributes["MessageRetentionPeriod"]) < 24 * 3600

"""Dead letters can be listed without effect, redriven as they were, or discarded; every action is recorded."""

import json
import os
import random
import subprocess
import sys
import time
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from movies.outbox import bus
from sessions_ingest import dead_letters
from sessions_ingest.dead_letters import reading
from sessions_ingest.models import DeadLetterAct
from tests.servers.queues import Queues
from tests.sessions_ingest.dead_letter_helpers import LONG_AGO, dead_letter, receive

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqs_servers("embedded", "elasticmq")]


def test_a_peek_returns_each_dead_letter_and_hides_none(queues: Queues) -> None:
    dead_letter(queues.session, '{"userId": null}')
    for _ in range(3):
        [letter] = dead_letters.peek(queues.session.name)
        assert (letter.queue, letter.body, letter.reason, letter.receives, letter.sent_at) == (
            queues.session.name,
            '{"userId": null}',
            "no user",
            3,
            LONG_AGO,
        )
    visible = bus.shared_client().receive_message(QueueUrl=queues.session.dead_url)["Messages"]
    assert [message["Body"] for message in visible] == ['{"userId": null}']


def test_a_message_dead_lettered_by_sqs_has_no_reason(queues: Queues) -> None:
    bus.shared_client().send_message(QueueUrl=queues.recs.dead_url, MessageBody="moved")
    [letter] = dead_letters.peek(queues.recs.name)
    assert (letter.body, letter.reason, letter.receives) == ("moved", "", 1)


def test_a_peek_is_limited_and_leaves_all(queues: Queues) -> None:
    for number in range(25):
        dead_letter(queues.session, str(number))
    assert len(dead_letters.peek(queues.session.name, limit=15)) == 15
    assert {letter.body for letter in dead_letters.peek(queues.session.name)} == {str(n) for n in range(25)}


def test_a_redriven_message_keeps_its_first_send_time(queues: Queues) -> None:
    dead_letter(queues.session, "fixed elsewhere")
    dead_letter(queues.session, "stays")
    ids = [letter.id for letter in dead_letters.peek(queues.session.name) if letter.body != "stays"]

    result = dead_letters.redrive(queues.session.name, actor="staff:ada", ids=ids)
    record = DeadLetterAct.objects.get().pk
    assert result == dead_letters.ActionResult(done=1, invalid=1, records=(record,))  # not JSON

    # an event without a time happened when the message was first sent, not when it was redriven
    assert [(m.body, m.sent_at) for m in receive(queues.session)] == [("fixed elsewhere", LONG_AGO)]
    assert [letter.body for letter in dead_letters.peek(queues.session.name)] == ["stays"]
    act = DeadLetterAct.objects.get()
    assert (act.queue, act.message_id, act.act, act.actor) == (
        queues.session.name,
        ids[0],
        "redriven",
        "staff:ada",
    )
    assert (act.reason, act.body, act.sent_at) == ("no user", "fixed elsewhere", LONG_AGO)
    assert act.done_at is not None


def test_all_are_redriven_and_a_message_that_fails_again_is_not_redriven_for_ever(
    queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(25):
        dead_letter(queues.session, str(number))
    send = bus.shared_client().send_message_batch

    def send_and_fail_again(**request: Any) -> object:
        answer = send(**request)
        for message in receive(queues.session):
            dead_letter(queues.session, message.body)
        return answer

    monkeypatch.setattr(bus.shared_client(), "send_message_batch", send_and_fail_again)
    assert dead_letters.redrive(queues.session.name, actor="staff:ada").done <= 25
    assert {letter.body for letter in dead_letters.peek(queues.session.name)} == {str(n) for n in range(25)}


def test_discarded_messages_are_deleted_and_recorded(queues: Queues) -> None:
    dead_letter(queues.session, "of no use")
    assert dead_letters.discard(queues.session.name, actor="staff:ada").done == 1
    assert dead_letters.peek(queues.session.name) == []
    assert receive(queues.session) == []
    assert list(DeadLetterAct.objects.values_list("act", "body")) == [("discarded", "of no use")]


def test_an_unknown_id_is_reported_as_missing(queues: Queues) -> None:
    dead_letter(queues.session, "stays")
    result = dead_letters.discard(queues.session.name, actor="staff:ada", ids=["gone-already"])
    assert result == dead_letters.ActionResult(0, ("gone-already",))
    assert len(dead_letters.peek(queues.session.name)) == 1


def test_a_message_that_the_queue_refuses_stays_and_is_recorded_as_not_done(queues: Queues) -> None:
    dead_letter(queues.session, "refused")
    [letter] = dead_letters.peek(queues.session.name)
    refuse = {"Failed": [{"Id": letter.id, "SenderFault": True, "Code": "Refused"}], "Successful": []}
    send = bus.shared_client().send_message_batch
    bus.shared_client().send_message_batch = lambda **_: refuse  # type: ignore[method-assign, assignment]
    try:
        assert dead_letters.redrive(queues.session.name, actor="staff:ada").done == 0
    finally:
        bus.shared_client().send_message_batch = send  # type: ignore[method-assign]
    assert [each.body for each in dead_letters.peek(queues.session.name)] == ["refused"]
    assert DeadLetterAct.objects.get().done_at is None


def test_large_bodies_are_redriven_in_several_requests(queues: Queues) -> None:
    bodies = {f"{number}" * 90_000 for number in range(5)}
    for body in bodies:
        dead_letter(queues.session, body)
    assert dead_letters.redrive(queues.session.name, actor="staff:ada").done == 5
    assert {message.body for message in receive(queues.session)} == bodies


@pytest.mark.usefixtures("bus_server")
def test_messages_of_a_fifo_queue_are_redriven_in_their_group(settings: Settings) -> None:
    settings.SESSION_QUEUE = f"sessions-{random.getrandbits(40)}.fifo"
    [queue] = bus.ensure_queues([settings.SESSION_QUEUE])
    for number in range(12):
        bus.shared_client().send_message(
            QueueUrl=queue.dead_url,
            MessageBody=f"{number}",
            MessageGroupId="7",
            MessageDeduplicationId=f"{number}",
        )
    assert dead_letters.redrive(queue.name, actor="staff:ada").done == 12
    received = receive(queue)
    assert [message.body for message in received] == [f"{number}" for number in range(12)]
    assert {message.group for message in received} == {"7"}


def test_a_missing_queue_is_reported() -> None:
    with pytest.raises(
        dead_letters.DeadLettersUnavailable, match="The dead letters of nowhere are unavailable"
    ):
        dead_letters.peek("nowhere")


REDRIVE = """
import django; django.setup()
from movies.outbox import bus
from sessions_ingest import dead_letters
bus.queue({queue!r})
print("ready", flush=True)
dead_letters.redrive({queue!r}, actor="killed")
"""


@pytest.mark.sqs_servers("embedded")  # because it is about the death of this process, and slow
def test_a_redrive_that_is_killed_loses_none(
    queues: Queues, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "VISIBILITY_SECONDS", 1)
    bodies = {f"{number}" for number in range(120)}
    for body in bodies:
        dead_letter(queues.session, body)
    environment = os.environ | {"DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "tetraflix.settings"}
    code = REDRIVE.format(queue=queues.session.name).replace(
        "bus.queue", "dead_letters.reading.VISIBILITY_SECONDS = 1; bus.queue", 1
    )
    for wait in (0.03, 0.05, 0.08):
        process = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(wait)
        process.kill()
        process.wait()
    received: set[str] = set()
    deadline = time.monotonic() + 30
    while (
        received != bodies and time.monotonic() < deadline
    ):  # what the killed processes hid becomes visible again
        dead_letters.redrive(queues.session.name, actor="last")
        received |= {message.body for message in receive(queues.session)}
    assert received == bodies


def test_the_command_lists_redrives_and_discards(
    queues: Queues, capsys: pytest.CaptureFixture[str], settings: Settings
) -> None:
    call_command("dead_letters", "list")
    assert capsys.readouterr().out == "No dead letters.\n"
    dead_letter(queues.session, '{"userId": null}')
    dead_letter(queues.recs, '{"rec": 7}', reason="rec: not a list")

    call_command("dead_letters", "list", "--json")
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    ids = [letter.pop("id") for letter in listed]
    assert listed == [
        {"queue": settings.SESSION_QUEUE, "reason": "no user", "body": '{"userId": null}', "receives": 3,
         "sentAt": "2017-09-08T14:50:00+00:00"},
        {"queue": settings.RECS_QUEUE, "reason": "rec: not a list", "body": '{"rec": 7}', "receives": 3,
         "sentAt": "2017-09-08T14:50:00+00:00"},
    ]  # fmt: skip
    call_command("dead_letters", "list", "--queue", settings.RECS_QUEUE)
    assert capsys.readouterr().out == (
        f"{settings.RECS_QUEUE}  {ids[1]}  sent 2017-09-08 14:50:00 UTC, received 3 times\n"
        '  rec: not a list\n  {"rec": 7}\n'
    )

    call_command("dead_letters", "redrive", "--id", ids[1])
    assert capsys.readouterr().out == f"{settings.RECS_QUEUE}: 1 redriven\n"
    with pytest.raises(CommandError, match="Name the messages to discard"):
        call_command("dead_letters", "discard")
    call_command("dead_letters", "discard", "--all", "--queue", settings.SESSION_QUEUE)
    assert capsys.readouterr().out == f"{settings.SESSION_QUEUE}: 1 discarded\n"
    with pytest.raises(CommandError, match=f"Not found: {ids[0]}"):
        call_command("dead_letters", "redrive", "--id", ids[0])
    assert dead_letters.peek(settings.SESSION_QUEUE) == []
    assert [message.body for message in receive(queues.recs)] == ['{"rec": 7}']

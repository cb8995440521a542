"""The admin's page of dead letters: who sees it, who acts on it, and the record of every action."""

import json
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from pytest_django import Settings

from movies.outbox import bus
from sessions_ingest import dead_letters
from sessions_ingest.message_log import log
from sessions_ingest.message_log.record import Record
from sessions_ingest.models import DeadLetterAct
from tests.servers.queues import Queues
from tests.sessions_ingest.dead_letter_helpers import LONG_AGO, dead_letter, receive

pytestmark = pytest.mark.django_db

PAGE = "/admin/sessions_ingest/deadletteract/"


@pytest.fixture
def staff(client: Client) -> Any:
    """Logs in a member of staff called ada with these permissions."""

    def log_in(*codenames: str) -> Client:
        ada = User.objects.create_user("ada", is_staff=True)
        ada.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client.force_login(ada)
        return client

    return log_in


def test_the_page_shows_reason_and_body_of_each(staff: Any, queues: Queues) -> None:
    dead_letter(queues.session, '{"userId": null}', reason="userId: missing")
    page = staff("view_deadletteract").get(PAGE).content.decode()
    assert f"{queues.session.name}: 1 dead letter<" in page
    assert "userId: missing" in page
    assert "{&quot;userId&quot;: null}" in page
    assert "Redrive all" not in page


def test_only_staff_with_permission_see_the_page(client: Client, staff: Any) -> None:
    assert client.get(PAGE).status_code == 302
    assert staff("view_movie").get(PAGE).status_code == 403


def test_only_the_operator_role_may_act(queues: Queues, client: Client, roles: None) -> None:
    seen = {}
    for role in ("viewer", "editor", "operator"):
        user = User.objects.create_user(role, is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        client.force_login(user)
        data = {"queue": queues.session.name, "act": "redrive-all", "sure": "yes"}
        seen[role] = (client.get(PAGE).status_code, client.post(PAGE, data).status_code)
    assert seen == {"viewer": (403, 403), "editor": (403, 403), "operator": (200, 302)}


def test_permission_to_view_is_not_permission_to_act(staff: Any, queues: Queues) -> None:
    dead_letter(queues.session, "stays")
    client = staff("view_deadletteract")
    assert client.post(PAGE, {"queue": queues.session.name, "act": "redrive-all"}).status_code == 403
    assert [letter.body for letter in dead_letters.peek(queues.session.name)] == ["stays"]


def test_ticked_messages_are_redriven_and_the_action_is_recorded(staff: Any, queues: Queues) -> None:
    dead_letter(queues.session, "corrected")
    dead_letter(queues.session, "stays")
    ids = [letter.id for letter in dead_letters.peek(queues.session.name) if letter.body == "corrected"]
    client = staff("view_deadletteract", "handle_dead_letters")
    data = {"queue": queues.session.name, "act": "redrive", "id": ids}
    page = client.post(PAGE, data, follow=True).content.decode()
    assert f"1 redriven to {queues.session.name}." in page
    assert "staff:ada" in page
    assert [message.body for message in receive(queues.session)] == ["corrected"]
    act = DeadLetterAct.objects.get()
    assert (act.act, act.actor, act.body) == ("redriven", "staff:ada", "corrected")


def test_discarding_asks_first_and_can_be_undone(staff: Any, queues: Queues) -> None:
    dead_letter(queues.session, "of no use")
    dead_letter(queues.session, "of no use either")
    client = staff("view_deadletteract", "handle_dead_letters")
    data = {"queue": queues.session.name, "act": "discard-all"}
    page = client.post(PAGE, data).content.decode()
    assert f"Discard all 2 dead letters of {queues.session.name}?" in page
    assert len(dead_letters.peek(queues.session.name)) == 2
    page = client.post(PAGE, data | {"sure": "yes"}, follow=True).content.decode()
    assert f"2 discarded from {queues.session.name}." in page
    assert f"{queues.session.name}: 0 dead letters<" in page

    first, last = DeadLetterAct.objects.order_by("pk").values_list("pk", flat=True)
    undo = f"{PAGE}?undo={first}-{last}"
    assert f'href="?undo={first}-{last}"' in page
    assert "Undo the discard of 2 dead letters?" in client.get(undo).content.decode()
    page = client.post(undo, {"sure": "yes"}, follow=True).content.decode()
    assert "2 back in the dead-letter queue." in page
    assert page.count("undone by staff:ada") == 2
    found = {
        (letter.body, letter.reason, letter.sent_at) for letter in dead_letters.peek(queues.session.name)
    }
    assert found == {("of no use", "no user", LONG_AGO), ("of no use either", "no user", LONG_AGO)}
    again = client.post(f"{PAGE}?undo={first}", follow=True).content.decode()
    assert "Nothing was done: that was undone before." in again
    assert len(dead_letters.peek(queues.session.name)) == 2


def test_a_discard_is_not_undone_while_sqs_is_unavailable(
    staff: Any, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead_letter(queues.session, "of no use")
    dead_letters.discard(queues.session.name, actor="staff:eve")
    client = staff("view_deadletteract", "handle_dead_letters")

    def refuse(**request: Any) -> None:
        raise EndpointConnectionError(endpoint_url="somewhere")

    monkeypatch.setattr(bus.shared_client(), "send_message", refuse)
    act = DeadLetterAct.objects.get()
    page = client.post(f"{PAGE}?undo={act.pk}", follow=True).content.decode()
    assert f"The dead letters of {queues.session.name} are unavailable" in page
    act.refresh_from_db()
    assert act.undone_at is None


def test_the_discards_of_others_are_undone_one_by_one_only(staff: Any, queues: Queues) -> None:
    dead_letter(queues.session, "of no use")
    dead_letters.discard(queues.session.name, actor="staff:eve")
    client = staff("view_deadletteract", "handle_dead_letters")
    act = DeadLetterAct.objects.get()
    page = client.post(f"{PAGE}?undo={act.pk}-{act.pk + 100}", follow=True).content.decode()
    assert "Nothing was done" in page
    client.post(f"{PAGE}?undo={act.pk}")
    assert [letter.body for letter in dead_letters.peek(queues.session.name)] == ["of no use"]


def test_redriving_all_asks_first_and_says_what_comes_back(staff: Any, queues: Queues) -> None:
    dead_letter(queues.session, '{"userId": 0, "events": []}', reason="userId: 0 is not a whole number")
    dead_letter(queues.session, '{"userId": 7, "events": []}', reason="")
    client = staff("view_deadletteract", "handle_dead_letters")
    data = {"queue": queues.session.name, "act": "redrive-all"}
    page = client.post(PAGE, data).content.decode()
    assert f"Redrive all 2 dead letters of {queues.session.name}?" in page
    assert "1 of those shown are invalid as they stand" in page
    assert receive(queues.session) == []
    page = client.post(PAGE, data | {"sure": "yes"}, follow=True).content.decode()
    assert f"2 redriven to {queues.session.name}." in page
    assert "1 of them will come back here, because the consumer refuses them as they are." in page


def test_dead_letters_are_grouped_by_kind_of_reason(staff: Any, queues: Queues) -> None:
    for user in (7, 8):
        body = json.dumps({"userId": user, "events": [{"movie": {"id": 1}, "progress": user}]})
        dead_letter(queues.session, body, reason=f"events[{user}].progress: {user} is not between 0 and 1")
    dead_letter(queues.session, '{"userId": 9, "events": []}', reason="userId: missing")
    dead_letter(queues.changes, "{}", reason="their reason")
    response = staff("view_deadletteract").get(PAGE)
    groups = {
        queue["name"]: [(group["reason"], len(group["rows"]), group["prospect"]) for group in queue["groups"]]
        for queue in response.context["queues"]
        if queue["name"] in (queues.session.name, queues.changes.name)
    }
    assert groups == {
        queues.session.name: [
            ("events[].progress: ... is not between 0 and 1", 2, "comes back"),
            ("userId: missing", 1, "valid"),
        ],
        queues.changes.name: [("their reason", 1, "not checked")],
    }
    page = response.content.decode()
    assert all(f'href="/admin/recommendations/userlists/{user}/"' in page for user in (7, 8, 9))
    assert "Edit and redrive" not in page


def test_a_message_that_failed_too_often_is_shown_with_its_last_error(staff: Any, queues: Queues) -> None:
    bus.shared_client().send_message(
        QueueUrl=queues.session.dead_url, MessageBody='{"userId": 7, "events": []}'
    )
    [letter] = dead_letters.peek(queues.session.name)
    for at, error in ((1, "KeyError: first"), (2, "KeyError: last")):
        failed = Record(id=letter.id, sent=0, at=at, delivery=at, state="failed", outcome=error, body="")
        log.write({queues.session.name: [failed]}, 10)
    page = staff("view_deadletteract").get(PAGE).content.decode()
    assert "dead-lettered by SQS after too many deliveries" in page
    assert "KeyError: last" in page


def test_an_edited_message_is_checked_redriven_and_recorded_with_both_bodies(
    staff: Any, queues: Queues
) -> None:
    wrong, right = '{"userId": 0, "events": []}', '{"userId": 7, "events": []}'
    dead_letter(queues.session, wrong, reason="userId: 0 is not a whole number")
    dead_letter(queues.session, "stays")
    [letter] = [each for each in dead_letters.peek(queues.session.name) if each.body == wrong]
    client = staff("view_deadletteract", "handle_dead_letters")
    form = f"{PAGE}?edit={letter.id}&queue={queues.session.name}"
    page = client.get(form).content.decode()
    assert "The consumer refuses this body: userId: 0 is not a whole number" in page
    assert "{\n  &quot;userId&quot;: 0,\n  &quot;events&quot;: []\n}" in page

    page = client.post(form, {"body": '{"userId": 7}'}).content.decode()
    assert "The consumer refuses this body: missing `events`" in page
    assert "{&quot;userId&quot;: 7}</textarea>" in page
    assert DeadLetterAct.objects.count() == 0

    page = client.post(form, {"body": right}, follow=True).content.decode()
    assert f"1 edited and redriven to {queues.session.name}." in page
    assert f"{queues.session.name}: 1 dead letter<" in page
    assert [(message.body, message.sent_at) for message in receive(queues.session)] == [(right, LONG_AGO)]
    act = DeadLetterAct.objects.get()
    assert (act.act, act.body, act.edited_body, act.reason) == (
        "redriven",
        wrong,
        right,
        "userId: 0 is not a whole number",
    )
    assert "1 not found" in client.get(form, follow=True).content.decode()


def test_only_those_who_act_may_edit(staff: Any, queues: Queues) -> None:
    dead_letter(queues.session, "stays")
    [letter] = dead_letters.peek(queues.session.name)
    client = staff("view_deadletteract")
    for form in (f"{PAGE}?edit={letter.id}&queue={queues.session.name}", f"{PAGE}?undo=1"):
        assert (client.get(form).status_code, client.post(form).status_code) == (403, 403)


def test_messages_of_other_programs_are_not_edited(staff: Any, queues: Queues) -> None:
    client = staff("view_deadletteract", "handle_dead_letters")
    page = client.get(f"{PAGE}?edit=x&queue={queues.changes.name}", follow=True).content.decode()
    assert "Nothing was done: messages of this queue cannot be edited here." in page


@pytest.mark.parametrize(
    "data", [{"act": "redrive"}, {"act": "burn-all"}, {"act": "redrive-all", "queue": "somebody-elses"}]
)
def test_an_invalid_action_does_nothing(staff: Any, queues: Queues, data: dict[str, str]) -> None:
    dead_letter(queues.session, "stays")
    client = staff("view_deadletteract", "handle_dead_letters")
    page = client.post(PAGE, {"queue": queues.session.name} | data, follow=True).content.decode()
    assert "Nothing was done" in page
    assert DeadLetterAct.objects.count() == 0


def test_the_page_reports_an_unavailable_queue(staff: Any, queues: Queues, settings: Settings) -> None:
    settings.RECS_QUEUE = "never-made"
    bus.queue.cache_clear()
    page = staff("view_deadletteract").get(PAGE).content.decode()
    assert "never-made: unavailable" in page
    assert f"{queues.session.name}: 0 dead letters<" in page

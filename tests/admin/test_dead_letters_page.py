"""The admin's page of dead letters: who sees it, who acts on it, and the record of every action."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from pytest_django import Settings

from movies.outbox import bus
from sessions_ingest import dead_letters
from sessions_ingest.models import DeadLetterAct
from tests.servers.queues import Queues
from tests.sessions_ingest.dead_letter_helpers import dead_letter, receive

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
    assert f"{queues.session.name}: 1 dead-lettered" in page
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
        data = {"queue": queues.session.name, "act": "redrive-all"}
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


def test_discarding_asks_first(staff: Any, queues: Queues) -> None:
    dead_letter(queues.session, "of no use")
    client = staff("view_deadletteract", "handle_dead_letters")
    data = {"queue": queues.session.name, "act": "discard-all"}
    assert "Discard all messages" in client.post(PAGE, data).content.decode()
    assert len(dead_letters.peek(queues.session.name)) == 1
    page = client.post(PAGE, data | {"sure": "yes"}, follow=True).content.decode()
    assert f"1 discarded from {queues.session.name}." in page
    assert dead_letters.peek(queues.session.name) == []


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
    assert f"{queues.session.name}: 0 dead-lettered" in page

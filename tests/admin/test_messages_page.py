"""The admin's page of messages: who sees it, what is found by user, movie, outcome and id, and its pages."""

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from sessions_ingest.admin.messages import PAGE_SIZE
from sessions_ingest.message_log import log
from sessions_ingest.message_log.record import Record
from tests.sessions_ingest.message_log.records import recorded

pytestmark = pytest.mark.django_db
PAGE = "/admin/sessions_ingest/recordedmessages/"
MAX_STATEMENTS = 10


def write(queue: str, *records: Record) -> None:
    log.write({queue: records}, 1000)


def ids(client: Client, query: str = "") -> list[str]:
    return [row["record"].id for row in client.get(PAGE + query).context["rows"]]


def test_those_who_may_see_users_see_messages(client: Client, viewer: Client):
    assert client.get(PAGE).status_code == 302
    other = User.objects.create_user("other", is_staff=True)
    other.user_permissions.set(Permission.objects.filter(codename="view_movie"))
    client.force_login(other)
    assert client.get(PAGE).status_code == 403
    page = viewer.get(PAGE).content.decode()
    assert "No messages yet." in page
    assert f'href="{PAGE}"' in page  # in the menu


def test_a_message_is_shown_with_what_became_of_it(viewer: Client, settings: Settings):
    write(settings.SESSION_QUEUE, recorded(1500, movies=(1, 2, 3, 4, 5)))
    write(settings.RECS_QUEUE, recorded(2, state="dead-lettered", user=None))
    page = viewer.get(PAGE).content.decode()
    for text in (
        "outcome of 1500",
        "outcome of 2",
        "1.50 s",
        "0.00 s",
        "and 2 more",
        "{&quot;number&quot;: 2}",
    ):
        assert text in page
    assert 'href="/admin/recommendations/userlists/7/"' in page
    assert 'href="/admin/movies/movie/3/change/"' in page
    assert "/admin/movies/movie/4/" not in page


def test_messages_are_found_by_user_movie_outcome_queue_and_id(viewer: Client, settings: Settings):
    write(settings.SESSION_QUEUE, recorded(1, user=7, movies=(1, 2)), recorded(2, user=8, movies=(2, 3)))
    write(
        settings.RECS_QUEUE,
        recorded(3, user=7, state="superseded"),
        recorded(4, user=None, state="dead-lettered"),
    )
    assert ids(viewer) == ["m4", "m3", "m2", "m1"]
    assert ids(viewer, "?user=7") == ["m3", "m1"]
    assert ids(viewer, "?movie=2") == ["m2", "m1"]
    assert ids(viewer, "?user=7&movie=3") == []
    assert ids(viewer, "?state=dead-lettered") == ["m4"]
    assert ids(viewer, f"?queue={settings.RECS_QUEUE}") == ["m4", "m3"]
    assert ids(viewer, "?id=m2") == ["m2"]
    counts = {state: number for state, number, _ in viewer.get(f"{PAGE}?user=7").context["states"]}
    assert counts == {"applied": "1", "superseded": "1", "skipped": "0", "dead-lettered": "0", "failed": "0"}


def test_a_user_that_is_no_number_is_said_and_left_out(viewer: Client, settings: Settings):
    write(settings.SESSION_QUEUE, recorded(1))
    response = viewer.get(f"{PAGE}?user=seven&before=x-y")
    assert "User is a whole number" in response.content.decode()
    assert [row["record"].id for row in response.context["rows"]] == ["m1"]


def test_pages_continue_where_the_last_one_ended_in_few_statements(viewer: Client, settings: Settings):
    for start in range(0, 120, 10):
        write(settings.SESSION_QUEUE, *(recorded(number // 3 * 3) for number in range(start, start + 10)))
    write(settings.SESSION_QUEUE, *(recorded(number) for number in range(1000, 1120)))
    with CaptureQueriesContext(connection) as sent:
        first = viewer.get(PAGE)
    assert len(sent) <= MAX_STATEMENTS
    write(settings.SESSION_QUEUE, recorded(5000))  # while somebody reads
    seen = [row["record"].id for row in first.context["rows"]]
    older = first.context["older"]
    while older:
        response = viewer.get(PAGE + older)
        seen += [row["record"].id for row in response.context["rows"]]
        older = response.context["older"]
        assert len(seen) <= 1000
    assert len(first.context["rows"]) == PAGE_SIZE
    assert seen[:120] == [f"m{number}" for number in range(1119, 999, -1)]
    assert len(set(seen)) == 160


def test_the_page_says_that_nothing_is_recorded(viewer: Client, settings: Settings):
    settings.MESSAGES_KEPT = 0
    write(settings.SESSION_QUEUE, recorded(1))
    assert "Nothing is recorded, because MESSAGES_KEPT is 0." in viewer.get(PAGE).content.decode()

"""Changes of the inventory during a bulk change are refused at once and never wait for it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
import pytest
from django.db import connection, transaction
from django.test import Client

from movies.bulk import jobs
from movies.bulk.file_format import heading, lines_of
from movies.inventory import seeding, services
from movies.models import Job, Movie, MovieChange
from movies.search.selections import Selection
from movies.viewing import popularity
from tests.admin.jobs import replace_work
from tests.movies.factories import movie, profile
from tests.waiting import wait_until
from tetraflix.access.api_keys import create_key
from tetraflix.models import ApiKey, KeptAnswer

pytestmark = pytest.mark.django_db(transaction=True)
BODY = json.dumps({"title": "Kahaani", "profile": profile(drama=100)})


@contextmanager
def bulk_change_under_way() -> Iterator[None]:
    """Another process changes the inventory in bulk until the block ends."""
    began, end = threading.Event(), threading.Event()

    def work() -> None:
        try:
            with transaction.atomic():
                services.refuse_other_changes()
                with services.change(actor="bulk"):
                    began.set()
                    end.wait(60)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    assert began.wait(30)
    try:
        yield
    finally:
        end.set()
        thread.join()


@contextmanager
def row_locked(database_url: str) -> Iterator[None]:
    """A person at psql locks the inventory's row until the block ends."""
    other = psycopg2.connect(database_url)
    try:
        other.cursor().execute("SELECT FROM movies_inventory FOR UPDATE")
        yield
    finally:
        other.close()


@pytest.fixture
def distributor() -> Client:
    _, key = create_key(name="studio", role=ApiKey.Role.DISTRIBUTOR)
    return Client(headers={"Authorization": f"Bearer {key}"})


WRITES = {
    "POST": lambda client, one: client.post("/tetraflix/movies", BODY, content_type="application/json"),
    "POST many": lambda client, one: client.post(
        "/tetraflix/movies", f"[{BODY}]", content_type="application/json"
    ),
    "PUT": lambda client, one: client.put(f"/tetraflix/movies/{one}", BODY, content_type="application/json"),
    "PATCH": lambda client, one: client.patch(
        f"/tetraflix/movies/{one}", '{"title": "Else"}', content_type="application/json"
    ),
    "DELETE": lambda client, one: client.delete(f"/tetraflix/movies/{one}"),
}


def refused(response: Any) -> bool:
    return (
        response.status_code == 503
        and int(response["Retry-After"]) >= 1
        and response.json()["detail"].startswith("Another change of the inventory is in progress")
    )


@pytest.mark.parametrize("write", WRITES)
def test_a_write_during_a_bulk_change_is_503_and_changes_nothing(distributor: Client, write: str) -> None:
    """It gets 503 with Retry-After instead of waiting for an import of 60,000 rows to end."""
    one = movie("Alpha").id
    with bulk_change_under_way():
        assert refused(WRITES[write](distributor, one))
    assert list(Movie.objects.values_list("id", "title")) == [(one, "Alpha")]
    assert WRITES[write](distributor, one).status_code in {200, 201, 204}


def test_any_other_lock_is_503_too_and_waits_do_not_add_up(
    distributor: Client, database_url: str, settings: Any
) -> None:
    """A transaction that is not a job may hold the row."""
    settings.INVENTORY_LOCK_TIMEOUT_MS = 300
    one = movie("Alpha").id
    with row_locked(database_url):
        services.short_waits_until = 0.0
        assert refused(WRITES["PATCH"](distributor, one))
        # the next writes of this process hardly wait
        settings.INVENTORY_LOCK_TIMEOUT_MS = 10**8
        assert all(refused(WRITES["PATCH"](distributor, one)) for _ in range(10))
    services.short_waits_until = 0.0
    assert WRITES["PATCH"](distributor, one).status_code == 200


def test_a_503_is_not_kept_as_the_answer_of_an_idempotency_key(distributor: Client) -> None:
    """The same key succeeds once the inventory is free."""

    def post() -> Any:
        return distributor.post(
            "/tetraflix/movies", BODY, content_type="application/json", headers={"Idempotency-Key": "k"}
        )

    with bulk_change_under_way():
        assert refused(post())
        assert not KeptAnswer.objects.exists()
    first, second = post(), post()
    assert (first.status_code, second.status_code, second["Idempotent-Replay"]) == (201, 201, "true")
    assert Movie.objects.count() == 1


def test_reads_continue_during_a_bulk_change(client: Client) -> None:
    """No read of a client takes the inventory's lock."""
    one = movie("Alpha").id
    popularity.refresh()
    with bulk_change_under_way():
        for path in (f"movies/{one}", "movies?q=alpha", "movies", "genre/action", "recommendations/1"):
            assert client.get(f"/tetraflix/{path}").status_code == 200, path


def test_the_admins_form_is_shown_again_with_what_was_typed(boss: Client) -> None:
    """A person's change is refused with a message, and nothing typed is lost."""
    one = movie("Alpha")
    page = f"/admin/movies/movie/{one.id}/change/"
    weights = {"profile-action": "60", "profile-western": "40"}
    with bulk_change_under_way():
        response = boss.post(page, {"title": "Typed by hand", "seen": "1", **weights})
        assert (response.status_code, response["Retry-After"]) == (503, "5")
        text = response.content.decode()
        assert "Another change of the inventory is in progress" in text
        assert "Typed by hand" in text
        deleted = boss.post(f"/admin/movies/movie/{one.id}/delete/", {"post": "yes"}, follow=True)
        assert "Another change of the inventory is in progress" in deleted.content.decode()
    assert list(Movie.objects.values_list("title", flat=True)) == ["Alpha"]
    assert boss.post(page, {"title": "Typed by hand", "seen": "1", **weights}).status_code == 302
    assert Movie.objects.get().title == "Typed by hand"


def test_a_small_bulk_action_during_a_bulk_change_is_left_to_the_worker(boss: Client) -> None:
    """The job that the web process cannot run now is neither lost nor waited for."""
    one = movie("Alpha").id
    data = {"action": "hide", "_selected_action": [str(one)], "index": "0"}
    with bulk_change_under_way():
        response = boss.post("/admin/movies/movie/", data)
        job = Job.objects.get()
        assert response["Location"] == f"/admin/movies/job/{job.pk}/"
        assert (job.state, job.tries) == ("applying", 0)
    assert jobs.run_waiting() == 1
    job.refresh_from_db()
    assert (job.state, Movie.objects.get().hidden) == ("done", True)


def test_a_confirmed_import_during_a_bulk_change_is_left_to_the_worker(boss: Client) -> None:
    """The same as for actions."""
    content = heading("csv") + lines_of([(7, "Kahaani", False, profile(action=100))], "csv")
    job = jobs.start_import(actor="staff:x", file_name="m.csv", chunks=[content])
    with bulk_change_under_way():
        boss.post(f"/admin/movies/job/{job.pk}/confirm/")
        job.refresh_from_db()
        assert (job.state, Movie.objects.count()) == ("applying", 0)
    assert jobs.run_waiting() == 1
    assert Movie.objects.get().id == 7


def test_a_running_job_refuses_other_changes(distributor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its first change to its commit."""
    monkeypatch.setattr(jobs, "MAX_INLINE_MOVIES", -1)
    for number in range(3):
        movie(f"Movie {number}")
    answers: list[Any] = []
    services_hide = services.hide_movies

    def hide_and_look(**arguments: Any) -> int:
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
        return services_hide(**arguments)

    def write() -> None:
        try:
            answers.append(WRITES["POST"](distributor, 1))
        finally:
            connection.close()

    replace_work(monkeypatch, "hide", hide_and_look)
    jobs.start_bulk(kind="hide", actor="x", which=Selection())
    jobs.run_waiting()
    assert [refused(answer) for answer in answers] == [True]
    assert Movie.objects.filter(hidden=True).count() == 3


def test_a_bulk_change_waits_for_running_short_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The short changes commit, and the bulk change sees them."""
    monkeypatch.setattr(jobs, "MAX_INLINE_MOVIES", -1)
    movie("Alpha")
    job = jobs.start_bulk(kind="hide", actor="x", which=Selection())

    def run() -> None:
        try:
            jobs.run(job.pk)
        finally:
            connection.close()

    with services.change(actor="short"):
        thread = threading.Thread(target=run)
        thread.start()
        wait_until(advisory_lock_waited_for)
        services.add_movie(actor="short", title="Beta", profile=profile(action=100))
    thread.join()
    assert list(Movie.objects.order_by("id").values_list("title", "hidden")) == [
        ("Alpha", True),
        ("Beta", True),
    ]


def test_seeding_refuses_other_changes_and_is_refused_during_a_bulk_change(distributor: Client) -> None:
    """Seeding locks the inventory like a job."""
    with bulk_change_under_way(), pytest.raises(services.InventoryBusy):
        seeding.top_up(movies=10, seed=1)
    answers: list[Any] = []

    def look(done: int) -> None:
        if not answers:
            thread = threading.Thread(target=lambda: answers.append(write()))
            thread.start()
            thread.join()

    def write() -> Any:
        try:
            return WRITES["POST"](distributor, 1)
        finally:
            connection.close()

    seeding.top_up(movies=10, seed=1, progress=look)
    assert refused(answers[0])
    assert (Movie.objects.count(), MovieChange.objects.count()) == (10, 0)


def advisory_lock_waited_for() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)")
        return bool(cursor.fetchone()[0])

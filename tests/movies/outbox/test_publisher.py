"""Every committed change is published at least once, in order for each movie."""

import os
import random
import shutil
import subprocess
import sys
from typing import Any

import psycopg2
import pytest
from botocore.stub import Stubber
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from pytest_django import Settings

from movies.foundation import advisory_locks
from movies.models import Movie, MovieChange
from movies.outbox import bus, publisher
from tests.movies.outbox.changes_reader import disturbed, inventory, read, take
from tests.servers.queues import Queues, SqsServer, bus_at

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqs_servers("embedded", "elasticmq")]

DRAMA = [0] * 4 + [100] + [0] * 10
MIXED = [40, 0, 0, 0, 20] + [4] * 10
MIXED_ON_THE_WIRE = {
    "action": 40, "animation": 0, "comedy": 0, "documentary": 0, "drama": 20, "family": 4, "fantasy": 4,
    "international": 4, "horror": 4, "musical": 4, "mystery": 4, "romance": 4, "sci_fi": 4, "thriller": 4,
    "western": 4,
}  # fmt: skip


def test_each_change_is_sent_as_the_contract_says(queues: Queues) -> None:
    movie = Movie.objects.create(title="Kahaani “2”", profile=MIXED)
    movie.title = "Kahaani"
    movie.save()
    Movie.objects.update(hidden=True)
    Movie.objects.update(title="Kahaani 3")
    Movie.objects.update(hidden=False)
    id = movie.id
    movie.delete()

    assert publisher.publish(seconds=10) == 6

    assert take(queues.changes.url) == [
        {"movieId": id, "version": 1, "action": "added", "changeId": f"{id}-1",
         "changes": {"title": "Kahaani “2”", "profile": MIXED_ON_THE_WIRE}},
        {"movieId": id, "version": 2, "action": "updated", "changeId": f"{id}-2",
         "changes": {"title": "Kahaani", "profile": MIXED_ON_THE_WIRE}},
        {"movieId": id, "version": 3, "action": "deleted", "changeId": f"{id}-3"},
        {"movieId": id, "version": 4, "action": "deleted", "changeId": f"{id}-4"},
        {"movieId": id, "version": 5, "action": "added", "changeId": f"{id}-5",
         "changes": {"title": "Kahaani 3", "profile": MIXED_ON_THE_WIRE}},
        {"movieId": id, "version": 6, "action": "deleted", "changeId": f"{id}-6"},
    ]  # fmt: skip


def test_a_sent_change_is_not_sent_again(queues: Queues) -> None:
    Movie.objects.create(title="Once", profile=DRAMA)
    assert (publisher.publish(seconds=10), publisher.publish(seconds=10)) == (1, 0)
    assert len(take(queues.changes.url)) == 1


def test_a_change_that_is_rolled_back_is_not_sent(queues: Queues) -> None:
    kept = Movie.objects.create(title="Kept", profile=DRAMA)
    with transaction.atomic():
        Movie.objects.update(title="Never")
        Movie.objects.create(title="Never", profile=DRAMA)
        transaction.set_rollback(True)
    publisher.publish(seconds=10)
    assert read(take(queues.changes.url)) == {kept.id: (1, "Kept", tuple(DRAMA))}


def test_bulk_actions_and_imports_are_published_completely(queues: Queues) -> None:
    Movie.objects.bulk_create(Movie(title=f"Import {n}", profile=DRAMA) for n in range(250))
    Movie.objects.filter(title__endswith="7").update(profile=MIXED)
    Movie.objects.filter(title__endswith="3").update(hidden=True)
    Movie.objects.filter(title__endswith="9").delete()

    assert publisher.publish(seconds=30) == 250 + 25 + 25 + 25

    assert read(take(queues.changes.url)) == inventory()
    assert Movie.objects.filter(hidden=False).count() == 200


def test_an_outbox_of_thousands_is_sent_with_a_bounded_number_of_statements(
    queues: Queues, django_assert_max_num_queries: Any
) -> None:
    Movie.objects.bulk_create(
        Movie(title=f"Import {n}", profile=DRAMA) for n in range(2 * publisher.CHUNK_SIZE)
    )
    # of each of two chunks: begin, the lock (3), a read, a mark, commit; without a mark for the last, empty one
    with django_assert_max_num_queries(20):
        assert publisher.publish(seconds=30) == 2 * publisher.CHUNK_SIZE


def test_a_message_that_sqs_refuses_holds_back_only_the_later_changes_of_its_movie(queues: Queues) -> None:
    refused, other = (Movie.objects.create(title=title, profile=DRAMA) for title in ("Refused", "Other"))
    Movie.objects.filter(id=refused.id).update(title="Later")
    answer = {
        "Failed": [{"Id": f"{refused.id}-1", "SenderFault": False, "Code": "InternalError"}],
        "Successful": [],
    }
    with Stubber(bus.shared_client()) as sqs:
        for _ in range(publisher.MAX_ATTEMPTS):
            sqs.add_response("send_message_batch", answer)
        assert publisher.publish(seconds=10) == 1
    waiting = MovieChange.objects.filter(sent_at=None).order_by("id").values_list("movie_id", "version")
    assert list(waiting) == [(refused.id, 1), (refused.id, 2)]
    assert MovieChange.objects.exclude(sent_at=None).get().movie_id == other.id

    publisher.publish(seconds=10)

    assert [message["changeId"] for message in take(queues.changes.url)] == [
        f"{refused.id}-1",
        f"{refused.id}-2",
    ]


@pytest.mark.usefixtures("bus_server")
def test_on_a_fifo_queue_a_movie_is_a_group_and_a_version_a_deduplication_id(settings: Settings) -> None:
    settings.CHANGES_QUEUE = f"changes-{random.getrandbits(40)}.fifo"
    [queue] = bus.ensure_queues([settings.CHANGES_QUEUE])
    movie = Movie.objects.create(title="One", profile=DRAMA)
    Movie.objects.update(title="Two")
    publisher.publish(seconds=10)
    MovieChange.objects.update(sent_at=None)  # as a process that was killed before it could mark them
    publisher.publish(seconds=10)
    assert [message["changeId"] for message in take(queue.url)] == [f"{movie.id}-1", f"{movie.id}-2"]


def test_a_new_reader_receives_every_visible_movie_as_it_is(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL tetraflix.bulk_load = 'on'")
        Movie.objects.bulk_create(Movie(title=f"Seeded {n}", profile=DRAMA) for n in range(230))
    Movie.objects.filter(title__endswith="7").update(hidden=True)
    publisher.publish(seconds=10)
    take(queues.changes.url)
    changed = Movie.objects.get(title="Seeded 5")
    Movie.objects.filter(id=changed.id).update(title="Changed")  # still in the outbox

    call_command("announce_inventory")

    assert capsys.readouterr().out == "206 movies announced.\n"
    announced = take(queues.changes.url)
    assert changed.id not in read(announced)
    publisher.publish(seconds=10)
    assert read(announced + take(queues.changes.url)) == inventory()


def test_changes_wait_while_sqs_is_unavailable_and_are_all_sent_afterwards(
    queues: Queues, private_sqs: SqsServer, settings: Settings
) -> None:
    with bus_at(private_sqs.url, settings):
        bus.ensure_queues([settings.CHANGES_QUEUE])
        private_sqs.kill()
        Movie.objects.create(title="Meanwhile", profile=DRAMA)
        with pytest.raises(publisher.BusUnavailable):
            publisher.publish(seconds=10)
        with pytest.raises(CommandError, match="Nothing is lost"):
            call_command("publish_changes", patience=0)
        assert publisher.outbox_lag()[0] == 1
        shutil.rmtree(private_sqs.state_dir)  # it starts without its queues
        private_sqs.start()
        call_command("publish_changes")
        assert publisher.outbox_lag() == (0, 0.0)
        assert read(take(bus.queue(settings.CHANGES_QUEUE).url)) == inventory()


def test_one_publisher_at_a_time(queues: Queues, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "LOCK_WAIT_SECONDS", 0.1)
    Movie.objects.create(title="Waits", profile=DRAMA)
    other = psycopg2.connect(database_url)
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [advisory_locks.PUBLISHER])
        assert publisher.publish(seconds=10) == 0
    other.close()
    monkeypatch.undo()
    assert publisher.publish(seconds=10) == 1


PUBLISHER = """
import django
django.setup()
from movies.outbox import publisher
print("ready", flush=True)
while True:
    publisher.publish(seconds=1)
"""


@pytest.mark.sqs_servers("embedded")  # because it is about the death of the publisher, and slow
@pytest.mark.timeout(300)  # twelve starts of a process, on a machine that may be busy
def test_a_reader_ends_with_the_exact_inventory_although_the_publisher_is_killed(
    queues: Queues, publisher_environment: dict[str, str]
) -> None:
    chance = random.Random(5)
    received = []
    for _ in range(12):
        process = subprocess.Popen(
            [sys.executable, "-c", PUBLISHER], env=publisher_environment, stdout=subprocess.PIPE
        )
        change_at_random(chance, 40)
        assert process.stdout is not None
        process.stdout.readline()
        change_at_random(chance, chance.randrange(1, 60))
        process.kill()
        process.wait()
        received += take(queues.changes.url)
    publisher.publish(seconds=30)
    received += take(queues.changes.url)

    assert len(inventory()) > 100
    assert read(disturbed(received, chance)) == inventory()
    # Sent if and only if committed: every change at least once, and nothing else.
    assert {message["changeId"] for message in received} == {
        f"{movie_id}-{version}"
        for movie_id, version in MovieChange.objects.values_list("movie_id", "version")
    }


def change_at_random(chance: random.Random, changes: int) -> None:
    """Single and bulk changes, deletions, re-created ids, and some that are rolled back."""
    for _ in range(changes):
        ids = list(Movie.objects.values_list("id", flat=True))
        some = Movie.objects.filter(id__in=chance.sample(ids, min(len(ids), 5)))
        with transaction.atomic():
            match chance.randrange(8):
                case 0 | 1:
                    Movie.objects.bulk_create(Movie(title=f"New {n}", profile=DRAMA) for n in range(15))
                case 2:
                    some.update(hidden=True)
                case 3:
                    some.update(hidden=False)
                case 4:
                    some.delete()
                case 5:
                    gone = MovieChange.objects.exclude(movie_id__in=ids).first()
                    if gone:
                        Movie.objects.create(id=gone.movie_id, title="Back", profile=MIXED)
                case _:
                    some.update(title=f"Title {chance.random()}", profile=chance.choice([DRAMA, MIXED]))
            if chance.random() < 0.2:
                transaction.set_rollback(True)


@pytest.fixture
def publisher_environment(
    queues: Queues, database_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The environment of another process that works on this test's database and queues."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tetraflix.settings")
    monkeypatch.setenv("CHANGES_QUEUE", settings.CHANGES_QUEUE)
    return dict(os.environ)

"""The scheduled tasks of this app, which are safe to run twice."""

from datetime import timedelta

from django.core.management import call_command
from django.utils import timezone

from movies import tasks
from movies.models import HistoryEntry, Inventory, Movie, MovieChange, PopularList
from movies.outbox import bus
from movies.viewing import popularity
from tests.movies.factories import change_records, movie


def test_old_change_records_are_deleted_once_they_were_published(db, settings, monkeypatch):
    monkeypatch.setattr(tasks, "DELETE_BATCH_SIZE", 2)
    settings.CHANGES_KEPT_DAYS = 10
    for title in "ABCDEF":
        movie(title)
    now = timezone.now()
    old, young = now - timedelta(days=11), now - timedelta(days=9)
    MovieChange.objects.update(at=old, sent_at=now)
    MovieChange.objects.filter(after__title="B").update(sent_at=None)
    MovieChange.objects.filter(after__title="C").update(at=young)
    HistoryEntry.objects.update(at=old)

    assert tasks.clean_up.run() == 3

    # B was not sent yet, C is young, F is the inventory's version
    assert change_records("after__title") == [("B",), ("C",), ("F",)]
    assert Inventory.objects.get().version == MovieChange.objects.latest("id").id
    kept = MovieChange.objects.order_by("id").values_list("id", flat=True)
    assert list(HistoryEntry.objects.order_by("id").values_list("id", flat=True)) == list(kept)
    assert tasks.clean_up.run() == 0


def test_short_popularity_lists_are_refreshed_without_the_schedule(db, queues):
    first = movie("First")
    tasks.publish_changes.run()
    second = movie("Second")
    tasks.publish_changes.run()
    assert PopularList.objects.get(genre="").movie_ids == [first.id, second.id]


def test_full_popularity_lists_wait_for_the_schedule(db, queues, monkeypatch):
    monkeypatch.setattr(popularity, "STORED_LIST_LENGTH", 1)
    first = movie("First")
    tasks.publish_changes.run()
    movie("Second")
    tasks.publish_changes.run()
    assert PopularList.objects.get(genre="").movie_ids == [first.id]


def test_versions_continue_after_their_records_are_deleted(db, settings):
    settings.CHANGES_KEPT_DAYS = 0
    kept, gone = movie("Kept"), movie("Gone")
    gone_id = gone.id
    gone.delete()
    movie("Last")
    MovieChange.objects.update(sent_at=timezone.now(), at=timezone.now() - timedelta(days=1))
    assert tasks.clean_up.run() == 3

    Movie.objects.filter(id=kept.id).update(title="Kept!")
    movie("Again", movie_id=gone_id)

    assert change_records("movie_id", "version", "action")[1:] == [
        (kept.id, 2, "updated"),
        (gone_id, 3, "added"),
    ]


def test_the_command_creates_the_queues_and_may_be_repeated(queues, capsys):
    for _ in range(2):
        call_command("ensure_queues")
        assert capsys.readouterr().out.splitlines() == [
            f"{queue.name}: {queue.url} (dead letters: {queue.dead_url})"
            for queue in (queues.session, queues.recs, queues.changes)
        ]
    assert bus.depth(queues.session.url) == 0

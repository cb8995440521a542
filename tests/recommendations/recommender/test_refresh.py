"""Own lists follow what users finish, hold nothing that users must not see, and leave the bus's lists alone."""

import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from movies.models import Movie
from recommendations import lists, stores
from recommendations.models import ChangedUser, Preferences
from recommendations.recommender import changed_users, refresh, snapshot
from recommendations.stores.base import StoreUnavailable
from sessions_ingest.apply import apply
from sessions_ingest.batches import Batch
from sessions_ingest.messages import Recommendations, Session, WatchEvent
from tests.movies.factories import movie, other_connection, profile
from tests.waiting import wait_until

NOW = datetime.now(UTC)
USER = 534356757834


def report(user_id: int, *movies: Movie, progress: float = 1, at: datetime = NOW) -> None:
    """The user watched the movies, a minute each."""
    events = tuple(
        WatchEvent(watched.id, progress, at + timedelta(minutes=number))
        for number, watched in enumerate(movies)
    )
    apply([Batch("sessionData", [Session(user_id, events, at + timedelta(hours=1))])])


def from_the_bus(user_id: int, *movies: Movie, at: datetime = NOW) -> None:
    message = Recommendations(user_id, tuple(each.id for each in movies), at)
    apply([Batch("userRecs", [message])])


def listed(user_id: int) -> tuple[list[int], str]:
    """The stored list, and who made it."""
    kept = stores.current().read(user_id)
    assert kept is not None
    return list(kept.recommended), kept.recommended_by


def refreshed() -> int:
    return refresh.refresh_changed(seconds=60).users


def some_movies(number: int, **weights: Any) -> list[Movie]:
    """Movies of different profiles; the first are the most viewed."""
    made = [movie(f"Movie {n}", **(weights or {"action": n, "drama": 100 - n})) for n in range(1, number + 1)]
    sessions = [
        Session(
            1_000_000 + viewer,
            tuple(
                WatchEvent(each.id, 1, NOW - timedelta(days=1, minutes=n))
                for n, each in enumerate(made[:many])
            ),
            NOW,
        )
        for viewer, many in enumerate(range(number, 0, -1))
    ]
    apply([Batch("sessionData", sessions)])
    return made


def test_a_finish_leads_to_a_list_by_taste(store):
    westerns = [movie(f"Western {n}", western=100 - n, drama=n) for n in range(5)]
    dramas = [movie(f"Drama {n}", drama=100 - n, comedy=n) for n in range(5)]
    for viewer in range(9):
        report(viewer + 1, *westerns, *dramas)
    refreshed()

    report(USER, *westerns[:4])
    assert refreshed() == 1

    ids, made_by = listed(USER)
    assert made_by == "mixture"
    assert ids[0] == westerns[4].id
    assert set(ids) == {westerns[4].id, *(drama.id for drama in dramas)}


def test_a_list_holds_nothing_that_the_user_must_not_see(store):
    made = some_movies(30)
    finished, watched, taken_off, dismissed, hidden, deleted, *rest = made
    report(USER, finished)
    report(USER, watched, taken_off, progress=0.5, at=NOW + timedelta(minutes=5))
    stores.current().update({USER: partial(lists.take_off, movie_id=taken_off.id)})
    stores.current().update({USER: partial(lists.dismiss, movie_id=dismissed.id)})
    snapshot.current()  # a snapshot from before the next changes
    Movie.objects.filter(id=hidden.id).update(hidden=True)
    Movie.objects.filter(id=deleted.id).delete()

    refreshed()

    ids, _ = listed(USER)
    assert len(ids) == 20
    assert set(ids) <= {each.id for each in rest}


def test_every_finish_on_record_counts_not_only_the_last_20(store):
    made = some_movies(45)
    for number, each in enumerate(made[:40]):
        report(USER, each, at=NOW + timedelta(seconds=number))

    refreshed()

    assert sorted(listed(USER)[0]) == [each.id for each in made[40:]]


def test_at_most_three_movies_of_one_profile(store):
    twins = some_movies(10, western=100)
    others = [movie(f"Other {n}", drama=100 - n, comedy=n) for n in range(5)]
    report(USER, twins[0])

    refreshed()

    ids, _ = listed(USER)
    assert ids[:3] == [twin.id for twin in twins[1:4]]
    assert sorted(ids[3:]) == [other.id for other in others]


def test_a_list_of_the_bus_is_held_for_days(store, settings):
    made = some_movies(10)
    from_the_bus(USER, *made[5:8])
    report(USER, made[0])
    refreshed()
    assert listed(USER) == ([each.id for each in made[5:8]], "bus")

    settings.BUS_LISTS_HOLD_DAYS = 0
    report(USER, made[1], at=NOW + timedelta(minutes=1))
    settings.RECOMMEND_SECONDS = 0
    refreshed()
    ids, made_by = listed(USER)
    assert made_by == "mixture"
    assert made[1].id not in ids


def test_a_list_of_the_bus_that_is_used_up_is_not_held(store, settings):
    settings.RECOMMEND_SECONDS = 0
    made = some_movies(8)
    from_the_bus(USER, *made[4:8])
    report(USER, made[4])
    report(USER, made[5], progress=0.5)
    stores.current().update({USER: partial(lists.dismiss, movie_id=made[6].id)})
    refreshed()
    assert listed(USER) == ([made[5].id, made[6].id, made[7].id], "bus")

    report(USER, made[7], at=NOW + timedelta(minutes=1))
    refreshed()

    ids, made_by = listed(USER)
    assert made_by == "mixture"
    assert set(ids) == {each.id for each in made[:4]}


def test_an_empty_list_of_the_bus_is_followed_by_an_own_one(store, settings):
    settings.RECOMMEND_SECONDS = 0
    made = some_movies(5)
    report(USER, made[0])
    refreshed()

    from_the_bus(USER)
    assert listed(USER) == ([], "bus")
    assert refreshed() == 1

    assert listed(USER)[1] == "mixture"


def test_a_list_of_the_bus_replaces_an_own_one(store):
    made = some_movies(10)
    report(USER, made[0])
    refreshed()
    assert listed(USER)[1] == "mixture"

    from_the_bus(USER, made[3], at=NOW - timedelta(days=1))

    assert listed(USER) == ([made[3].id], "bus")


def test_given_preferences_lead_to_a_list_without_any_finish(store):
    some_movies(3)
    western = movie("Western", western=100)
    report(1, western)
    report(2, western)
    Preferences.objects.create(user_id=USER, weights=profile(western=100))
    with transaction.atomic():
        changed_users.mark([USER])

    refreshed()

    ids, made_by = listed(USER)
    assert (ids[0], made_by) == (western.id, "mixture")


def test_a_user_without_history_keeps_the_list_of_what_is_popular_now(store):
    made = some_movies(3)
    report(USER, made[0], progress=0.5)
    with transaction.atomic():
        changed_users.mark([USER])

    refreshed()

    assert listed(USER) == ([], "bus")


def test_a_movie_that_is_newer_than_the_snapshot_counts_for_taste(store):
    some_movies(5)
    refreshed()
    known, _ = snapshot.current()
    new = movie("New", western=100)
    other = movie("New, too", western=90, drama=10)
    report(1, other)
    report(USER, new)

    refreshed()

    assert other.id in listed(USER)[0]
    assert snapshot.current().snapshot is not known


def test_a_user_is_seen_at_most_once_in_some_seconds(store, settings):
    made = some_movies(6)
    report(USER, made[0])
    refreshed()
    settings.RECOMMEND_SECONDS = 3600
    report(USER, made[1], at=NOW + timedelta(minutes=1))

    assert refreshed() == 0
    assert changed_users.waiting().users == 1

    settings.RECOMMEND_SECONDS = 0
    assert refreshed() == 1
    assert changed_users.waiting() == (0, 0.0)


def test_a_finish_counted_while_the_list_is_made_leaves_the_user_marked(store, settings, monkeypatch):
    settings.RECOMMEND_SECONDS = 0
    made = some_movies(6)
    refreshed()
    report(USER, made[0])
    original = refresh.make_lists

    def make_lists_slowly(records):
        monkeypatch.setattr(refresh, "make_lists", original)
        thread = threading.Thread(target=finish_another)
        thread.start()
        thread.join()
        return original(records)

    def finish_another():
        try:
            report(USER, made[1], at=NOW + timedelta(minutes=1))
        finally:
            connection.close()

    monkeypatch.setattr(refresh, "make_lists", make_lists_slowly)
    assert refreshed() == 2

    assert made[1].id not in listed(USER)[0]
    assert changed_users.waiting().users == 0


def test_a_lane_that_another_worker_holds_is_left_to_it(store):
    made = some_movies(3)
    refreshed()
    report(USER, made[0])
    with other_connection() as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(4201720 + %s)", [USER % changed_users.LANES])
        assert refreshed() == 0

    assert refreshed() == 1


def test_a_batch_that_fails_is_made_again(store, monkeypatch):
    made = some_movies(3)
    refreshed()
    report(USER, made[0])

    def unavailable(*args: object) -> None:
        raise StoreUnavailable("the store does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(type(stores.current()), "update", unavailable)
        with pytest.raises(StoreUnavailable):
            refreshed()
        assert changed_users.waiting().users == 1

    assert refreshed() == 1
    assert listed(USER)[1] == "mixture"


def test_views_mark_their_users_and_nobody_else(transactional_db):
    made = movie()
    report(1, made)
    report(2, made, progress=0.5)
    report(1, made)

    assert list(ChangedUser.objects.filter(mark__isnull=False).values_list("user_id", flat=True)) == [1]


def test_a_worker_is_woken_after_the_commit(transactional_db, monkeypatch):
    woken: list[str] = []
    monkeypatch.setattr(changed_users.users_changed, "send", lambda sender: woken.append("woken"))
    made = movie()
    with transaction.atomic():
        changed_users.mark([USER])
        assert woken == []
    report(USER, made)
    report(USER, made)

    wait_until(lambda: woken == ["woken"] * 2)


def test_all_users_are_made_lists_on_demand(store, settings):
    settings.RECOMMEND_SECONDS = 0
    made = some_movies(6)
    for user_id in (7, 8, 9):
        report(user_id, made[0])
    from_the_bus(8, made[5])
    report(10, made[0], progress=0.5)
    Preferences.objects.create(user_id=11, weights=profile(drama=100))
    refreshed()

    *_, done = refresh.refresh_all(refresh.everybody())

    viewers = set(ChangedUser.objects.values_list("user_id", flat=True)) - {8, 10}
    assert {7, 9, 11} <= viewers
    assert done == (len(viewers) + 2, len(viewers))
    assert {listed(user_id)[1] for user_id in viewers} == {"mixture"}
    assert changed_users.waiting().users == 0


def test_a_finish_is_served_before_lists_that_are_only_old(store, monkeypatch):
    made = some_movies(3)
    refreshed()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE recommendations_changeduser SET recommended_at = now() - interval '25 hours'")
    seen: list[list[int]] = []
    original = refresh.records_of

    def records_of(user_ids):
        seen.append(list(user_ids))
        return original(user_ids)

    monkeypatch.setattr(refresh, "records_of", records_of)
    monkeypatch.setattr(refresh, "BATCH", 1)
    monkeypatch.setattr(changed_users, "LANES", 1)
    report(USER, made[0])

    assert refresh.mark_old_lists() == 3
    assert refresh.mark_old_lists() == 0
    assert changed_users.waiting().users == 4
    refreshed()

    assert seen == [[USER], [1_000_000], [1_000_001], [1_000_002]]


def test_an_old_list_follows_the_inventory(store):
    made = some_movies(5)
    report(USER, made[0])
    refreshed()
    new = movie("New", western=100)
    snapshot.clear()  # it is loaded again after a while
    with connection.cursor() as cursor:
        cursor.execute("UPDATE recommendations_changeduser SET recommended_at = now() - interval '25 hours'")

    refresh.mark_old_lists()
    refreshed()

    assert new.id in listed(USER)[0]

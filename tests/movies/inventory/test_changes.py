"""The database's triggers record each change of inventory: version, history and order."""

import threading
import uuid
from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat

from movies.inventory.validation import MAX_MOVIE_ID
from movies.models import Inventory, Movie, MovieChange, RetiredId, ViewCount
from tests.movies.factories import change_records, movie, other_connection, profile, waits_for_lock
from tests.waiting import wait_until

ACTION, DRAMA = profile(action=100), profile(drama=100)


def state(title: str, weights: list[int] = ACTION, hidden: bool = False) -> dict[str, object]:
    return {"title": title, "profile": weights, "hidden": hidden}


def inventory_version() -> int:
    return Inventory.objects.get().version


def test_an_added_movie_is_on_record(db):
    kahaani = movie("Kahaani")

    assert change_records(
        "movie_id", "version", "action", "before", "after", "actor", "batch", "request_id", "sent_at"
    ) == [(kahaani.id, 1, "added", None, state("Kahaani"), "", None, "", None)]
    assert kahaani.version == 1
    assert ViewCount.objects.get(movie=kahaani).views == 0


def test_an_edit_raises_the_version_and_keeps_old_and_new(db):
    kahaani = movie("Kahani")

    Movie.objects.filter(id=kahaani.id).update(title="Kahaani", profile=DRAMA)

    assert change_records("version", "action", "before", "after")[1:] == [
        (2, "updated", state("Kahani"), state("Kahaani", DRAMA))
    ]
    edited = Movie.objects.get()
    assert (edited.version, edited.created) == (2, kahaani.created)
    assert edited.updated > kahaani.updated


def test_a_save_that_changes_nothing_is_not_recorded(db):
    kahaani = movie("Kahaani")
    before, updated = inventory_version(), kahaani.updated

    kahaani.version = 99
    kahaani.save()

    kept = Movie.objects.get()
    assert (kept.version, kept.updated) == (1, updated)
    assert change_records("version") == [(1,)]
    assert inventory_version() == before


def test_hidden_counts_as_deleted_and_shown_again_as_added(db):
    kahaani = movie("Kahaani")

    for change in ({"hidden": True}, {"title": "Kahaani 2"}, {"hidden": False}):
        Movie.objects.filter(id=kahaani.id).update(**change)

    assert change_records("version", "action", "after") == [
        (1, "added", state("Kahaani")),
        (2, "deleted", state("Kahaani", hidden=True)),
        (3, "deleted", state("Kahaani 2", hidden=True)),
        (4, "added", state("Kahaani 2")),
    ]


def test_a_movie_added_hidden_counts_as_deleted(db):
    movie("Secret", hidden=True)
    assert change_records("version", "action", "after") == [(1, "deleted", state("Secret", hidden=True))]


def test_a_deletion_is_on_record_and_its_version_is_never_used_again(db):
    kahaani = movie("Kahaani")
    Movie.objects.filter(id=kahaani.id).update(title="Kahaani 2")
    Movie.objects.filter(id=kahaani.id).delete()
    assert RetiredId.objects.get(movie_id=kahaani.id).version == 3

    again = movie("Kahaani", movie_id=kahaani.id)
    Movie.objects.filter(id=again.id).delete()
    movie("Kahaani", movie_id=kahaani.id)

    assert again.version == 4
    assert change_records("version", "action") == [
        (1, "added"), (2, "updated"), (3, "deleted"), (4, "added"), (5, "deleted"), (6, "added"),
    ]  # fmt: skip
    assert change_records("before", "after", version=3) == [(state("Kahaani 2"), None)]


def test_a_deleted_movie_that_comes_back_has_its_views(db):
    kahaani = movie("Kahaani")
    ViewCount.objects.filter(movie=kahaani).update(views=7)
    Movie.objects.filter(id=kahaani.id).delete()

    movie("Kahaani", movie_id=kahaani.id)

    assert ViewCount.objects.get(movie_id=kahaani.id).views == 7


def test_a_view_does_not_change_the_inventory(db):
    kahaani = movie("Kahaani")
    ViewCount.objects.filter(movie=kahaani).update(views=F("views") + 1)
    assert change_records("version") == [(1,)]


def test_a_bulk_change_records_every_movie_that_changed_and_no_other(db):
    first, second, third = movie("A"), movie("B"), movie("C")

    Movie.objects.filter(id__in=[first.id, third.id]).update(title=Concat(F("title"), Value("!")))
    Movie.objects.update(title="A!")

    assert change_records("movie_id", "version", "after__title")[3:] == [
        (first.id, 2, "A!"), (third.id, 2, "C!"), (second.id, 2, "A!"), (third.id, 3, "A!"),
    ]  # fmt: skip
    assert inventory_version() == MovieChange.objects.latest("id").id


def test_a_plan_made_for_one_movie_serves_a_bulk_change_too(db):
    """A session caches the trigger's plans: a plan made for one row would take minutes for 20,000."""
    single = movie("Single")
    for hidden in (True, False, True, False, True, False):
        Movie.objects.filter(id=single.id).update(hidden=hidden)
    Movie.objects.bulk_create(Movie(title=f"Movie {n}", profile=ACTION) for n in range(20_000))

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '60s'")
    Movie.objects.update(title=Concat(F("title"), Value("!")))

    assert MovieChange.objects.filter(action="updated", version=2).count() == 20_000


def test_an_upsert_records_each_row_as_added_or_updated(db):
    kahaani = movie("Kahani")

    Movie.objects.bulk_create(
        [
            Movie(id=kahaani.id, title="Kahaani", profile=ACTION),
            Movie(id=kahaani.id + 1, title="Barfi", profile=DRAMA),
        ],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["title", "profile"],
    )
    Movie.objects.bulk_create([Movie(id=kahaani.id, title="X", profile=ACTION)], ignore_conflicts=True)

    assert sorted(change_records("movie_id", "version", "action", "before", "after")[1:]) == [
        (kahaani.id, 2, "updated", state("Kahani"), state("Kahaani")),
        (kahaani.id + 1, 1, "added", None, state("Barfi", DRAMA)),
    ]
    assert ViewCount.objects.count() == 2


def test_a_generated_id_comes_after_one_given_by_hand(db):
    by_hand = movie("By hand", movie_id=movie("First").id + 1)
    assert movie("Generated").id == by_hand.id + 1


def test_the_highest_id_does_not_use_up_the_generated_ones(db):
    first = movie("First")
    movie("Last", movie_id=MAX_MOVIE_ID)
    assert movie("Second").id == first.id + 1


def test_the_actor_and_the_batch_are_on_record(db):
    batch = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('tetraflix.actor', %s, true), set_config('tetraflix.batch', %s, true),"
            " set_config('tetraflix.request_id', 'abc', true)",
            ["key " + "x" * 300, str(batch)],
        )
    kahaani = movie("Kahaani")
    kahaani.delete()

    actor = ("key " + "x" * 300)[:200]
    assert change_records("action", "actor", "batch", "request_id") == [
        ("added", actor, batch, "abc"),
        ("deleted", actor, batch, "abc"),
    ]


def test_a_bulk_load_records_no_changes_and_raises_the_version_by_a_million(db):
    movie("Kahaani")
    before = inventory_version()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL tetraflix.bulk_load = 'on'")
        Movie.objects.bulk_create([Movie(title="A", profile=ACTION), Movie(title="B", profile=ACTION)])

    assert inventory_version() == before + 1_000_001
    assert change_records("movie_id") == [(Movie.objects.get(title="Kahaani").id,)]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL tetraflix.bulk_load = 'off'")
    barfi = movie("Barfi")
    assert change_records("id")[-1] == (inventory_version(),)
    assert barfi.id == Movie.objects.get(title="B").id + 1
    assert inventory_version() == before + 1_000_002


@pytest.mark.django_db(transaction=True)
def test_a_truncation_raises_the_version_by_over_a_thousand():
    movie("Kahaani")
    before = inventory_version()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE movies_movie")
    assert inventory_version() > before + 1000


@pytest.mark.parametrize(
    "bad",
    [
        {"profile": [100] + [0] * 13},
        {"profile": [100] + [0] * 15},
        {"profile": [99] + [0] * 14},
        {"profile": [101, -1] + [0] * 13},
        {"profile": [100, None] + [0] * 13},
        {"profile": [[100] + [0] * 14]},
        {"profile": []},
        {"title": ""},
        {"title": " \t\n"},
        {"id": 0},
        {"id": MAX_MOVIE_ID + 1},
    ],
    ids=str,
)
def test_the_database_rejects_invalid_movies(db, bad):
    values = {"id": 1, "title": "Kahaani", "profile": ACTION} | bad
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO movies_movie (id, title, profile)"
            " VALUES (%(id)s, %(title)s, %(profile)s::smallint[])",
            values,
        )


def test_a_movie_keeps_its_id(db):
    kahaani = movie("Kahaani")
    with pytest.raises(IntegrityError, match="keeps its id"), transaction.atomic():
        Movie.objects.filter(id=kahaani.id).update(id=kahaani.id + 1)


def in_thread(action: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=action)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
def test_change_ids_commit_in_order():
    """A reader that saw change N never misses a lower one: a later change waits until an earlier commits."""
    first, second = movie("First"), movie("Second")
    with other_connection() as slow, other_connection() as fast, slow.cursor() as one, fast.cursor() as two:
        one.execute("UPDATE movies_movie SET title = 'First!' WHERE id = %s", [first.id])

        def change_the_second() -> None:
            two.execute("UPDATE movies_movie SET title = 'Second!' WHERE id = %s", [second.id])
            fast.commit()

        thread = in_thread(change_the_second)
        wait_until(lambda: waits_for_lock(fast.info.backend_pid))
        slow.commit()
        thread.join()

    assert change_records("movie_id", "version")[2:] == [(first.id, 2), (second.id, 2)]


@pytest.mark.django_db(transaction=True)
def test_two_changes_of_the_same_movies_in_opposite_order_do_not_deadlock():
    first, second = movie("First"), movie("Second")
    update = "UPDATE movies_movie SET title = title || '!' WHERE id = %s"
    with other_connection() as slow, other_connection() as fast, slow.cursor() as one, fast.cursor() as two:
        one.execute(update, [first.id])

        def change_both() -> None:
            two.execute(update, [second.id])
            two.execute(update, [first.id])
            fast.commit()

        thread = in_thread(change_both)
        wait_until(lambda: waits_for_lock(fast.info.backend_pid))
        one.execute(update, [second.id])
        slow.commit()
        thread.join()

    assert list(Movie.objects.order_by("id").values_list("title", "version")) == [
        ("First!!", 3),
        ("Second!!", 3),
    ]


@pytest.mark.django_db(transaction=True)
def test_an_id_re_created_while_its_deletion_commits_continues_its_versions():
    kahaani = movie("Kahaani")
    with other_connection() as slow, other_connection() as fast, slow.cursor() as one, fast.cursor() as two:
        one.execute("DELETE FROM movies_movie WHERE id = %s", [kahaani.id])

        def create_again() -> None:
            two.execute(
                "INSERT INTO movies_movie (id, title, profile) VALUES (%s, 'Again', %s::smallint[])",
                [kahaani.id, ACTION],
            )
            fast.commit()

        thread = in_thread(create_again)
        wait_until(lambda: waits_for_lock(fast.info.backend_pid))
        slow.commit()
        thread.join()

    assert change_records("version", "action") == [(1, "added"), (2, "deleted"), (3, "added")]

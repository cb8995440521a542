"""A user is shown something while a visible movie is left, from any list, on either store; a genre is never short."""

import itertools
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.db.models import F
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from movies.models import Movie, ViewCount
from movies.viewing import popularity
from recommendations import services, stores
from recommendations.api.reads import DEGRADED_HEADER
from recommendations.lists import MAX_LIST_LENGTH, recommend_own
from recommendations.user_lists import BUS
from tests.api.calling import Caller
from tests.movies.factories import profile
from tests.waiting import wait_until

GHOST = 10**9  # the id of no movie
users = itertools.count(1_000)


@pytest.fixture(params=["postgres", "mongo"])
def store(request: pytest.FixtureRequest, transactional_db: None, settings: Settings) -> None:
    """Each store of user lists."""
    if request.param == "mongo":
        settings.MONGODB_URL = request.getfixturevalue("mongodb_url")


def inventory(number: int) -> list[int]:
    """Creates this many movies and their popular lists; returns the ids, most viewed first."""
    Movie.objects.all().delete()
    Movie.objects.bulk_create(Movie(title=f"Movie {n}", profile=profile(drama=100)) for n in range(number))
    ids = list(Movie.objects.order_by("id").values_list("id", flat=True))
    ViewCount.objects.update(views=100 * (ids[-1] + 1 - F("movie_id")))
    popularity.refresh()
    return ids


def shown(user: int) -> tuple[list[int], list[int]]:
    """Ids of what the user is shown: recommended, being watched."""
    answers = []

    def is_from_the_store() -> bool:
        """On a busy machine a read of MongoDB may miss its time limit of a second."""
        answers.append(Client().get(f"/tetraflix/recommendations/{user}"))
        assert answers[-1].status_code == 200
        return DEGRADED_HEADER not in answers[-1]

    wait_until(is_from_the_store, seconds=30)
    recommended, watching = (
        [movie["id"] for movie in answers[-1].json()[name]]
        for name in ("recommendations", "currentlyWatching")
    )
    return recommended, watching


def watch(service: Caller, user: int, progress: dict[int, float]) -> None:
    """The movies are watched in this order."""
    events = [
        {"movie": {"id": movie_id}, "progress": share, "timestamp": f"2017-09-08T12:00:{second:02}Z"}
        for second, (movie_id, share) in enumerate(progress.items())
    ]
    assert service("POST", "/tetraflix/sessionData", {"userId": user, "events": events}).status_code == 201


def receive(service: Caller, user: int, source: str, movie_ids: list[int]) -> None:
    """A list of the bus, or one of our own."""
    if source == BUS:
        assert service("POST", "/tetraflix/userRecs", {"userId": user, "rec": movie_ids}).status_code == 201
        return
    change = partial(
        recommend_own, movie_ids=movie_ids, at=datetime.now(UTC), strategy=source, hold=timedelta(days=7)
    )
    stores.current().update({user: change})


@hypothesis_settings(
    max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_the_answer_is_that_of_a_plain_model_and_never_empty_without_need(
    store: None, settings: Settings, data: st.DataObject
):
    settings.FINISHED_MARK = 1.0
    service = Caller("service")
    mark = data.draw(st.sampled_from([1.0, 0.9]), "mark afterwards")
    # of movies that are finished by a lower mark alone, as many as of finishes are remembered
    most = 30 if mark == 1.0 else MAX_LIST_LENGTH
    user, ids = next(users), inventory(data.draw(st.integers(1, most), "movies"))
    some = st.lists(st.sampled_from(ids), max_size=20, unique=True)
    nearly_all = st.sampled_from(ids).map(lambda left: [movie_id for movie_id in ids if movie_id != left])
    any_of_them = some | nearly_all | st.just(ids)
    source = data.draw(st.sampled_from(["", BUS, "mixture"]), "list from")
    listed = data.draw(st.lists(st.sampled_from([*ids, GHOST]), max_size=30) if source else st.just([]))
    finished = set(data.draw(any_of_them, "finished"))
    begun = {
        movie_id: data.draw(st.sampled_from([0.5, 0.95]), "progress")
        for movie_id in data.draw(some, "begun")
        if movie_id not in finished
    }
    dismissed = set(data.draw(any_of_them, "dismissed"))
    gone = set(data.draw(some, "hidden or deleted"))
    listed_first = data.draw(st.booleans(), "list before the session")

    if source and listed_first:
        receive(service, user, source, listed)
    for movie_id in dismissed:
        services.dismiss(user_id=user, movie_id=movie_id)
    watch(service, user, {**dict.fromkeys(finished, 1.0), **begun})
    if source and not listed_first:
        if source != BUS:  # the recommender names nothing that is on record as finished
            listed = [movie_id for movie_id in listed if movie_id not in finished]
        receive(service, user, source, listed)
    for number, movie_id in enumerate(sorted(gone)):
        one = Movie.objects.filter(id=movie_id)
        if number % 2:
            one.delete()
        else:
            one.update(hidden=True)
    settings.FINISHED_MARK = mark
    if data.draw(st.booleans(), "lists are written again, by the new mark"):
        services.take_off(user_id=user, movie_id=GHOST)

    watching = [movie_id for movie_id, share in reversed(begun.items()) if share < mark]
    first = [movie_id for movie_id in dict.fromkeys(listed) if movie_id != GHOST or source != BUS]
    # a list of the bus that was sent after a finish may have the movie again
    known = finished if listed_first or source != BUS else set()
    stay = [movie_id for movie_id in first[:MAX_LIST_LENGTH] if movie_id not in {*known, *begun, GHOST}]
    left = [movie_id for movie_id in ids if movie_id not in {*finished, *begun, *dismissed, *gone}]
    own = [movie_id for movie_id in stay if movie_id not in dismissed | gone]
    assert shown(user) == (
        own or left[:MAX_LIST_LENGTH],
        [movie_id for movie_id in watching if movie_id not in dismissed | gone],
    )


def test_what_is_left_is_shown_also_when_everything_on_the_popular_list_is_dismissed(
    store: None,
):
    ids = inventory(popularity.STORED_LIST_LENGTH + 30)
    for movie_id in ids[:-2]:
        services.dismiss(user_id=7, movie_id=movie_id)
    assert shown(7) == (ids[-2:], [])
    watch(Caller("service"), 7, {ids[-1]: 0.5})
    assert shown(7) == (ids[-2:-1], ids[-1:])


@pytest.mark.parametrize("limit", [1, 20, 100])
def test_a_genre_is_as_long_as_asked_for_right_after_the_200_best_are_hidden(db: None, limit: int):
    ids = inventory(popularity.STORED_LIST_LENGTH + 110)
    address = f"/tetraflix/genre/drama?limit={limit}"
    best = Client().get(address).json()["genre"]
    assert [movie["id"] for movie in best] == ids[:limit]
    Movie.objects.filter(id__in=ids[:200]).update(hidden=True)
    assert [movie["id"] for movie in Client().get(address).json()["genre"]] == ids[200:][:limit]

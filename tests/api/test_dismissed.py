"""`PUT` and `DELETE /tetraflix/dismissed/<user>/<movie>`: not for me, from any list, until it is undone."""

import pytest
from django.test import Client
from pytest_django import Settings

from movies.foundation.numbers import MAX_BIGINT
from movies.models import Movie, ViewCount
from movies.viewing import popularity
from recommendations import stores
from recommendations.lists import MAX_DISMISSED
from recommendations.models import ChangedUser
from recommendations.user_lists import UserLists
from tests.api.calling import Caller
from tests.movies.factories import movie

MOVIES = (1, 2, 3, 4, 5)


@pytest.fixture(params=["postgres", "mongo"])
def store(request: pytest.FixtureRequest, transactional_db: None, settings: Settings) -> None:
    """Each store of user lists, and movies that are the more popular the lower their id is."""
    if request.param == "mongo":
        settings.MONGODB_URL = request.getfixturevalue("mongodb_url")
    for movie_id in MOVIES:
        movie(f"Movie {movie_id}", movie_id=movie_id)
        ViewCount.objects.filter(movie_id=movie_id).update(views=10 - movie_id)
    popularity.refresh()


def shown(user_id: int = 7) -> tuple[list[int], list[tuple[int, float]]]:
    """The user's two lists: ids recommended, and ids being watched with their progress."""
    lists = Client().get(f"/tetraflix/recommendations/{user_id}").json()
    return (
        [movie["id"] for movie in lists["recommendations"]],
        [(movie["id"], movie["progress"]) for movie in lists["currentlyWatching"]],
    )


def recommend(service: Caller, *movie_ids: int) -> None:
    assert service("POST", "/tetraflix/userRecs", {"userId": 7, "rec": movie_ids}).status_code == 201


def watch(service: Caller, movie_id: int, progress: float) -> None:
    events = [{"movie": {"id": movie_id}, "progress": progress}]
    assert service("POST", "/tetraflix/sessionData", {"userId": 7, "events": events}).status_code == 201


def dismiss(service: Caller, movie_id: int, method: str = "PUT") -> None:
    for _ in range(2):  # it may be repeated
        answer = service(method, f"/tetraflix/dismissed/7/{movie_id}")
        assert (answer.status_code, answer.content) == (204, b"")


def test_a_dismissed_movie_leaves_both_lists_and_undone_is_in_its_place(store: None, service: Caller):
    recommend(service, 3, 1, 2)
    watch(service, 4, 0.5)
    watch(service, 5, 0.25)
    dismiss(service, 1)
    dismiss(service, 4)
    assert shown() == ([3, 2], [(5, 0.25)])
    dismiss(service, 1, "DELETE")
    dismiss(service, 4, "DELETE")
    assert shown() == ([3, 1, 2], [(5, 0.25), (4, 0.5)])


def test_a_dismissed_movie_stays_out_of_later_lists_and_the_popular_ones(store: None, service: Caller):
    dismiss(service, 1)
    assert shown() == ([2, 3, 4, 5], [])
    recommend(service, 2, 1)
    assert shown() == ([2], [])
    recommend(service, 1)
    assert shown() == ([2, 3, 4, 5], [])
    recommend(service)
    assert shown() == ([2, 3, 4, 5], [])
    assert shown(8) == ([1, 2, 3, 4, 5], [])


def test_later_sessions_of_a_dismissed_movie_count_and_keep_their_progress(store: None, service: Caller):
    recommend(service, 1, 2)
    dismiss(service, 1)
    watch(service, 1, 0.25)
    watch(service, 1, 0.5)
    assert shown() == ([2], [])
    dismiss(service, 1, "DELETE")
    assert shown() == ([2], [(1, 0.5)])
    dismiss(service, 1)
    watch(service, 1, 1)
    assert ViewCount.objects.get(movie_id=1).views == 10
    dismiss(service, 1, "DELETE")
    assert shown() == ([2], [])


def test_nothing_is_left_when_everything_is_dismissed(store: None, service: Caller):
    for movie_id in MOVIES:
        dismiss(service, movie_id)
    assert shown() == ([], [])
    dismiss(service, 3, "DELETE")
    assert shown() == ([3], [])


def test_each_change_marks_the_user_for_a_new_list(store: None, service: Caller):
    for method in ("PUT", "DELETE"):
        assert not ChangedUser.objects.filter(user_id=7).exists()
        dismiss(service, 1, method)
        assert ChangedUser.objects.get(user_id=7).mark is not None
        ChangedUser.objects.all().delete()


def test_more_than_the_limit_is_409_and_changes_nothing(store: None, service: Caller):
    full = UserLists(dismissed=tuple(range(1_001, 1_001 + MAX_DISMISSED)))
    stores.current().write([(7, full)])
    answer = service("PUT", "/tetraflix/dismissed/7/1")
    assert (answer.status_code, answer.json()) == (
        409,
        {
            "detail": "User 7 has dismissed 1,000 movies, which is the limit."
            " Undo the dismissal of another movie first."
        },
    )
    assert stores.current().read(7) == full
    assert not ChangedUser.objects.filter(user_id=7).exists()
    assert service("DELETE", "/tetraflix/dismissed/7/1001").status_code == 204
    dismiss(service, 1)


def test_a_movie_that_does_not_exist_is_404(store: None, service: Caller):
    for method in ("PUT", "DELETE"):
        answer = service(method, "/tetraflix/dismissed/7/99")
        assert (answer.status_code, answer.json()) == (404, {"detail": "There is no movie 99."})
    assert stores.current().read(7) is None


def test_a_deleted_movie_is_undone_once(store: None, service: Caller):
    dismiss(service, 1)
    Movie.objects.filter(id=1).delete()
    codes = [service("DELETE", "/tetraflix/dismissed/7/1").status_code for _ in range(2)]
    assert codes == [204, 404]


@pytest.mark.parametrize("method", ["DELETE", "PUT"])
@pytest.mark.parametrize("path", ["x/1", "5/0", f"{MAX_BIGINT + 1}/1", "5/1.0"])
def test_what_is_no_user_or_movie_is_404(service: Caller, method: str, path: str):
    answer = service(method, f"/tetraflix/dismissed/{path}")
    assert answer.status_code == 404
    assert answer.json() == {"detail": "A user and a movie are whole numbers from 1 on."}

"""Whatever happens in whatever order: an own list shows nothing that the user must not see, and is never empty."""

from datetime import timedelta

import orjson
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TransactionTestCase

from movies.models import Movie
from recommendations import services, stores
from recommendations.recommender import refresh, snapshot
from recommendations.user_lists import BUS
from tests.movies.factories import movie
from tests.recommendations.recommender.test_refresh import NOW, report

MOVIES = 24
USERS = (7, 8)
PLACES = st.integers(0, MOVIES - 1)
USER = st.sampled_from(USERS)
ACTIONS = st.one_of(
    st.tuples(st.just("finish"), USER, PLACES),
    st.tuples(st.just("begin"), USER, PLACES),
    st.tuples(st.just("dismiss"), USER, PLACES),
    st.tuples(st.just("undo"), USER, PLACES),
    st.tuples(st.just("hide"), USER, PLACES),
    st.tuples(st.just("show"), USER, PLACES),
    st.tuples(st.just("delete"), USER, PLACES),
    st.tuples(st.just("refresh"), USER, PLACES),
    st.tuples(st.just("reload"), USER, PLACES),
)


class World:
    """The service, and what each user must not be shown."""

    def __init__(self) -> None:
        # twins, so that the limit for each profile matters
        self.movies = [movie(f"Movie {n}", western=n % 7, drama=100 - n % 7) for n in range(MOVIES)]
        self.ids = [each.id for each in self.movies]
        self.finished: dict[int, set[int]] = {user: set() for user in USERS}
        self.begun: dict[int, set[int]] = {user: set() for user in USERS}
        self.dismissed: dict[int, set[int]] = {user: set() for user in USERS}
        self.invisible: set[int] = set()
        self.deleted: set[int] = set()
        self.moment = 0

    def do(self, action: str, user: int, place: int) -> None:
        self.moment += 1
        at, movie_id = NOW - timedelta(hours=2) + timedelta(seconds=self.moment), self.ids[place]
        if action in ("finish", "begin") and movie_id not in self.deleted:
            report(user, self.movies[place], progress=1 if action == "finish" else 0.5, at=at)
            self.finished[user] |= {movie_id} if action == "finish" else set()
            self.begun[user] = (self.begun[user] - {movie_id}) | ({movie_id} if action == "begin" else set())
        elif action == "dismiss" and movie_id not in self.deleted:
            services.dismiss(user_id=user, movie_id=movie_id)
            self.dismissed[user].add(movie_id)
        elif action == "undo" and movie_id in self.dismissed[user]:
            services.undo_dismissal(user_id=user, movie_id=movie_id)
            self.dismissed[user].discard(movie_id)
        else:
            self.change(action, movie_id)

    def change(self, action: str, movie_id: int) -> None:
        """A change of the inventory, or work of the recommender."""
        stored = Movie.objects.filter(id=movie_id)
        if action == "hide":
            stored.update(hidden=True)
            self.invisible.add(movie_id)
        elif action == "show":
            stored.update(hidden=False)
            self.invisible.discard(movie_id)
        elif action == "delete":
            stored.delete()
            self.deleted.add(movie_id)
        elif action == "refresh":
            refresh.refresh_changed(seconds=60)
        elif action == "reload":
            snapshot.clear()

    def check(self, user: int) -> None:
        answer = orjson.loads(services.shown_to(user).json())
        listed = [each["id"] for each in answer["recommendations"]]
        unwanted = (
            self.finished[user] | self.begun[user] | self.dismissed[user] | self.invisible | self.deleted
        )
        assert not unwanted.intersection(listed)
        assert len(listed) == len(set(listed)) <= 20
        assert bool(listed) == bool(set(self.ids) - unwanted)
        kept = stores.current().read(user)
        if kept and kept.recommended_by != BUS:
            profiles = [tuple(self.movies[self.ids.index(each)].profile) for each in kept.recommended]
            assert max(map(profiles.count, profiles), default=0) <= 3


class OwnLists(TransactionTestCase):
    @override_settings(RECOMMEND_SECONDS=0)
    @settings(max_examples=25)
    @given(actions=st.lists(ACTIONS, min_size=1, max_size=20))
    def test_whatever_happens(self, actions: list[tuple[str, int, int]]) -> None:
        snapshot.clear()
        world = World()
        for action in actions:
            world.do(*action)
            for user in USERS:
                world.check(user)

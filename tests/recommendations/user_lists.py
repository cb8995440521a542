"""Gives users lists, and says where and in what form the API serves them."""

from datetime import UTC, datetime, timedelta
from functools import partial

from recommendations import stores
from recommendations.lists import apply_events, recommend
from recommendations.user_lists import Event

AT = datetime(2017, 9, 8, 12, 50, tzinfo=UTC)


def address(user_id: object) -> str:
    return f"/tetraflix/recommendations/{user_id}"


def give(user_id: int, recommended: list[int], watching: dict[int, float] | None = None) -> None:
    """Stores a list, and movies in progress, the last of them watched latest."""
    begun = [
        Event(movie_id, progress, AT + timedelta(minutes=number), finished=False, reported_at=AT)
        for number, (movie_id, progress) in enumerate((watching or {}).items())
    ]
    known = set(recommended)
    bus_list = partial(recommend, movie_ids=recommended, at=AT, known=known, hold=timedelta(days=7))
    stores.current().update({user_id: bus_list})
    stores.current().update({user_id: partial(apply_events, events=begun)})

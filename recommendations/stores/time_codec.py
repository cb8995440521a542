"""Encodes times as whole microseconds since 1970, as both stores keep them inside JSON and documents."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from recommendations.user_lists import Finish

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_microseconds(at: datetime) -> int:
    """The time as microseconds since 1970; negative before."""
    return (at - EPOCH) // MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """The inverse of `to_microseconds`, in UTC."""
    return EPOCH + microseconds * MICROSECOND


def finish_times(finish: Finish) -> list[int]:
    """The times of a finish as microseconds: `at`, `reported_at`, and `effective_at` if it has one."""
    times = [finish.at, finish.reported_at, *([finish.effective_at] if finish.effective_at else [])]
    return [to_microseconds(at) for at in times]


def to_finish(movie_id: int, times: Iterable[int]) -> Finish:
    """The finish with these `finish_times`."""
    return Finish(movie_id, *map(from_microseconds, times))

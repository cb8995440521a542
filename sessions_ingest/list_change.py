"""The change that messages make to one user's lists, and the lists before and after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from recommendations import lists
from recommendations.user_lists import EMPTY_LISTS, Event, UserLists
from sessions_ingest.messages import Recommendations


@dataclass(slots=True)
class ListChange:
    """A stores.Change: applies the messages to one user's lists. The store may call it more than once."""

    events: Sequence[Event]
    rec: Recommendations | None
    existing: set[int]  # ids of movies
    finished_since: set[int]
    # lists of the last call
    before: UserLists = EMPTY_LISTS
    after: UserLists = EMPTY_LISTS

    def __call__(self, before: UserLists) -> UserLists:
        after = lists.apply_events(lists.drop_finished(before, settings.FINISHED_MARK), self.events)
        if rec := self.rec:
            hold = timedelta(days=settings.BUS_LISTS_HOLD_DAYS)
            after = lists.recommend(
                after, rec.movie_ids, rec.at, self.existing, self.finished_since, hold=hold
            )
        self.before, self.after = before, after
        return after

    def superseded(self) -> list[Event]:
        """The events that changed nothing, because something newer is on record."""
        return lists.superseded(self.before, self.after, self.events)

    def newer_list(self, than: Recommendations) -> datetime | None:
        """The time of the stored list, if that is newer than this one, which is then not stored."""
        stored = self.after.recommended_at
        return stored if stored and stored > than.at else None

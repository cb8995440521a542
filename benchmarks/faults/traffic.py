"""Messages drawn from a seed, in phases, and the reference model of what must come of them.

Whatever order they arrive in, the result is certain, because the draw keeps to what the contract decides:

- Phases of lists and of sessions alternate, and each is sent in a later millisecond than the one before. So which
  finishes precede a list is certain. A user gets at most one list in a phase, which may be sent twice.
- Users watch at most 15 movies, and finish at most MOST_FINISHES times between two lists.
- A user has at most one event with a time ahead of its sending, or without one, in a phase; its movie has no others.
- A session is re-sent later only if all its times are stated and in the past, and the user got no list in between.
- Movies that are deleted in the second half of a run are named in the first half only.
"""

import json
import random
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from benchmarks.faults.model import Model, Said

SESSIONS, RECS = "sessionData", "userRecs"
PHASE = 400  # sessions in a phase
SESSIONS_A_USER = 40  # on average, in a whole run
FEWEST_USERS = 60
MOST_FINISHES = 18
RECENT = 1_600_000_000  # later than any time that a session states, unless that is ahead
LONG_AGO = 1_504_224_000  # 2017-09-01
DAYS = 60  # from then on
MOST_DELAY = 5  # seconds
RATED = 0.01  # share of the events that have a rating

# movies, by what happens to them
WATCHED = range(1, 101)  # begun and finished
LISTED = range(101, 161)  # recommended, and finished with times ahead
AHEAD = 161  # its events state times ahead of their sending, or none
DOOMED = range(171, 191)  # recommended and finished in the first half, deleted in the second
EDITED = range(
    201, 241
)  # recommended, never watched: views of a day have the profile of when they were counted
UNKNOWN = 900
MOVIES = (*WATCHED, *LISTED, AHEAD, *DOOMED, *EDITED)

# bodies that can never be applied, and how the reasons begin; a number in place of # makes each unique
INVALID = {
    SESSIONS: [
        ('{"userId": 1, "events": [{"movie": {"id": 5}, "progress": 7}], "n": #}', "events[0].progress: "),
        ('{"userId": 1, "events": [{"movie": {"id": "x"}, "progress": 1}], "n": #}', "events[0].movie.id: "),
        (
            '{"userId": #, "events": [{"movie": {"id": 5}, "progress": 1, "timestamp": "9999-01-01T00:00:00Z"}]}',
            "events[0].timestamp: ",
        ),
        ('{"events": [], "n": #}', "missing"),
        ('{"userId": -#, "events": []}', "userId: "),
        ("not JSON #", "not valid JSON"),
    ],
    RECS: [
        ('{"userId": "#", "rec": "3"}', "rec: "),
        ('{"userId": 0, "rec": [#]}', "userId: "),
        ("[#", "not valid JSON"),
    ],
}

Body = dict[str, Any]


class Outgoing(NamedTuple):
    """A message to send."""

    queue: str
    body: str
    delay: int = 0  # seconds that SQS holds it back


class Traffic:
    """The phases of a run, and what must come of those drawn so far."""

    def __init__(self, seed: int, messages: int, start: datetime) -> None:
        """`start`: of the run; nothing but times ahead depends on it."""
        self.messages, self.start = messages, int(start.timestamp())
        self.users = max(FEWEST_USERS, messages // SESSIONS_A_USER)
        self.model = Model[int](set(MOVIES))
        self.invalid: dict[str, dict[str, str]] = {
            SESSIONS: {},
            RECS: {},
        }  # bodies, and how the reasons begin
        self._random = random.Random(f"traffic {seed}")
        self._words = random.Random(f"words {seed}")  # draws what is said about events, and nothing else
        self._drawn = self._round = 0
        self._taste: dict[int, list[int]] = {}
        self._full: set[int] = set()  # users with as many finishes as may be before the next list
        self._repeatable: deque[tuple[int, str]] = deque()  # user and body of past sessions

    def phases(self) -> Iterator[list[Outgoing]]:
        """Messages to send in any order, the next phase in a later millisecond. The model has them before.

        An empty phase marks the middle of the run, where all that was sent has to be applied.
        """
        middle = False
        while self._drawn < self.messages:
            if not middle and not self._first_half:
                middle = True
                self._repeatable.clear()
                yield []
            for draw in (self._lists, self._sessions):
                phase = draw()
                self._random.shuffle(phase)
                self._drawn += len(phase)
                yield phase
            self._round += 1

    @property
    def _first_half(self) -> bool:
        return 2 * self._drawn < self.messages

    def _lists(self) -> list[Outgoing]:
        users = self._full.union(self._random.choices(range(1, self.users + 1), k=PHASE // 8))
        self._full = set()
        self._repeatable = deque((user, body) for user, body in self._repeatable if user not in users)
        phase = [self._list(user) for user in sorted(users)]
        phase += [message for message in phase if self._random.random() < 0.05]
        if self._random.random() < 0.3:
            phase.append(self._invalid(RECS))
        return phase

    def _list(self, user: int) -> Outgoing:
        others = [*LISTED, *EDITED, *(DOOMED if self._first_half else ())]
        movies = [*self._random.sample(self._tastes(user), 10), *self._random.choices(others, k=14), UNKNOWN]
        self._random.shuffle(movies)
        self.model.recommended(user, movies)
        return self._outgoing(RECS, {"userId": self._spelt(user), "rec": movies})

    def _sessions(self) -> list[Outgoing]:
        phase: list[Outgoing] = []
        repeatable: list[tuple[int, str]] = []
        ahead: set[int] = set()
        for _ in range(PHASE):
            user = self._random.randint(1, self.users)
            group = self._words.choice((None, None, "fixed", "modelled", 0, 1))
            events = [self._event(user, group) for _ in range(self._random.randint(1, 3))]
            stated = True
            if user not in ahead and self._random.random() < 0.3:
                ahead.add(user)
                stated = False
                events.append(self._event_ahead(user, group))
            body = {"userId": self._spelt(user), "events": events}
            message = self._outgoing(SESSIONS, body if group is None else body | {"groupId": group})
            phase.append(message)
            if stated:
                repeatable.append((user, message.body))
        phase += [message for message in phase if self._random.random() < 0.1]
        late = self._random.sample(self._repeatable, min(len(self._repeatable), PHASE // 20))
        phase += [Outgoing(SESSIONS, body) for _, body in late]
        phase += [self._invalid(SESSIONS) for _ in range(self._random.randint(1, PHASE // 100))]
        self._repeatable = deque([*self._repeatable, *repeatable], maxlen=2 * PHASE)
        return phase

    def _event(self, user: int, group: int | str | None) -> Body:
        movie = self._random.choice(self._tastes(user))
        at = LONG_AGO + 60 * self._random.randrange(60 * 24 * DAYS)
        finished = self._random.random() < 0.5 and self._may_finish(user)
        chance = self._random.random()
        if chance < 0.02:
            movie = UNKNOWN
        elif finished and chance < 0.04:
            movie = self._random.choice(LISTED)
        elif finished and chance < 0.08 and self._first_half:
            movie = self._random.choice(DOOMED)
        return self._reported(user, movie, 1 if finished else self._share(), at, group)

    def _event_ahead(self, user: int, group: int | str | None) -> Body:
        finished = self._random.random() < 0.25 and self._may_finish(user)
        progress = 1 if finished else self._share()
        if finished or self._random.random() < 0.5:
            at = self.start + self._random.randrange(4 * 3600, 20 * 3600)
            return self._reported(user, AHEAD, progress, at, group)
        event, said = self._said({"movie": {"id": AHEAD}, "progress": progress}, group)
        self.model.watched(user, AHEAD, progress, self._sent, self._sent, said)
        return event

    def _reported(self, user: int, movie: int, progress: float, at: int, group: int | str | None) -> Body:
        time = datetime.fromtimestamp(at, UTC)
        texts = [
            ("timestamp", time.isoformat()),
            ("startTime", f"{time:%Y-%m-%dT%H:%M:%S}.000Z"),
            ("timestamp", (time + timedelta(hours=2)).isoformat().replace("+00:00", "+02:00")),
        ]
        if not at % 60:
            texts.append(("timestamp", f"{time:%Y-%m-%d} {time.hour % 12 or 12}:{time:%M%p}"))
        key, text = self._random.choice(texts)
        event, said = self._said({"movie": {"id": movie}, "progress": progress, key: text}, group)
        self.model.watched(user, movie, progress, at, self._sent, said)
        return event

    def _said(self, event: Body, group: int | str | None) -> tuple[Body, Said]:
        """The event with what Events may say about it, and the same for the model."""
        is_rec = self._words.choice((None, True, False))
        if is_rec is not None:
            event["movie"]["isRec"] = is_rec
        rated = self._words.random() < RATED
        if rated:
            self._words.choice((event, event["movie"]))["rating"] = self._words.randint(1, 5)
        return event, Said(is_rec, None if group is None else str(group), rated)

    @property
    def _sent(self) -> int:
        return RECENT + self._round  # only the order of the phases matters

    def _may_finish(self, user: int) -> bool:
        if self.model.finishes_since(user) < MOST_FINISHES:
            return True
        self._full.add(user)
        return False

    def _share(self) -> float:
        return round(self._random.uniform(0, 0.99), 2)

    def _tastes(self, user: int) -> list[int]:
        if user not in self._taste:
            self._taste[user] = self._random.sample(WATCHED, 15)
        return self._taste[user]

    def _spelt(self, user: int) -> int | str:
        return user if self._random.random() < 0.5 else str(user)

    def _outgoing(self, queue: str, body: Body) -> Outgoing:
        delay = self._random.randint(1, MOST_DELAY) if self._random.random() < 0.03 else 0
        return Outgoing(queue, json.dumps(body), delay)

    def _invalid(self, queue: str) -> Outgoing:
        body, reason = self._random.choice(INVALID[queue])
        body = body.replace("#", str(self._drawn + len(self.invalid[queue]) + 10))
        self.invalid[queue][body] = reason
        return Outgoing(queue, body)

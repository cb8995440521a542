"""Random messages with a model of what must come of them, and the check that the service agrees with it."""

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from movies.models import Movie, View, ViewCount
from movies.outbox import bus
from recommendations import stores
from tests.sessions_ingest.reference_model import Model
from tests.waiting import wait_until

USERS = 60
INVALID = '{"userId": 1, "events": [{"movie": {"id": 5}, "progress": 7}]}'
LONG_AGO = datetime(2017, 9, 1, tzinfo=UTC)
RECENT = datetime(2020, 1, 1, tzinfo=UTC)  # later than any time that a session states, unless it is ahead
AHEAD = 161  # the movie whose events state times ahead of their sending, or none

Body = dict[str, Any]


def traffic(seed: int, sessions: int) -> tuple[Model, list[list[str]]]:
    """The model of the result, and the messages: rounds of bodies, to be sent one round after the other.

    Users watch at most 15 movies, of 1-100, and are recommended those and 101-160; 900 does not exist.
    The times of events are unrelated to the order of sending, and one message in six is sent twice. Rounds of
    lists and of sessions alternate, so which finishes precede a list is certain. A user's event with a time
    ahead is sent at most once a round, so what follows it is certain, too.
    """
    random_ = random.Random(seed)
    model = Model(movies=set(range(1, 162)))
    taste = {user: random_.sample(range(1, 101), 15) for user in range(1, USERS + 1)}
    rounds: list[list[str]] = []
    for round_ in range(10):
        bodies: list[str] = []
        for user in range(1, USERS + 1):
            if (user + round_) % 3:  # so that no user has more than 20 finishes between lists
                movies = [*random_.sample(taste[user], 10), *random_.choices(range(101, 161), k=14), 900]
                random_.shuffle(movies)
                model.recommended(user, movies)
                bodies.append(json.dumps({"userId": user, "rec": movies}))
        rounds.append(bodies)
        bodies, ahead = [], set[int]()
        sent = RECENT + timedelta(hours=round_)  # in the model only the order of the rounds matters
        for _ in range(sessions // 10):
            user = random_.randint(1, USERS)
            events = [event(random_, taste[user], model, user, sent) for _ in range(2)]
            if user not in ahead and random_.random() < 0.5:
                ahead.add(user)
                events.append(event_ahead(random_, model, user, sent))
            bodies.append(json.dumps({"userId": random_.choice([user, str(user)]), "events": events}))
        again = [body for body in bodies if random_.random() < 1 / 6]
        bodies += [*again, INVALID]
        random_.shuffle(bodies)
        rounds.append(bodies)
    return model, rounds


def event(random_: random.Random, taste: list[int], model: Model, user: int, sent: datetime) -> Body:
    movie = random_.choice(taste)
    progress = random_.choice([1, 1, round(random_.uniform(0, 0.99), 2), round(random_.uniform(0, 0.99), 2)])
    at = LONG_AGO + timedelta(minutes=random_.randint(0, 60 * 24 * 60))
    if random_.random() < 0.02:
        movie, progress, at = random_.randint(101, 160), 1, ahead_of_now(random_)
    elif random_.random() < 0.02:
        movie = 900
    model.watched(user, movie, progress, at, sent)
    return {"movie": {"id": movie}, "progress": progress, "timestamp": at.isoformat()}


def event_ahead(random_: random.Random, model: Model, user: int, sent: datetime) -> Body:
    progress = random_.choice([1, *(round(random_.uniform(0, 0.99), 2) for _ in range(3))])
    at = ahead_of_now(random_) if progress == 1 or random_.random() < 0.5 else None
    model.watched(user, AHEAD, progress, at or sent, sent)
    return {"movie": {"id": AHEAD}, "progress": progress} | ({"timestamp": at.isoformat()} if at else {})


def ahead_of_now(random_: random.Random) -> datetime:
    return datetime.now(UTC) + timedelta(hours=random_.uniform(1, 23))


def send(rounds: list[list[str]]) -> None:
    """Sends each round to its queues, and the next one in a later millisecond."""
    queues = {True: bus.queue("userRecs").url, False: bus.queue("sessionData").url}

    def send_batch(url: str, bodies: list[str]) -> None:
        entries: list[Any] = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        assert not bus.shared_client().send_message_batch(QueueUrl=url, Entries=entries).get("Failed")

    with ThreadPoolExecutor(4) as pool:
        for bodies in rounds:
            jobs = []
            for is_list, url in queues.items():
                mine = [body for body in bodies if ('"rec"' in body) == is_list]
                jobs += [pool.submit(send_batch, url, mine[i : i + 10]) for i in range(0, len(mine), 10)]
            for job in jobs:
                job.result()
            # send times have millisecond precision: the next round must differ
            wait_until(partial(later_than, time.time_ns() // 1_000_000))


def later_than(millisecond: int) -> bool:
    return time.time_ns() // 1_000_000 > millisecond


def add_movies() -> None:
    Movie.objects.bulk_create(
        Movie(id=id_, title=f"Movie {id_}", profile=[100] + [0] * 14) for id_ in range(1, 162)
    )


def waiting() -> int:
    """Messages in both queues."""
    return bus.depth(bus.queue("sessionData").url) + bus.depth(bus.queue("userRecs").url)


def assert_as_the_model_says(model: Model, dead_lettered: int) -> None:
    views = dict(ViewCount.objects.exclude(views=0).values_list("movie_id", "views"))
    assert views == model.views()
    assert View.objects.count() == sum(views.values())
    shown = {user: stores.current().read(user) for user in model.users()}
    assert {
        user: [(entry.movie_id, entry.progress, min(entry.at, RECENT)) for entry in lists.watching]
        for user, lists in shown.items()
        if lists
    } == {
        user: [(movie, progress, min(at, RECENT)) for movie, progress, at in model.currently_watching(user)]
        for user in model.users()
    }
    assert {user: list(lists.recommended) for user, lists in shown.items() if lists} == {
        user: model.recommendations(user) for user in model.users()
    }
    # copied before it is deleted: a kill in between makes two copies, never none
    assert bus.depth(bus.queue("sessionData").dead_url) >= dead_lettered
    assert bus.depth(bus.queue("userRecs").dead_url) == 0

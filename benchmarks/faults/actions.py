"""What each kind of fault does to the world."""

import random
import signal
import time
from collections.abc import Callable
from functools import partial

from django.db import connection

from benchmarks.faults.model import InventoryModel
from benchmarks.faults.schedule import Fault, Kind
from benchmarks.faults.traffic import AHEAD, DOOMED, EDITED, LISTED, RECS, SESSIONS, WATCHED
from benchmarks.faults.world import Program, World
from movies.inventory import services
from movies.inventory.validation import NewMovie
from movies.viewing import popularity

ACTOR = "simulator of faults"
FIRST_ADDED = 1_001  # ids of movies that are added and deleted in between; no message names them
BEHIND_A_CLOCK_AHEAD = ("-m", "benchmarks.faults.programs", "ahead")
REFUSALS = {Kind.SQS_THROTTLED: (400, "ThrottlingException"), Kind.SQS_ERRORS: (503, "ServiceUnavailable")}
UNANSWERED = {
    Kind.DELETE_UNANSWERED: ("DeleteMessageBatch",),
    Kind.SEND_UNANSWERED: ("SendMessageBatch", "SendMessage"),
    Kind.RECEIVE_UNANSWERED: ("ReceiveMessage",),
}


def profile(number: int) -> tuple[int, ...]:
    """A genre profile that differs between neighbours."""
    weights = [0] * 15
    for place, weight in ((number, 50), (number // 15 + 4, 30), (number // 7 + 9, 20)):
        weights[place % 15] += weight
    return tuple(weights)


class Actions:
    """Carries out faults, one after the other, and keeps the model of the inventory."""

    def __init__(self, world: World, inventory: InventoryModel) -> None:
        self.world, self.inventory = world, inventory
        self._next_added = FIRST_ADDED
        w = world
        self._do: dict[Kind, Callable[[random.Random], object]] = {
            Kind.CONSUMER_KILLED: lambda _: self._again(w.consumer, Program.kill),
            Kind.CONSUMER_STOPPED: lambda _: self._again(w.consumer, Program.stop),
            Kind.CONSUMER_CLOCK: lambda _: self._again(w.consumer, Program.kill, BEHIND_A_CLOCK_AHEAD),
            Kind.SECOND_CONSUMER: self._second_consumer,
            Kind.PUBLISHER_KILLED: lambda _: self._again(w.publisher, Program.kill),
            Kind.POSTGRES_RESTARTED: self._restart_postgres,
            Kind.POSTGRES_KILLED: self._kill_postgres,
            Kind.COMMIT_LOST: partial(self._commits, "commits_to_lose"),
            Kind.COMMIT_UNANSWERED: partial(self._commits, "answers_to_lose"),
            Kind.POSTGRES_SLOW: lambda r: w.postgres_proxy.slow(delay=r.uniform(0.02, 0.2), seconds=1),
            Kind.POSTGRES_HALF_OPEN: lambda r: w.postgres_proxy.half_open(seconds=r.uniform(0.2, 2)),
            Kind.MONGODB_KILLED: self._kill_mongodb,
            Kind.SQS_KILLED: self._kill_sqs,
            Kind.QUEUES_DELETED: self._delete_queues,
            Kind.DELETE_UNANSWERED: partial(self._lose_answers, Kind.DELETE_UNANSWERED),
            Kind.DELETE_WITHOUT_EFFECT: self._ignore_deletes,
            Kind.SEND_UNANSWERED: partial(self._lose_answers, Kind.SEND_UNANSWERED),
            Kind.RECEIVE_UNANSWERED: partial(self._lose_answers, Kind.RECEIVE_UNANSWERED),
            Kind.SQS_THROTTLED: partial(self._refuse, Kind.SQS_THROTTLED),
            Kind.SQS_ERRORS: partial(self._refuse, Kind.SQS_ERRORS),
            Kind.SQS_SLOW: lambda r: w.sqs_proxy.slow(delay=r.uniform(0.02, 0.2), seconds=1),
            Kind.SQS_HALF_OPEN: lambda r: w.sqs_proxy.half_open(seconds=r.uniform(0.2, 2)),
            Kind.POPULARITY: lambda _: popularity.refresh(),
            Kind.MOVIES_HIDDEN: self._hide_movies,
            Kind.MOVIES_EDITED: self._edit_movies,
            Kind.MOVIES_DELETED: self._delete_movies,
        }

    def carry_out(self, fault: Fault) -> None:
        """Returns when the fault has happened and the servers are back. Raises Stuck."""
        time.sleep(fault.pause)
        try:
            self._do[fault.kind](random.Random(fault.draw))
        finally:
            connection.close()  # the next fault may end PostgreSQL

    def add_movies(self, ids: list[int]) -> None:
        """Adds movies that were never there."""
        new = [NewMovie(title=f"Movie {id_}", profile=list(profile(id_)), movie_id=id_) for id_ in ids]
        services.add_movies(actor=ACTOR, movies=new)
        for id_ in ids:
            self.inventory.add(id_, f"Movie {id_}", profile(id_))

    def _again(self, program: Program, end: Callable[[Program], None], wrapper: tuple[str, ...] = ()) -> None:
        program.wait_ready()  # so that it is at work when it ends
        end(program)
        program.start(wrapper=wrapper)

    def _second_consumer(self, _: random.Random) -> None:
        if self.world.second.wanted:
            self.world.second.wait_ready()
            self.world.second.stop()
        else:
            self.world.second.start()

    def _restart_postgres(self, _: random.Random) -> None:
        postgres = self.world.postgres
        assert postgres.child
        assert postgres.child.process
        postgres.child.process.send_signal(signal.SIGQUIT)
        postgres.child.wait(seconds=30)
        postgres.start()

    def _kill_postgres(self, _: random.Random) -> None:
        self.world.postgres.kill()
        self.world.postgres.start()

    def _kill_mongodb(self, _: random.Random) -> None:
        assert self.world.mongodb
        self.world.mongodb.kill()
        self.world.mongodb.start()

    def _commits(self, counter: str, random_: random.Random) -> None:
        setattr(self.world.postgres_proxy, counter, random_.randint(1, 3))

    def _kill_sqs(self, _: random.Random) -> None:
        self.world.sqs.kill()
        self.world.sqs.start()

    def _delete_queues(self, _: random.Random) -> None:
        """The caller has seen to it that they are empty. The consumer creates them again."""
        for queue in (SESSIONS, RECS):
            self.world.direct.delete_queue(QueueUrl=self.world.url(queue))
        self.world.sqs_proxy.cut()  # else long polls would not know for 20 s

    def _lose_answers(self, kind: Kind, random_: random.Random) -> None:
        for operation in UNANSWERED[kind]:
            self.world.sqs_proxy.answers_to_lose[operation] += random_.randint(1, 6)

    def _ignore_deletes(self, random_: random.Random) -> None:
        self.world.sqs_proxy.deletes_to_ignore += random_.randint(1, 6)

    def _refuse(self, kind: Kind, random_: random.Random) -> None:
        self.world.sqs_proxy.refusals.extend([REFUSALS[kind]] * random_.randint(2, 20))

    def _hide_movies(self, random_: random.Random) -> None:
        kept = self.inventory.movies
        chosen = random_.sample([id_ for id_ in kept if id_ < FIRST_ADDED], 10)
        hidden = random_.random() < 0.5
        (services.hide_movies if hidden else services.show_movies)(actor=ACTOR, movie_ids=chosen)
        for id_ in sorted(chosen):
            self.inventory.change(id_, hidden=hidden)

    def _edit_movies(self, random_: random.Random) -> None:
        for id_ in random_.sample([*WATCHED, *LISTED, AHEAD], 3):
            title = f"Movie {id_}, {random_.randint(2, 10**6)}"
            services.change_movie(actor=ACTOR, movie_id=id_, title=title)
            self.inventory.change(id_, title=title)
        for id_ in random_.sample(EDITED, 3):
            new = profile(random_.randint(1, 10**6))
            services.change_movie(actor=ACTOR, movie_id=id_, profile=list(new))
            self.inventory.change(id_, profile=new)

    def _delete_movies(self, random_: random.Random) -> None:
        """Deletes what no message names any more, and adds as many."""
        could = [id_ for id_ in self.inventory.movies if id_ in DOOMED or id_ >= FIRST_ADDED]
        chosen = random_.sample(could, min(3, len(could)))
        services.delete_movies(actor=ACTOR, movie_ids=chosen)
        for id_ in chosen:
            self.inventory.delete(id_)
        added = range(self._next_added, self._next_added + 3)
        self._next_added += 3
        self.add_movies(list(added))

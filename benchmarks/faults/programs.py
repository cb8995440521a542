"""Programs that the simulator starts beside the service's own: a publisher of the outbox, and a wrong clock.

`python -m benchmarks.faults.programs publish`, `python -m benchmarks.faults.programs ahead manage.py consume`
"""

import datetime as dt
import logging
import os
import runpy
import sys
import time

import django
import time_machine
from django.db import Error, close_old_connections

from movies.outbox import publisher

AHEAD = dt.timedelta(minutes=10)
PAUSE_SECONDS = 1.0  # its transactions, too, take faults that are meant for commits
PUBLISHING = "Publishing the outbox"  # what it writes once it runs


def publish() -> None:
    """Publishes the outbox until killed, as the worker does after each change and by schedule."""
    django.setup()
    print(PUBLISHING, flush=True)
    while True:
        try:
            publisher.publish(seconds=5)
        except (publisher.BusUnavailable, Error) as error:
            logging.getLogger(__name__).warning("cannot publish now: %s", error)
            close_old_connections()
        time.sleep(PAUSE_SECONDS)


def run_ahead(argv: list[str]) -> None:
    """Runs a Python program that reads a clock AHEAD of the real one."""
    with time_machine.travel(dt.datetime.now(dt.UTC) + AHEAD, tick=True):
        sys.argv = argv
        sys.path.insert(0, os.getcwd())
        runpy.run_path(argv[0], run_name="__main__")


if __name__ == "__main__":
    if sys.argv[1] == "publish":
        publish()
    else:
        run_ahead(sys.argv[2:])

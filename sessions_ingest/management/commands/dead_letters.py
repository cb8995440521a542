"""Looks at the messages that were put aside, puts them back after a fix, or discards them."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from movies.foundation import actors
from movies.outbox import bus
from sessions_ingest import dead_letters

SHOWN = 500  # characters of a body; --json has all


class Command(BaseCommand):
    help = (
        "Looks at messages that were put aside (list), puts them back after a fix (redrive), "
        "or discards them (discard). Each act is on record."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=["list", "redrive", "discard"])
        parser.add_argument("--queue", help="only those of this queue, e.g. sessionData (all queues)")
        parser.add_argument(
            "--id", action="append", dest="ids", metavar="ID", help="only this one; may be repeated"
        )
        parser.add_argument("--all", action="store_true", help="discard: yes, every one")
        parser.add_argument(
            "--limit", type=int, default=100, help="list: at most so many of each queue (100)"
        )
        parser.add_argument(
            "--json", action="store_true", help="list: one JSON object a line, bodies in full"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        queues = [options["queue"]] if options["queue"] else list(bus.queue_names())
        try:
            if options["act"] == "list":
                self._list(queues, limit=options["limit"], as_json=options["json"])
            else:
                self._act(queues, **options)
        except dead_letters.QueueUnreachable as error:
            raise CommandError(str(error)) from error

    def _list(self, queues: list[str], *, limit: int, as_json: bool) -> None:
        letters = [letter for queue in queues for letter in dead_letters.look(queue, limit=limit)]
        if as_json:
            for letter in letters:
                told: dict[str, str | int] = {
                    "queue": letter.queue,
                    "id": letter.id,
                    "reason": letter.reason,
                    "body": letter.body,
                }
                told |= {"receives": letter.receives, "sentAt": letter.sent_at.isoformat()}
                self.stdout.write(json.dumps(told))
            return
        if not letters:
            self.stdout.write("No dead letters.")
            return
        for letter in letters:
            shown = letter.body if len(letter.body) <= SHOWN else f"{letter.body[:SHOWN]}..."
            self.stdout.write(
                f"{letter.queue}  {letter.id}  sent {letter.sent_at:%Y-%m-%d %H:%M:%S} UTC, "
                f"received {letter.receives} times\n"
                f"  {letter.reason or 'put aside by SQS after too many tries: see the log of the worker'}\n"
                f"  {shown}"
            )

    def _act(self, queues: list[str], *, act: str, ids: list[str] | None, all: bool, **options: Any) -> None:
        if act == "discard" and not (ids or all):
            raise CommandError("Say which to discard: --id ID, or --all.")
        deal_with = dead_letters.redrive if act == "redrive" else dead_letters.discard
        actor = actors.command_actor()
        missing = set(ids or ())
        for queue in queues:
            outcome = deal_with(queue, actor=actor, ids=missing if ids else None)
            if outcome.done or not ids:
                self.stdout.write(f"{queue}: {outcome.done} {PAST[act]}")
            if outcome.unfinished:
                self.stdout.write(f"{queue}: there may be more; run this again")
            missing &= set(outcome.missing)
            if ids and not missing:
                return
        if missing:
            raise CommandError(f"Not found: {', '.join(sorted(missing))}")


PAST = {"redrive": "put back", "discard": "discarded"}

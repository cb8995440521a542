"""`manage.py dead_letters`: lists dead-lettered messages, redrives them after a fix, or discards them."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from movies.foundation import actors
from movies.outbox import bus
from sessions_ingest import dead_letters

SHOWN_CHARACTERS = 500  # of a body; --json prints all


class Command(BaseCommand):
    help = (
        "Lists dead-lettered messages (list), sends them to their queue again after a fix (redrive), "
        "or deletes them (discard). Each redrive and discard is recorded."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=["list", "redrive", "discard"])
        parser.add_argument("--queue", help="only this queue, e.g. sessionData (default: all queues)")
        parser.add_argument(
            "--id", action="append", dest="ids", metavar="ID", help="only this message; may be repeated"
        )
        parser.add_argument("--all", action="store_true", help="discard: all of them")
        parser.add_argument(
            "--limit",
            type=int,
            default=dead_letters.PEEK_LIMIT,
            help="list: at most so many a queue (%(default)s)",
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
        except dead_letters.DeadLettersUnavailable as error:
            raise CommandError(str(error)) from error

    def _list(self, queues: list[str], *, limit: int, as_json: bool) -> None:
        letters = [letter for queue in queues for letter in dead_letters.peek(queue, limit=limit)]
        if as_json:
            for letter in letters:
                row: dict[str, str | int] = {
                    "queue": letter.queue,
                    "id": letter.id,
                    "reason": letter.reason,
                    "body": letter.body,
                }
                row |= {"receives": letter.receives, "sentAt": letter.sent_at.isoformat()}
                self.stdout.write(json.dumps(row))
            return
        if not letters:
            self.stdout.write("No dead letters.")
            return
        for letter in letters:
            shown = (
                letter.body
                if len(letter.body) <= SHOWN_CHARACTERS
                else f"{letter.body[:SHOWN_CHARACTERS]}..."
            )
            self.stdout.write(
                f"{letter.queue}  {letter.id}  sent {letter.sent_at:%Y-%m-%d %H:%M:%S} UTC, "
                f"received {letter.receives} times\n"
                f"  {letter.reason or dead_letters.DEAD_LETTERED_BY_SQS}\n"
                f"  {shown}"
            )

    def _act(self, queues: list[str], *, act: str, ids: list[str] | None, all: bool, **options: Any) -> None:
        if act == "discard" and not (ids or all):
            raise CommandError("Name the messages to discard: --id ID, or --all.")
        action = dead_letters.redrive if act == "redrive" else dead_letters.discard
        actor = actors.command_actor()
        missing = set(ids or ())
        for queue in queues:
            result = action(queue, actor=actor, ids=missing if ids else None)
            if result.done or not ids:
                self.stdout.write(f"{queue}: {result.done} {PAST[act]}")
            if result.unfinished:
                self.stdout.write(f"{queue}: there may be more: run the command again")
            missing &= set(result.missing)
            if ids and not missing:
                return
        if missing:
            raise CommandError(f"Not found: {', '.join(sorted(missing))}")


PAST = {"redrive": "redriven", "discard": "discarded"}

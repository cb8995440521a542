"""The ASGI application of the embedded SQS server; importing it replays the journal."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from ministack import app as ministack_app
from ministack.core import persistence

from tetraflix.embedded.sqs import NOTE_FILE
from tetraflix.embedded.sqs_server.actions import FOLDER, Data, adopt, install, journal, key_of, queues, write
from tetraflix.embedded.sqs_server.journal import Messages, without_messages

SYNC_SECONDS = 1


async def keep() -> None:
    """Forces the journal to disk each second, and rewrites it when most of it is about what has gone."""
    while True:
        await asyncio.sleep(SYNC_SECONDS)
        with contextlib.suppress(OSError):  # the next round tries again
            await asyncio.to_thread(journal.sync)
            if journal.wants_compaction:
                for _ in journal.compaction(queues):
                    await asyncio.sleep(0)


async def app(
    scope: Data, receive: Callable[[], Awaitable[Data]], send: Callable[[Data], Awaitable[None]]
) -> None:
    """ministack's application, beside which the journal is kept while it runs."""
    if scope["type"] != "lifespan":
        await ministack_app.app(scope, receive, send)
        return
    keeper = asyncio.create_task(keep())

    async def send_after_closing(message: Data) -> None:
        if message["type"] == "lifespan.shutdown.complete":
            keeper.cancel()
            journal.close()
        await send(message)

    await ministack_app.app(scope, receive, send_after_closing)


def take_over_state_of_ministack() -> None:
    """Messages of a server before the journal existed are in ministack's own file."""
    file = FOLDER / "sqs.json"
    if not file.exists():
        return
    persistence.PERSIST_STATE = True
    state = persistence.load_state("sqs") or {}
    persistence.PERSIST_STATE = False
    for _, queue in state["queues"].all_items() if state else ():
        kept, queue["messages"] = queue["messages"], Messages()
        adopt(queue)
        write(["queue", key_of(queue), without_messages(queue)])
        for message in kept:
            message["receipt_handle"] = None
            queue["messages"].by_id[message["id"]] = message
            write(["add", key_of(queue), message])
    journal.sync()
    file.rename(file.with_suffix(".json.old"))


def note() -> str:
    """What to say about the end of the server before."""
    count = sum(len(queue["messages"]) for queue in queues.values())
    kept = "1 message is kept" if count == 1 else f"{count:,} messages are kept"
    if journal.clean:
        return ""
    if journal.rebooted:
        return f"SQS ended with the machine: {kept}; what came in the last second may be lost, or come again."
    return f"SQS was killed: {kept}, nothing is lost."


install()
take_over_state_of_ministack()
(FOLDER / NOTE_FILE).write_text(note())

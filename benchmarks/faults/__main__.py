"""`python -m benchmarks.faults`: a run with faults from a seed; exit code 1 if anything differs from the model."""

import argparse
import importlib
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import django
from rich.console import Console
from rich.table import Table

from benchmarks.faults.progress import Progress
from benchmarks.faults.schedule import Fault, by_kind, schedule, shortest_failing_prefix
from benchmarks.faults.world import SETTINGS, Stuck, mongodb_server, running_world
from benchmarks.measure import ROOT, servers

if TYPE_CHECKING:
    from benchmarks.faults.run import Result

TAIL = 500  # messages sent after the last fault of a prefix
FAILED = 1  # exit code


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="default: a new one")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--faults", type=int, default=1_000)
    parser.add_argument(
        "--store", choices=["postgres", "mongodb"], default="postgres", help="of the users' lists"
    )
    parser.add_argument("--minutes", type=float, default=180, help="the longest that a run may send (180)")
    parser.add_argument(
        "--prefix", type=int, help="only so many faults of the schedule, and the messages up to them"
    )
    parser.add_argument(
        "--shrink-minutes",
        type=float,
        default=60,
        help="the longest search for the shortest failing prefix (60)",
    )
    return parser.parse_args()


def command(args: argparse.Namespace, prefix: int | None) -> list[str]:
    """The words that repeat this run, or a prefix of it."""
    words = ["-m", "benchmarks.faults", "--seed", args.seed, "--messages", args.messages]
    words += ["--faults", args.faults, "--store", args.store, "--minutes", f"{args.minutes:g}"]
    return [str(word) for word in words + (["--prefix", prefix] if prefix is not None else [])]


def carry_out(args: argparse.Namespace, faults: list[Fault], messages: int, console: Console) -> "Result":
    """Runs it in servers of its own. Raises Stuck."""
    os.environ.update(SETTINGS)
    with (
        servers(console) as context,
        mongodb_server(context.folder, wanted=args.store == "mongodb") as mongodb,
    ):
        if mongodb:
            os.environ["MONGODB_URL"] = mongodb.url
        django.setup()
        run = importlib.import_module("benchmarks.faults.run")  # its imports need the settings
        with running_world(context, mongodb) as world:
            traffic = run.prepared(world, args.seed, args.messages)
            work = run.Run(world, traffic, faults, messages=messages, seconds=60 * args.minutes)
            with Progress(console, messages, len(faults)) as shown:
                return work(shown)


def report(result: "Result", console: Console) -> None:
    table = Table(title="Faults")
    table.add_column("kind")
    table.add_column("times", justify="right")
    table.add_column("seconds each", justify="right")
    for kind, times in by_kind(result.done):
        table.add_row(kind, f"{times:,}", f"{result.took[kind] / times:.1f}")
    table.add_section()
    for name, number in (
        ("faults", len(result.done)),
        ("messages", result.sent),
        ("of them sent again, because no answer came", result.repeated),
        *sorted(result.effects.items()),
        *((f"{what} compared", number) for what, number in result.rows.items()),
        ("seconds", round(result.seconds)),
        ("differences", result.differences.count),
    ):
        table.add_row(name, f"{number:,}")
    console.print(table)
    for text in result.differences.first:
        console.print(f"[bold red]differs[/bold red] {text}", highlight=False, soft_wrap=True)


def prefix_fails(args: argparse.Namespace, prefix: int, deadline: float, console: Console) -> bool:
    """Whether a run of this prefix fails in a process of its own; no, if the deadline comes first."""
    left = deadline - time.monotonic()
    if left <= 0:
        return False
    console.print(f"shrinking: the first {prefix} faults", highlight=False)
    words = [sys.executable, *command(args, prefix), "--shrink-minutes", "0"]
    run = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        return run.wait(left) == FAILED
    except subprocess.TimeoutExpired:
        return False
    finally:
        run.terminate()
        run.wait()


def main() -> int:
    args = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    console = Console()
    if not console.is_terminal:
        console.width = 150  # output to a file has no width
    mongodb = args.store == "mongodb"
    faults = schedule(args.seed, messages=args.messages, faults=args.faults, mongodb=mongodb)
    messages = args.messages
    if args.prefix is not None:
        faults = faults[: args.prefix]
        messages = min(messages, (faults[-1].after if faults else 0) + TAIL)
    console.print(f"seed {args.seed}: {messages:,} messages, {len(faults):,} faults", highlight=False)
    try:
        result = carry_out(args, faults, messages, console)
    except Stuck as error:
        console.print(f"[bold red]stuck[/bold red] {error}", highlight=False, soft_wrap=True)
    else:
        report(result, console)
        if not result.differences.count:
            return 0
    prefix = args.prefix
    if args.shrink_minutes:
        deadline = time.monotonic() + 60 * args.shrink_minutes
        prefix = shortest_failing_prefix(
            len(faults), lambda tried: prefix_fails(args, tried, deadline, console)
        )
    console.print(
        f"[bold]seed {args.seed} fails; this repeats it:[/bold] python {' '.join(command(args, prefix))}",
        highlight=False,
        soft_wrap=True,
    )
    return FAILED


if __name__ == "__main__":
    sys.exit(main())

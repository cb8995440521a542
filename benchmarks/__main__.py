"""`python -m benchmarks [name ...]`: runs every benchmark, or those named, and prints one table with their goals."""

import argparse
import importlib
import json
import os
import sys
import time
from pathlib import Path

import django
from rich.console import Console
from rich.table import Table

from benchmarks.measure import ROOT, Context, Row, as_json, servers

PREFIX = "bench_"


def names() -> list[str]:
    """Names of all benchmarks: `reads` is benchmarks/bench_reads.py, and so on."""
    return sorted(file.stem.removeprefix(PREFIX) for file in Path(__file__).parent.glob(f"{PREFIX}*.py"))


def measured(context: Context, wanted: list[str]) -> tuple[list[Row], list[str]]:
    """Rows of the benchmarks, and a line for each that failed."""
    rows: list[Row] = []
    failed: list[str] = []
    for name in wanted:
        started = time.monotonic()
        context.console.rule(f"[bold]{name}", align="left")
        try:
            rows += importlib.import_module(f"benchmarks.{PREFIX}{name}").run(context)
        except Exception as error:
            context.console.print_exception()
            failed.append(f"{name}: {type(error).__name__}: {error}")
        context.say(f"{name}: {time.monotonic() - started:.0f} s")
    return rows, failed


def table(rows: list[Row]) -> Table:
    shown = Table(title="Ratios are to a baseline measured in the same run")
    shown.add_column("measured", overflow="fold")
    for heading in ("value", "unit", "baseline", "ratio", "goal", "met"):
        shown.add_column(heading, justify="right" if heading in ("value", "baseline", "ratio") else "left")
    for row in rows:
        shown.add_row(
            row.name,
            figure(row.value),
            row.unit,
            figure(row.baseline),
            "" if row.ratio is None else f"{row.ratio:.2f}",
            row.goal,
            "" if row.met is None else "[green]yes" if row.met else "[bold red]missed",
        )
    return shown


def figure(number: float | None) -> str:
    if number is None:
        return ""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"any of: {', '.join(names())}")
    wanted = parser.parse_args().names or names()
    if unknown := sorted(set(wanted) - set(names())):
        parser.error(f"no benchmark named {', '.join(unknown)}; there are: {', '.join(names())}")
    console = Console()
    if not console.is_terminal:
        console.width = 150  # output to a file has no width
    var = Path(os.environ.get("TETRAFLIX_VAR") or ROOT / "var")
    with servers(console) as context:
        django.setup()
        rows, failed = measured(context, wanted)
    console.print(table(rows))
    for line in failed:
        console.print(f"[bold red]failed[/bold red] {line}", highlight=False)
    file = var / "bench.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(as_json(rows), indent=1) + "\n")
    console.print(f"Results as JSON: {file}", highlight=False)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""A run with every kind of fault ends with what the model says; one that does not says how to repeat it."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.faults import __main__ as faults
from benchmarks.faults.run import Result
from tests.servers.mongodb import program
from tetraflix.embedded.processes import ChildError

ROOT = Path(__file__).resolve().parents[3]
SEED, MESSAGES, FAULTS = 5783, 1_500, 26
MINUTES = 15  # takes 45 s of CPU


@pytest.mark.timeout(60 * MINUTES + 300)
@pytest.mark.parametrize("store", ["postgres", "mongodb"])
def test_messages_among_faults_of_every_kind_change_what_the_model_says_and_nothing_else(store: str) -> None:
    if store == "mongodb":
        try:
            program()
        except ChildError as error:
            pytest.skip(f"no MongoDB: {error}")
    words = [
        "--seed",
        SEED,
        "--messages",
        MESSAGES,
        "--faults",
        FAULTS,
        "--store",
        store,
        "--minutes",
        MINUTES,
    ]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.faults", *map(str, words), "--shrink-minutes", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    table = {
        cells[0].strip(): cells[1].strip()
        for cells in (line.strip("│ ").split("│") for line in done.stdout.splitlines())
        if len(cells) > 1
    }
    assert (table["differences"], table["faults"]) == ("0", str(FAULTS))
    happened = ("commits lost", "commits unanswered", "requests refused", "deletes ignored")
    assert [effect for effect in happened if effect not in table] == []
    assert int(table["messages"].replace(",", "")) >= MESSAGES


def result(texts: list[str]) -> Result:
    made = Result()
    for text in texts:
        made.differences.add(text)
    return made


def test_a_failing_seed_prints_itself_its_differences_and_its_shortest_prefix(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "--seed 5 --messages 900 --faults 40 --store postgres --minutes 3"
    monkeypatch.setattr(sys, "argv", ["faults", *words.split()])
    monkeypatch.setattr(faults, "carry_out", lambda *_: result([f"row {number}" for number in range(25)]))
    monkeypatch.setattr(faults, "prefix_fails", lambda _, prefix, *__: prefix >= 17)
    assert faults.main() == 1
    output = capsys.readouterr().out
    assert "differs row 19\n" in output
    assert "row 20" not in output
    assert f"seed 5 fails; this repeats it: python -m benchmarks.faults {words} --prefix 17\n" in output


def test_a_prefix_is_the_faults_up_to_there_and_the_messages_before(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []

    def carry_out(_: object, schedule: list, messages: int, __: object) -> Result:
        seen.append((len(schedule), messages - schedule[-1].after))
        return result([])

    monkeypatch.setattr(faults, "carry_out", carry_out)
    for prefix in ("3", "4"):
        monkeypatch.setattr(sys, "argv", ["faults", "--seed", "5", "--prefix", prefix])
        assert faults.main() == 0
    assert seen == [(3, faults.TAIL), (4, faults.TAIL)]

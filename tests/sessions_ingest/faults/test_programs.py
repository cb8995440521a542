"""The programs that the simulator starts beside the service's own."""

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.faults.programs import AHEAD

ROOT = Path(__file__).resolve().parents[3]


def test_a_program_runs_on_a_clock_that_is_ahead(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import datetime as d, sys, time\nprint(time.time(), d.datetime.now().timestamp(), *sys.argv[1:])"
    )
    before = time.time()
    words = [sys.executable, "-m", "benchmarks.faults.programs", "ahead", str(script), "a", "b"]
    output = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    after = time.time()
    one, other, *arguments = output.split()
    for clock in (one, other):
        assert before <= float(clock) - AHEAD.total_seconds() <= after
    assert arguments == ["a", "b"]

"""var/run/stack.json: only a living stack is believed, and only its owner reads it."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

from tetraflix.configuration import stack_addresses

SERVERS = {"web": "http://127.0.0.1:8000", "database": "postgresql://someone:s3cret@db/x"}


def test_a_living_stack_is_found_and_only_its_owner_may_read_where_it_is(tmp_path: Path) -> None:
    stack_addresses.write(tmp_path, SERVERS)
    started = stack_addresses.started_at(os.getpid())
    assert stack_addresses.read(tmp_path) == {**SERVERS, "pid": os.getpid(), "started": started}
    file = tmp_path / "run" / "stack.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    stack_addresses.remove(tmp_path)
    assert stack_addresses.read(tmp_path) is None


def test_the_file_of_a_killed_stack_is_not_believed(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys; from tetraflix.configuration import stack_addresses;"
        " stack_addresses.write(pathlib.Path(sys.argv[1]), {})"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert (tmp_path / "run" / "stack.json").exists()
    assert stack_addresses.read(tmp_path) is None


def test_another_process_that_was_given_its_pid_is_not_taken_for_it(tmp_path: Path) -> None:
    stack_addresses.write(tmp_path, SERVERS)
    file = tmp_path / "run" / "stack.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "started": "1"}))
    assert stack_addresses.read(tmp_path) is None


def test_half_a_file_is_no_stack(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "stack.json").write_text('{"pid": ')
    assert stack_addresses.read(tmp_path) is None

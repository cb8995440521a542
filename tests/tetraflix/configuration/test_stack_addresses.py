"""var/run/stack.json: only the file of a running stack counts, and only its owner can read it."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

from tetraflix.configuration import stack_addresses

SERVERS = {"web": "http://127.0.0.1:8000", "database": "postgresql://someone:s3cret@db/x"}


def test_a_running_stack_is_found_and_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    stack_addresses.write(tmp_path, SERVERS)
    started = stack_addresses.started_at(os.getpid())
    assert stack_addresses.read(tmp_path) == {**SERVERS, "pid": os.getpid(), "started": started}
    file = tmp_path / "run" / "stack.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    stack_addresses.remove(tmp_path)
    assert stack_addresses.read(tmp_path) is None


def test_the_file_of_a_killed_stack_is_ignored(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys; from tetraflix.configuration import stack_addresses;"
        " stack_addresses.write(pathlib.Path(sys.argv[1]), {})"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert (tmp_path / "run" / "stack.json").exists()
    assert stack_addresses.read(tmp_path) is None


def test_another_process_with_the_same_pid_is_not_taken_for_the_stack(tmp_path: Path) -> None:
    stack_addresses.write(tmp_path, SERVERS)
    file = tmp_path / "run" / "stack.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "started": "1"}))
    assert stack_addresses.read(tmp_path) is None


def test_a_partial_file_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "stack.json").write_text('{"pid": ')
    assert stack_addresses.read(tmp_path) is None

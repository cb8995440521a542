"""A full disk costs metrics, not the process that measures."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import mmap_dict

from tetraflix.observability.metrics_files import ReservedFile


def blocks_are_reserved(file: Path) -> bool:
    return file.stat().st_blocks * 512 >= file.stat().st_size


def write_many(kept: ReservedFile) -> None:
    for number in range(2000):
        kept.write_value(f"{number:0100}", float(number), 0.0)


def test_every_block_of_a_file_is_reserved_also_after_it_has_grown(tmp_path: Path) -> None:
    kept = ReservedFile(str(tmp_path / "kept.db"))
    write_many(kept)
    assert (tmp_path / "kept.db").stat().st_size > 2 * mmap_dict._INITIAL_MMAP_SIZE
    assert blocks_are_reserved(tmp_path / "kept.db")
    assert [value for _, value, _ in kept.read_all_values()] == list(range(2000))


def test_a_file_that_cannot_grow_raises_and_keeps_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int, offset: int, length: int) -> None:
        os.truncate(file, length)  # as ext4, which may have reserved a part
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    kept = ReservedFile(str(tmp_path / "kept.db"))
    kept.write_value("a", 1.0, 0.0)
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        write_many(kept)
    assert blocks_are_reserved(tmp_path / "kept.db")
    kept.write_value("a", 2.0, 0.0)
    with pytest.raises(OSError, match="No space left"):
        ReservedFile(str(tmp_path / "new.db"))
    assert (tmp_path / "new.db").stat().st_size == 0
    monkeypatch.undo()
    assert kept.read_value("a") == (2.0, 0.0)
    ReservedFile(str(tmp_path / "new.db")).write_value("b", 3.0, 0.0)


def test_the_metrics_of_the_service_are_in_such_files(tmp_path: Path) -> None:
    code = "from tetraflix.observability.metrics import task_seconds; task_seconds.labels('task', 'done').observe(1)"
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=60)
    (file,) = tmp_path.iterdir()
    assert blocks_are_reserved(file), "prometheus_client has changed: metrics_files.py has to follow"

"""Keeps prometheus_client's memory-mapped files from ending their process when the disk is full.

It extends a file without reserving blocks, so on a full disk the first write to a new page is a SIGBUS. Here blocks
are reserved first: a file that cannot grow raises OSError in the call that needed it, and what is in it goes on.
"""

import os
from typing import Any

from prometheus_client import mmap_dict, values


class ReservedFile(mmap_dict.MmapedDict):
    """The file of a process, all of its blocks on disk. Raises OSError when the disk is full."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        if not read_mode:
            with open(filename, "ab") as file:
                _reserve(file.fileno(), max(os.path.getsize(filename), mmap_dict._INITIAL_MMAP_SIZE))
        super().__init__(filename, read_mode)

    def _init_value(self, key: str) -> Any:
        entry = 2 * len(key.encode()) + 64  # more than it takes
        if self._used + entry > self._capacity:
            _reserve(self._f.fileno(), 2 * self._capacity)
        return super()._init_value(key)


def _reserve(file: int, size: int) -> None:
    before = os.fstat(file).st_size
    try:
        os.posix_fallocate(file, 0, size)
    except OSError:
        os.ftruncate(file, before)  # some of it may have been reserved
        raise


def install() -> None:
    """From now on new files are of this kind; to be called before the first metric exists."""
    values.MmapedDict = ReservedFile  # type: ignore[misc]

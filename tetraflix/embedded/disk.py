"""Whether the disk under var/ is full, which the supervisor waits for and `manage.py status` reports."""

import contextlib
import shutil
from pathlib import Path

from tetraflix.embedded.server_folders import LINK

# PostgreSQL's next log segment takes 16 MB, and a server writes more than that at its start.
FULL_BYTES = 32_000_000
ROOM_BYTES = 2 * FULL_BYTES  # a disk that was full has room again


def full_line(var_dir: Path, *, was_full: bool = False) -> str:
    """A line about the disk when it is full; "" when it has room.

    `was_full`: it counts as full until it has ROOM_BYTES, so that it is not full and free by turns.
    """
    for folder in (var_dir, var_dir / LINK):
        with contextlib.suppress(OSError):  # no such folder
            free = shutil.disk_usage(folder).free
            if free < (ROOM_BYTES if was_full else FULL_BYTES):
                return (
                    f"The disk of {folder} is full ({free / 1e6:.0f} MB free): what cannot be stored is refused"
                    f" until {ROOM_BYTES / 1e6:.0f} MB are free."
                )
    return ""

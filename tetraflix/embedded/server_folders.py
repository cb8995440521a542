"""Folders in the open, for a server that refuses to run as root while ours are closed to other users."""

import hashlib
import os
import stat
from pathlib import Path

NOBODY_UID = 65534
OPEN = Path("/var/tmp")  # noqa: S108  kept over a restart of the machine, and open to every user


def reachable(path: Path) -> bool:
    """Whether any user at all may read the path and pass through every folder above it."""
    path = path.resolve()
    needed = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() or os.access(path, os.X_OK) else 0)
    if path.stat().st_mode & needed != needed:
        return False
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.parents)


def open_folder_for(folder: Path) -> Path:
    """The open folder that stands in for this one; made when there is none. The link `elsewhere` leads to it.

    Raises PermissionError when somebody else made it before us: what lies in it is then not ours to trust.
    """
    link = folder / "elsewhere"
    if not link.is_symlink():
        link.symlink_to(OPEN / f"tetraflix-{hashlib.sha256(bytes(folder.resolve())).hexdigest()[:16]}")
    stand_in = link.readlink()
    stand_in.mkdir(mode=0o755, exist_ok=True)
    owner = stand_in.lstat()
    if owner.st_uid != os.geteuid() or not stat.S_ISDIR(owner.st_mode):
        raise PermissionError(f"{stand_in} is not ours: remove it, or set TETRAFLIX_VAR to an open folder")
    stand_in.chmod(0o755)
    return stand_in


def make_reachable(folder: Path) -> None:
    """Everything in the folder can be read, and its programs run, by every user."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            run = 0o111 if path.is_dir() or mode & stat.S_IXUSR else 0
            path.chmod(stat.S_IMODE(mode) | 0o444 | run)

"""World-readable folders for a server that refuses to run as root, and cannot read the service's own folders."""

import hashlib
import os
import stat
from pathlib import Path

NOBODY_UID = 65534
LINK = "elsewhere"  # in a folder that is not open; leads to the open one
OPEN = Path("/var/tmp")  # noqa: S108  survives a restart of the machine, and every user may use it


def reachable(path: Path) -> bool:
    """Whether every user may read the path and enter all folders above it."""
    path = path.resolve()
    needed = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() or os.access(path, os.X_OK) else 0)
    if path.stat().st_mode & needed != needed:
        return False
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.parents)


def open_folder_for(folder: Path) -> Path:
    """The open folder used in place of this one, made at first use; the link `elsewhere` in it leads there.

    Raises PermissionError when another user owns the open folder, because its content cannot be trusted.
    """
    link = folder / LINK
    if not link.is_symlink():
        link.symlink_to(OPEN / f"tetraflix-{hashlib.sha256(bytes(folder.resolve())).hexdigest()[:16]}")
    open_folder = link.readlink()
    open_folder.mkdir(mode=0o755, exist_ok=True)
    owner = open_folder.lstat()
    if owner.st_uid != os.geteuid() or not stat.S_ISDIR(owner.st_mode):
        raise PermissionError(
            f"{open_folder} is another user's: remove it, or set TETRAFLIX_VAR to an open folder"
        )
    open_folder.chmod(0o755)
    return open_folder


def make_reachable(folder: Path) -> None:
    """Lets every user read everything in the folder and run its programs."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            run = 0o111 if path.is_dir() or mode & stat.S_IXUSR else 0
            path.chmod(stat.S_IMODE(mode) | 0o444 | run)

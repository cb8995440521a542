"""Tells whether the collected static files are up to date, because collecting them takes seconds."""

import hashlib
from pathlib import Path

from django.contrib.staticfiles.finders import get_finders


def are_collected(root: Path) -> bool:
    """Whether no source file has changed since the last mark_collected()."""
    mark = root / "collected"
    return mark.exists() and mark.read_text() == _fingerprint()


def mark_collected(root: Path) -> None:
    """Records that the files in `root` are those of the present sources."""
    (root / "collected").write_text(_fingerprint())


def _fingerprint() -> str:
    """A hash of path, size and modification time of every source file."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            found = Path(storage.path(path)).stat()
            digest.update(f"{storage.path(path)}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return digest.hexdigest()

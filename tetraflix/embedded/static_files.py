"""Whether the collected static files are still those of the code: collecting them anew takes seconds."""

import hashlib
from pathlib import Path

from django.contrib.staticfiles.finders import get_finders


def are_collected(root: Path) -> bool:
    """Whether `root` holds what mark_collected() saw there last, and no source of it has changed since."""
    mark = root / "collected"
    return mark.exists() and mark.read_text() == _fingerprint()


def mark_collected(root: Path) -> None:
    """What is in `root` now is of the sources as they are now."""
    (root / "collected").write_text(_fingerprint())


def _fingerprint() -> str:
    """Of every source: its path, its size and when it was changed."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            found = Path(storage.path(path)).stat()
            digest.update(f"{storage.path(path)}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return digest.hexdigest()

"""Generates an installation's secret key once, in a file that only its owner can read."""

import os
import secrets
from pathlib import Path

BYTES = 50


def load_or_create(var_dir: Path) -> str:
    """The key in the folder, generated at first use; concurrent first starts get the same key. Raises OSError."""
    file = var_dir / "secret_key"
    if not file.exists():
        _make(file)
    if key := file.read_text().strip():
        return key
    raise OSError(f"{file} is empty; remove it, and a new key is generated")


def _make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    own = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with open(os.open(own, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as out:
        out.write(secrets.token_urlsafe(BYTES))
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(own, file)  # atomic: only the first one succeeds
    except FileExistsError:
        pass  # another process was faster: its key is used
    finally:
        own.unlink()

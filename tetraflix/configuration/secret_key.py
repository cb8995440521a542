"""The secret key that an installation makes for itself: once, whoever starts first, readable by its owner alone."""

import os
import secrets
from pathlib import Path

BYTES = 50


def load_or_create(var_dir: Path) -> str:
    """The key in the folder, made at first use. However many start at once, all read the same. Raises OSError."""
    file = var_dir / "secret_key"
    if not file.exists():
        _make(file)
    if key := file.read_text().strip():
        return key
    raise OSError(f"{file} is empty; remove it and a new key is made")


def _make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    mine = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with open(os.open(mine, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as out:
        out.write(secrets.token_urlsafe(BYTES))
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(mine, file)  # whole, or not at all; only the first succeeds
    except FileExistsError:
        pass  # somebody was faster: theirs is the key
    finally:
        mine.unlink()

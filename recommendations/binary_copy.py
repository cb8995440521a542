"""A block of generated users in COPY's binary format, made by numpy: no row is touched by Python."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommendations.generated_lists import Block

COLUMNS = "user_id, recommended, recommended_at, watching, progress, watched_at, removed, finished"
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL's

BIGINT, FLOAT8, TIMESTAMPTZ = 20, 701, 1184  # the types' numbers in PostgreSQL
NO_ENTRIES = b"\x01[] "  # version 1 of jsonb's form; the blank keeps every field at an even place
# Bytes of an array: its head, then each item. Of no items there is less of the head.
HEAD, EMPTY, ITEM = 20, 12, 12
LENGTH = 4  # bytes that tell a field's length, before it


def rows(block: Block, now: datetime, wanted: NDArray[np.bool_]) -> bytes:
    """The rows of the block's `wanted` users, without header and trailer; minutes count back from `now`."""
    users = _users(block, now)
    room = block.watching.shape[1]
    kept = np.array([_kept(users.dtype, begun, room) for begun in range(room + 1)])[block.begun]
    kept[~wanted] = False
    # in pairs of bytes: half as many to pick as single ones
    return users.view(np.uint16).reshape(len(block), -1)[kept].tobytes()


def _users(block: Block, now: datetime) -> NDArray[np.void]:
    """The users, each with as many places in `watching` as anyone has."""
    listed, room = block.recommended.shape[1], block.watching.shape[1]
    kind = np.dtype(
        [
            ("fields", ">i2"),
            ("user_id_length", ">i4"), ("user_id", ">i8"),
            ("recommended", _array(">i8", listed)),
            ("recommended_at_length", ">i4"), ("recommended_at", ">i8"),
            ("watching", _array(">i8", room)),
            ("progress", _array(">f8", room)),
            ("watched_at", _array(">i8", room)),
            ("removed_length", ">i4"), ("removed", "V4"),
            ("finished_length", ">i4"), ("finished", "V4"),
        ]
    )  # fmt: skip
    users = np.zeros(len(block), kind)
    minute = timedelta(minutes=1) // timedelta.resolution
    today = (now - EPOCH) // timedelta.resolution
    users["fields"] = len(COLUMNS.split(","))
    users["user_id_length"] = users["recommended_at_length"] = 8
    users["user_id"] = np.arange(block.first, block.first + len(block))
    users["recommended_at"] = today - block.recommended_minutes * minute
    users["removed_length"] = users["finished_length"] = len(NO_ENTRIES)
    users["removed"] = users["finished"] = np.void(NO_ENTRIES)
    all_of_them = np.full(len(block), listed)
    _fill(users["recommended"], BIGINT, all_of_them, block.recommended)
    _fill(users["watching"], BIGINT, block.begun, block.watching)
    _fill(users["progress"], FLOAT8, block.begun, block.hundredths / 100)
    _fill(users["watched_at"], TIMESTAMPTZ, block.begun, today - block.watched_minutes * minute)
    return users


def _array(item: str, places: int) -> Any:
    return [
        ("length", ">i4"),
        ("dimensions", ">i4"), ("nulls", ">i4"), ("type", ">i4"),
        ("size", ">i4"), ("first", ">i4"),
        ("items", [("length", ">i4"), ("item", item)], (places,)),
    ]  # fmt: skip


def _fill(array: NDArray[np.void], kind: int, size: NDArray[np.int64], items: NDArray[Any]) -> None:
    """Arrays of `size` items; those beyond it are written too, for `_kept` to leave out."""
    array["length"] = np.where(size > 0, HEAD + ITEM * size, EMPTY)
    array["dimensions"] = size > 0
    array["type"] = kind
    array["size"] = size
    array["first"] = 1
    array["items"]["length"] = 8
    array["items"]["item"] = items


def _kept(kind: np.dtype[np.void], begun: int, room: int) -> NDArray[np.bool_]:
    """Which pairs of bytes of a row are sent for a user who has begun so many of the movies in `watching`."""
    kept = np.ones(kind.itemsize, bool)
    fields: Any = kind.fields  # there are some: the type has names
    for name in ("watching", "progress", "watched_at"):
        start = fields[name][1] + LENGTH
        kept[start + (HEAD + ITEM * begun if begun else EMPTY) : start + HEAD + ITEM * room] = False
    return kept[::2]

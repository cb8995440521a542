"""Encodes a block of generated users in COPY's binary format, with numpy instead of a loop over rows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommendations.seeding.generated_lists import Block
from recommendations.user_lists import GENERATED

COLUMNS = (
    "user_id, recommended, recommended_at, watching, progress, watched_at, removed, finished, recommended_by"
)
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL's

BIGINT, FLOAT8, TIMESTAMPTZ = 20, 701, 1184  # PostgreSQL's type OIDs
# `removed`, `finished` (empty arrays in jsonb's version 1) and `recommended_by`, with their lengths: the same for
# every user. The blank makes their bytes even in number, as those of all other fields are.
ENDING = b"".join(
    len(field).to_bytes(4, "big") + field for field in (b"\x01[] ", b"\x01[]", GENERATED.encode())
)
# Bytes of an array: its header, shorter if it is empty, and each item with its length.
HEADER_BYTES, EMPTY_HEADER_BYTES, ITEM_BYTES = 20, 12, 12
LENGTH_BYTES = 4  # of a field's length, before the field


def rows(block: Block, now: datetime, wanted: NDArray[np.bool_]) -> bytes:
    """The rows of the block's `wanted` users, without header and trailer; the block's minutes are before `now`."""
    users = _users(block, now)
    slots = block.watching.shape[1]
    kept = np.array([_kept(users.dtype, begun, slots) for begun in range(slots + 1)])[block.begun]
    kept[~wanted] = False
    # selects pairs of bytes, because there are half as many
    return users.view(np.uint16).reshape(len(block), -1)[kept].tobytes()


def _users(block: Block, now: datetime) -> NDArray[np.void]:
    """The users as fixed-size records: each has all slots of `watching`, used or not."""
    listed, slots = block.recommended.shape[1], block.watching.shape[1]
    kind = np.dtype(
        [
            ("fields", ">i2"),
            ("user_id_length", ">i4"), ("user_id", ">i8"),
            ("recommended", _array(">i8", listed)),
            ("recommended_at_length", ">i4"), ("recommended_at", ">i8"),
            ("watching", _array(">i8", slots)),
            ("progress", _array(">f8", slots)),
            ("watched_at", _array(">i8", slots)),
            ("ending", f"V{len(ENDING)}"),
        ]
    )  # fmt: skip
    users = np.zeros(len(block), kind)
    minute = timedelta(minutes=1) // timedelta.resolution
    today = (now - EPOCH) // timedelta.resolution
    users["fields"] = len(COLUMNS.split(","))
    users["user_id_length"] = users["recommended_at_length"] = 8
    users["user_id"] = np.arange(block.first, block.first + len(block))
    users["recommended_at"] = today - block.recommended_minutes * minute
    users["ending"] = np.void(ENDING)
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
    """Fills in arrays of `size` items. Writes the items beyond, too; `_kept` drops them."""
    array["length"] = np.where(size > 0, HEADER_BYTES + ITEM_BYTES * size, EMPTY_HEADER_BYTES)
    array["dimensions"] = size > 0
    array["type"] = kind
    array["size"] = size
    array["first"] = 1
    array["items"]["length"] = 8
    array["items"]["item"] = items


def _kept(kind: np.dtype[np.void], begun: int, slots: int) -> NDArray[np.bool_]:
    """Which pairs of bytes of a record belong to the row of a user with `begun` movies in `watching`."""
    kept = np.ones(kind.itemsize, bool)
    fields: Any = kind.fields  # not None, because the type has names
    for name in ("watching", "progress", "watched_at"):
        start = fields[name][1] + LENGTH_BYTES
        used = HEADER_BYTES + ITEM_BYTES * begun if begun else EMPTY_HEADER_BYTES
        kept[start + used : start + HEADER_BYTES + ITEM_BYTES * slots] = False
    return kept[::2]

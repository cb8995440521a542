"""The record of one delivery of a message, and how many of them are packed into one row."""

import zlib
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

FASTEST = 1  # of zlib's levels: a higher one saves a tenth of the bytes and takes twice the time


class Record(msgspec.Struct, frozen=True, array_like=True, gc=False, kw_only=True):
    """One delivery of a message, or one request over HTTP, and what became of it."""

    id: str  # the message's id in SQS; over HTTP, any
    sent: int  # milliseconds since 1970
    at: int  # when it was committed, dead-lettered or failed, in milliseconds since 1970
    delivery: int  # 1 for the first; 0 over HTTP
    state: str  # one of STATES
    outcome: str  # a sentence
    body: str  # its beginning
    user: int | None = None  # None: the message is invalid
    movies: tuple[int, ...] = ()  # its first ones

    @property
    def sent_at(self) -> datetime:
        return datetime.fromtimestamp(self.sent / 1000, UTC)

    @property
    def done_at(self) -> datetime:
        return datetime.fromtimestamp(self.at / 1000, UTC)

    @property
    def latency(self) -> float:
        """Seconds from sending to the end."""
        return max(0, self.at - self.sent) / 1000


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(list[Record])


def packed(records: Sequence[Record]) -> bytes:
    """The records as one compressed value."""
    return zlib.compress(_ENCODER.encode(records), FASTEST)


def unpacked(value: bytes) -> list[Record]:
    """The records of a packed value; none if another version of the service wrote it in another form."""
    try:
        return _DECODER.decode(zlib.decompress(value))
    except (zlib.error, msgspec.DecodeError):
        return []

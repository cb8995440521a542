"""Reads a text file as numbered lines, decompressed and decoded, whichever program wrote it. No Django."""

import codecs
import io
import itertools
import zlib
from collections.abc import Iterable, Iterator

MAX_BYTES = 400 * 1024 * 1024  # of one file, compressed and decompressed: a million movies
MAX_LINE_LENGTH = 100_000  # characters; a movie has less than 2,000, but a spreadsheet has 16,384 columns
GZIP_MAGIC = b"\x1f\x8b"
GZIP_WINDOW = 16 + zlib.MAX_WBITS  # makes zlib use the gzip header and checksum
PIECE_BYTES = 1024 * 1024  # decompressed at once, which bounds memory at any compression ratio
COMPRESSED_BYTES = 16 * 1024  # passed to zlib at once, because it copies what follows the end of each member
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",  # Excel's "Unicode Text"
    codecs.BOM_UTF16_BE: "utf-16-be",
}
NOT_TEXT = {
    GZIP_MAGIC: "is compressed twice: decompress it once",
    b"PK\x03\x04": 'is an Excel workbook or a zip archive: save it as "CSV UTF-8"',
    b"\xd0\xcf\x11\xe0": 'is an Excel workbook: save it as "CSV UTF-8"',
}


class BadFile(ValueError):
    """The whole file cannot be read as a file of movies; the message says where and why."""


def numbered_lines(chunks: Iterable[bytes]) -> Iterator[tuple[int, str]]:
    """Each line with its number; CR, LF and CRLF end a line and become LF. Raises BadFile.

    The text is UTF-8, or UTF-16 with its byte order mark; it may be compressed with gzip.
    """
    start, chunks = _peeked(decompressed(chunks))
    for magic, what in NOT_TEXT.items():
        if start.startswith(magic):
            raise BadFile(f"The file {what}.")
    mark = next((mark for mark in BYTE_ORDER_MARKS if start.startswith(mark)), b"")
    encoding = BYTE_ORDER_MARKS.get(mark, "utf-8")
    decoder = codecs.getincrementaldecoder(encoding)()
    line_ends = io.IncrementalNewlineDecoder(None, translate=True)
    number, rest, skipped = 0, "", len(mark)
    for chunk, last in _with_end(chunks):
        bad = None
        try:
            text = decoder.decode(chunk[skipped:], final=last)
        except UnicodeDecodeError as error:
            bad, text = error, error.object[: error.start].decode(encoding)
        skipped = 0
        text = rest + line_ends.decode(text, final=last or bad is not None)
        if "\0" in text:
            raise BadFile(_nul(number, text))
        if bad:
            raise BadFile(_undecodable(number, text, bad))
        *whole, rest = text.split("\n")
        for line in whole:
            number += 1
            if len(line) > MAX_LINE_LENGTH:
                raise BadFile(_too_long(number))
            yield number, line + "\n"
        if len(rest) > MAX_LINE_LENGTH:
            raise BadFile(_too_long(number + 1))
    if rest:
        yield number + 1, rest + "\n"


def decompressed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The file's bytes, decompressed if it is a gzip file, in bounded memory. Raises BadFile."""
    start, chunks = _peeked(chunks)
    if not start.startswith(GZIP_MAGIC):
        yield from chunks
        return
    size, member = 0, zlib.decompressobj(GZIP_WINDOW)
    for compressed in _sliced(chunks):
        remaining = compressed
        while remaining:
            if member.eof:  # gzip files may be concatenated, and padded with zeros
                remaining = remaining.lstrip(b"\0")
                if not remaining:
                    break
                member = zlib.decompressobj(GZIP_WINDOW)
            try:
                piece = member.decompress(remaining, PIECE_BYTES)
            except zlib.error as error:
                raise BadFile(
                    f"The gzip file is damaged after {size:,} decompressed bytes: {error}."
                ) from None
            size += len(piece)
            if size > MAX_BYTES:
                raise BadFile(f"The file decompresses to more than {MAX_BYTES // 1024 // 1024} MB: split it.")
            yield piece
            remaining = member.unused_data if member.eof else member.unconsumed_tail
    yield member.flush()
    if not member.eof:
        raise BadFile(f"The gzip file ends too early, after {size:,} decompressed bytes: send it again.")


def decompresses_within(chunks: Iterable[bytes], max_bytes: int) -> bool:
    """Whether the file has at most `max_bytes` when decompressed; True as well if it is damaged."""
    size = 0
    try:
        for piece in decompressed(chunks):
            size += len(piece)
            if size > max_bytes:
                return False
    except BadFile:
        pass
    return True


def shown(text: str) -> str:
    """A value of a file as messages quote it, shortened."""
    return repr(text if len(text) <= 20 else text[:20] + "...")


def _peeked(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, at most four, and all chunks."""
    remaining = iter(chunks)
    start = b""
    while len(start) < 4 and (chunk := next(remaining, None)) is not None:
        start += chunk
    return start[:4], itertools.chain([start], remaining)


def _sliced(chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), COMPRESSED_BYTES):
            yield chunk[start : start + COMPRESSED_BYTES]


def _with_end(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The chunks, each with False, and then an empty one with True."""
    for chunk in chunks:
        yield chunk, False
    yield b"", True


def _nul(number: int, text: str) -> str:
    before = text[: text.index("\0")]
    return (
        f"Line {number + before.count(chr(10)) + 1} has a NUL character: this is not a text file,"
        " or it is UTF-16 without its byte order mark. Save it as UTF-8."
    )


def _undecodable(number: int, before: str, error: UnicodeDecodeError) -> str:
    name = error.encoding.upper()
    line = before.rpartition("\n")[2]
    position, byte = len(line.encode(name)) + 1, error.object[error.start]
    cp1252 = bytes([byte]).decode("cp1252", "replace") if name == "UTF-8" else ""
    guess = f", in Windows-1252 the character {cp1252}" if cp1252.isprintable() and cp1252 else ""
    return (
        f"Line {number + before.count(chr(10)) + 1} is not {name} text: its byte {position}"
        f" is 0x{byte:02X}{guess}. Save the file as UTF-8."
    )


def _too_long(number: int) -> str:
    return f"Line {number} is longer than {MAX_LINE_LENGTH:,} characters."

"""Parses JSON strictly and by one rule for HTTP, queues, forms and files. No Django."""

import json
from typing import Any, NoReturn

import msgspec

_DECODE = msgspec.json.Decoder().decode
_ENCODE = msgspec.json.Encoder().encode


class BadJson(ValueError):
    """The text is not JSON as this service accepts it; the message says why."""


def loads(text: str | bytes) -> Any:
    """The value of a JSON text in UTF-8 without duplicate keys, NaN or Infinity. Raises BadJson."""
    backslash, quote = ("\\", '"') if isinstance(text, str) else (b"\\", b'"')
    try:
        value = _DECODE(text)  # keeps the last of duplicate keys
        # Without a backslash every quotation mark begins or ends a string. The value, encoded again, has as many
        # of them, unless a key was duplicated.
        if backslash not in text and _ENCODE(value).count(b'"') == text.count(quote):  # type: ignore[operator, arg-type]
            return value
    except (ValueError, TypeError, OverflowError, RecursionError):
        pass  # the slow parser decides, and explains the error
    return loads_slowly(text)


def loads_slowly(text: str | bytes) -> Any:
    """The reference for `loads`, which gives the same results several times faster."""
    try:
        return json.loads(
            text if isinstance(text, str) else text.decode(),
            object_pairs_hook=unique_keys,
            parse_constant=reject_constant,
        )
    except UnicodeDecodeError as error:
        raise BadJson(f"not UTF-8 (at byte {error.start})") from None
    except RecursionError:
        raise BadJson("nested too deeply") from None
    except BadJson:
        raise
    except ValueError as error:  # JSONDecodeError, or an integer of thousands of digits
        raise BadJson(f"not valid JSON: {error}") from None


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object's keys and values as a dict. Raises BadJson for a duplicate key."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadJson(f"not valid JSON: the key {json.dumps(twice)} is there twice")
    return found


def reject_constant(constant: str) -> NoReturn:
    """Raises BadJson, because JSON has no NaN and Infinity."""
    raise BadJson(f"not valid JSON: {constant} is not a number in JSON")

"""The one reader of JSON for every entrance, so that no two of them understand a text differently. No Django."""

import json
from typing import Any, NoReturn

import msgspec

_DECODE = msgspec.json.Decoder().decode
_ENCODE = msgspec.json.Encoder().encode


class BadJson(ValueError):
    """The text is not JSON as this service reads it; the message is a sentence that says what is wrong."""


def loads(text: str | bytes) -> Any:
    """The value of a JSON text in UTF-8 with every key once and no NaN or Infinity. Raises BadJson."""
    backslash, quote = ("\\", '"') if isinstance(text, str) else (b"\\", b'"')
    try:
        value = _DECODE(text)  # keeps the last of equal keys
        # Without a backslash every quotation mark begins or ends a string, and the value encoded anew has as
        # many, unless a key was there twice.
        if backslash not in text and _ENCODE(value).count(b'"') == text.count(quote):  # type: ignore[operator, arg-type]
            return value
    except (ValueError, TypeError, OverflowError, RecursionError):
        pass  # the slow reader decides, and says what is wrong
    return loads_slowly(text)


def loads_slowly(text: str | bytes) -> Any:
    """The same as `loads`, which is several times faster: `loads` is exact because this is its reference."""
    try:
        return json.loads(
            text if isinstance(text, str) else text.decode(),
            object_pairs_hook=unique_keys,
            parse_constant=no_such_number,
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
    """An object's keys and values as a dict. Raises BadJson for a key that is there twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadJson(f"not valid JSON: the key {json.dumps(twice)} is there twice")
    return found


def no_such_number(constant: str) -> NoReturn:
    """Refuses NaN and Infinity, which JSON does not know. Raises BadJson."""
    raise BadJson(f"not valid JSON: {constant} is not a number in JSON")

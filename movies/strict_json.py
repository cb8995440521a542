"""The one reader of JSON for every entrance, so that no two of them understand a text differently. No Django."""

import json
from typing import Any, NoReturn


class BadJson(ValueError):
    """The text is not JSON as this service reads it; the message is a sentence that says what is wrong."""


def loads(text: str | bytes) -> Any:
    """The value of a JSON text in UTF-8 with every key once and no NaN or Infinity. Raises BadJson."""
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

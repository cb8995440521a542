"""Reads environment variables strictly, reports all bad ones at once, and never shows a secret. No Django."""

from collections.abc import MutableMapping, Sequence
from typing import Any, cast
from urllib.parse import unquote

import dj_database_url
import environs
from environs import ValidationError
from psycopg2 import ProgrammingError
from psycopg2.extensions import make_dsn
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from movies.foundation.numbers import whole_number
from tetraflix.configuration.server_urls import BadUrl, split_url

SWITCHES = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}
LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")  # urllib compares the name with brackets, curl without
DATABASE_SCHEMES = ("postgresql", "postgres", "pgsql")
MAX_NAME_LENGTH = 63  # of a PostgreSQL database
SHOWN = 60  # characters of a bad value


# Without them a connection to a host that vanished is noticed after a quarter of an hour. The URL's own options win.
CONNECTION_OPTIONS = {
    "connect_timeout": 5,  # seconds
    "keepalives_idle": 10,  # seconds, like the next
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds without an acknowledgement of what was sent
}


class BadEnvironment(SystemExit):
    """Ends the program with code 1 and one line for each bad variable on stderr, without a traceback."""


class Environment(environs.Env):
    """environs' reader with our own parsers. An empty or blank variable counts as not set."""

    def __init__(self) -> None:
        super().__init__(eager=False)
        for parser in (whole, fraction, switch, items, choice, address, addresses, mongodb, database_url):
            self.add_parser(parser.__name__, parser)

    def _get_value(self, env_key: str, default: Any) -> Any:
        value = super()._get_value(env_key, default)
        return default if isinstance(value, str) and not value.strip() else value

    def refuse(self, variable: str, sentence: str) -> None:
        """Adds an error that shows only after reading; `seal` reports it with the others."""
        self._errors[variable].append(sentence)

    def seal(self) -> None:
        """Ends the reading. Raises BadEnvironment, which names every bad variable."""
        try:
            super().seal()
        except environs.EnvValidationError as error:
            messages = cast("dict[str, list[str]]", error.error_messages)
            lines = [f"{name} {sentence}" for name, found in messages.items() for sentence in found]
            raise BadEnvironment("\n".join(lines)) from None


def whole(text: str | int) -> int:
    """A whole number; its range is checked by a system check."""
    number = text if isinstance(text, int) else whole_number(text.strip(), least=0)
    if number is None:
        raise ValidationError(f"is {_shown(text)}, not a whole number: write only digits, or leave it out.")
    return number


def fraction(text: str | float) -> float:
    """A number with or without a decimal point."""
    try:
        if isinstance(text, str) and not set(text.strip()) <= set("0123456789.eE+-"):
            raise ValueError(text)  # float() also accepts underscores, "nan" and digits of other scripts
        return float(text)
    except ValueError:
        raise ValidationError(
            f"is {_shown(text)}, not a number: write one like 0.95, or leave it out."
        ) from None


def switch(text: str | bool) -> bool:
    """On or off."""
    if isinstance(text, bool):
        return text
    try:
        return SWITCHES[text.strip().lower()]
    except KeyError:
        raise ValidationError(f"is {_shown(text)}: write on or off (or 1 and 0, true and false).") from None


def items(text: str | Sequence[str]) -> list[str]:
    """A comma-separated list; blanks around elements and empty elements are dropped."""
    return (
        [item for part in text.split(",") if (item := part.strip())] if isinstance(text, str) else list(text)
    )


def choice(text: str, *, among: Sequence[str]) -> str:
    """One of a few words."""
    if text.strip() not in among:
        raise ValidationError(f"is {_shown(text)}: write one of {', '.join(among)}, or leave it out.")
    return text.strip()


def address(
    text: str, *, schemes: Sequence[str], example: str, user: bool = True, several: bool = False
) -> str:
    """One address, or "". `user`: it may contain a user; `several`: it may have more than one host."""
    if text := text.strip():
        _parts(text, schemes, example, user=user, several=several)
    return text


def mongodb(text: str) -> str:
    """The address of a MongoDB, with options that its driver accepts."""
    example = "mongodb://user:password@host1,host2/name"
    text = address(text, schemes=("mongodb", "mongodb+srv"), example=example, several=True)
    if text.startswith("mongodb://"):  # the other scheme needs DNS
        try:
            parse_uri(text)
        except (PyMongoError, ValueError):
            raise ValidationError(f"is refused by MongoDB's driver: write {example}?option=value.") from None
    return text


def addresses(text: str, *, schemes: Sequence[str], example: str) -> str:
    """Comma-separated addresses, without blanks and empty elements."""
    return ",".join(address(item, schemes=schemes, example=example) for item in items(text))


def database_url(text: str) -> dict[str, Any]:
    """Django's settings for a PostgreSQL; an ambiguous address is refused."""
    parts = _parts(
        text.strip(), DATABASE_SCHEMES, "postgresql://user:password@host:port/name", host_needed=False
    )
    name = unquote(parts.path[1:])
    if "/" in name or not (1 <= len(name) <= MAX_NAME_LENGTH or "service=" in parts.query):
        raise ValidationError("names no database: write postgresql://user:password@host:port/name.")
    try:
        found = dj_database_url.parse(
            text.strip(),
            conn_max_age=None,  # each process keeps its connection, because a hot read has no time to connect
            conn_health_checks=True,  # before the first statement of a request; hot reads reconnect themselves
        )
        for option, value in found.get("OPTIONS", {}).items():
            if option != "assume_role":  # Django's own
                make_dsn(**{option: value})
    except ValueError:
        raise ValidationError(f"cannot be read.{ENCODED}") from None
    except (ProgrammingError, TypeError):
        raise ValidationError(
            f"has the option {option!r}, which PostgreSQL's driver does not know."
        ) from None
    return dict(found) | {"OPTIONS": CONNECTION_OPTIONS | found.get("OPTIONS", {})}


def bypass_proxy_on_loopback(environ: MutableMapping[str, str]) -> None:
    """Excludes this machine's own servers from the proxy variables, which still apply to all other servers.

    All clients and child processes read these two variables; urllib and curl prefer the lowercase one.
    """
    listed = items(environ.get("no_proxy") or environ.get("NO_PROXY") or "")
    if "*" not in listed:
        listed += [name for name in LOOPBACK if name not in listed]
    environ["no_proxy"] = environ["NO_PROXY"] = ",".join(listed)


def _parts(text: str, schemes: Sequence[str], example: str, **rules: bool) -> Any:
    try:
        return split_url(text, schemes=schemes, **rules)
    except BadUrl as error:
        raise ValidationError(f"{error}: write {example}.{ENCODED if '@' in text else ''}") from None


ENCODED = (
    " In a user's name or password special characters are percent-encoded: % is %25, # is %23, / is %2F, : is %3A, "
    "? is %3F, @ is %40."
)


def _shown(text: object) -> str:
    shown = str(text)
    return repr(shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}...")

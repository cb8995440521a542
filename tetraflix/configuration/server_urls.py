"""Splits the URLs of servers by RFC 3986, and refuses those that are ambiguous."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from movies.foundation.numbers import whole_number

MAX_PORT = 65535
_host = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^:\[\]]*)(:(?P<port>.*))?").fullmatch
_half_encoded = re.compile("%(?![0-9A-Fa-f]{2})").search


class BadUrl(ValueError):
    """The URL cannot be split safely. The message follows the variable's name and shows nothing of the value."""


class Parts(NamedTuple):
    """The parts of a URL, still percent-encoded."""

    scheme: str
    user: str  # user:password, "" without
    hosts: tuple[str, ...]  # with their ports
    path: str
    query: str


def split_url(
    text: str,
    *,
    schemes: Sequence[str],
    user: bool = True,
    several: bool = False,
    host_needed: bool = True,
) -> Parts:
    """The parts of scheme://user:password@host:port/path?query. Raises BadUrl.

    A special character in a password that is not percent-encoded would shift the parts, and show a piece of the
    password as a host. So a URL with such a character in the wrong place is refused.
    """
    scheme, found, rest = text.partition("://")
    if not found or scheme.lower() not in schemes:
        raise BadUrl(f"does not start with {' or '.join(f'{name}://' for name in schemes)}")
    if not rest.isprintable() or " " in rest:
        raise BadUrl("has a blank or a control character in it")
    if "#" in rest or _half_encoded(rest):
        raise BadUrl("has a # or a lone % in it")
    authority = re.split("[/?]", rest, maxsplit=1)[0]
    path, _, query = rest[len(authority) :].partition("?")
    if "@" in path + query or authority.count("@") > 1:
        raise BadUrl("has more than one @, or one after the host")
    who, _, where = authority.rpartition("@")
    if who and not user:
        raise BadUrl("has a user in it, which does not belong there")
    hosts = tuple(where.split(","))
    if len(hosts) > 1 and not several:
        raise BadUrl("has more than one host")
    if re.search(r"[\[\]]", who) or not all(_is_host(host, needed=host_needed) for host in hosts):
        raise BadUrl("has no host with a port from 1 to 65535 where one belongs")
    return Parts(scheme.lower(), who, hosts, path, query)


def _is_host(text: str, *, needed: bool) -> bool:
    shape = _host(text)
    if shape is None or (needed and not shape["name"]):
        return False
    return shape["port"] is None or whole_number(shape["port"], most=MAX_PORT) is not None

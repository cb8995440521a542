"""All addresses of the admin, with valid ids or odd texts, and query strings with odd values."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from django.contrib import admin
from django.urls import URLPattern, URLResolver
from hypothesis import strategies as st

from tetraflix.urls import urlpatterns

ODD_TEXTS = [
    *["", " ", "0", "1", "5", "-1", "+5", " 5", "1_000", "5.0", "²", "1e5", "true", "None", "\0", "a\0b", "%", "'"],
    *["9223372036854775807", "9223372036854775808", "9" * 30, "9" * 5000, "(", "[", "\\", "é", "a,b", "1,²"],
    *["\ud7ff"],
    *["NQ==", "eyJ2IjoiYVx1MDAwMCIsImkiOjEsImIiOmZhbHNlfQ", "end", "-2", "4.-1", "99999-99-99", "2026-02-30"],
    *["00:00", "NaN"],
    *["id", "pk", "title", "drama", "hidden", "csv", "_facets=1", "{}", "[]", "&", "//evil.example", "x" * 3000],
]  # fmt: skip
PARAMETERS = [
    # Django's lists, forms, histories and searches, the theme's, and ours
    *["_facets", "all", "o", "p", "q", "e", "_popup", "_to_field", "_changelist_filters", "_save", "next", "page"],
    *["term", "app_label", "model_name", "field_name", "s", "extended", "at", "before", "after", "genre", "state"],
    *["views_from", "views_to", "changed", "actor", "kind", "since", "until", "queue", "outcome", "edit", "reason"],
    *["user", "movie", "groups", "is_staff", "title", "profile", "hidden", "name", "role", "username"],
    # lookups
    *["id", "id__in", "id__exact", "id__gt", "id__range", "id__isnull", "pk__in", "title__isnull", "title__regex"],
    *["hidden__exact", "updated__year", "role__exact", "role__in", "name__contains", "name__regex", "lookup__iregex"],
    *["created__range", "created__year", "created__date", "last_used__isnull", "revoked_at__isnull", "digest"],
    *["username__regex", "username__in", "username__isnull", "is_staff__exact", "is_active__in", "is_superuser__x"],
    *["groups__id__exact", "groups__isnull", "groups__id__in", "groups__name__regex", "password__startswith"],
    *["last_login__gte", "last_login__year", "last_login__week_day", "date_joined__time", "date_joined__hour__in"],
    *["permissions__id", "permissions__codename__regex", "user_permissions", "no_such_field", "a__b", "__", "id__"],
]  # fmt: skip

texts = st.sampled_from(ODD_TEXTS) | st.text(st.characters(codec="utf-8"), max_size=20)
queries = st.lists(st.tuples(st.sampled_from(PARAMETERS), texts), max_size=4)

Ids = Mapping[str, str]


def every_address(ids: Ids) -> list[str]:
    """All addresses; `ids` has the value of each argument, by `<list>/<argument>` or `<argument>`."""
    own = (str(pattern.pattern) for pattern in urlpatterns if isinstance(pattern, URLPattern))
    beside = [f"/{route}" for route in own if route.startswith("admin/")]
    return sorted({*_below(admin.site.urls[0], "", ids), *beside})


def odd_address(address: str, ids: Ids, odd: str) -> str:
    """The address with an odd text in place of each id."""
    parts = [quote(odd, safe="") if part in ids.values() else part for part in address.split("/")]
    return "/".join(parts)


def _below(patterns: Any, place: str, ids: Ids) -> Iterator[str]:
    for pattern in patterns:
        route = place + _filled(str(pattern.pattern), place, ids)
        if isinstance(pattern, URLResolver):
            yield from _below(pattern.url_patterns, route, ids)
        elif isinstance(pattern, URLPattern):
            yield f"/admin/{route}"


def _filled(route: str, place: str, ids: Ids) -> str:
    def value(name: str) -> str:
        return ids.get(place + name) or ids[name]

    if "(?P<" in route:  # a regular expression: the list of apps and the catch-all
        return re.sub(r"\(\?P<(\w+)>[^)]*\)", lambda found: value(found[1]), route).strip("^$")
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: value(found[1]), route)

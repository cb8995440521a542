"""The page that asks before an act that many rows or other people depend on."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse

MAX_UNASKED = 100  # movies that an act changes without a question
SURE = "sure"  # the form's field that says that the question was answered with yes


def is_sure(request: HttpRequest) -> bool:
    """Whether the request is the answer of this page."""
    return request.POST.get(SURE) == "yes"


def ask(
    request: HttpRequest,
    *,
    question: str,
    consequences: Sequence[str],
    yes: str,
    fields: Iterable[tuple[str, Any]],
    items: Sequence[str] = (),
    more: bool = False,
    danger: bool = False,
    back: str | None = None,
    **context: Any,
) -> TemplateResponse:
    """Asks the question; "yes" posts the fields to the same address again, with SURE.

    `items` are shown as a list, with "and more" after them if `more`; `danger` paints the button red; `back` is where
    "no" leads, by default to the address itself.
    """
    page = {
        **admin.site.each_context(request),
        "title": question,
        "consequences": consequences,
        "yes": yes,
        "fields": [*fields, (SURE, "yes")],
        "items": items,
        "more": more,
        "danger": danger,
        "back": back or request.get_full_path(),
    }
    return TemplateResponse(request, "admin/ask.html", page | context)

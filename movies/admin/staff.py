"""Who is at work: how the history names them."""

from django.http import HttpRequest


def actor_of(request: HttpRequest) -> str:
    """`staff:<username>`, as change records have it."""
    return f"staff:{request.user.get_username()}"

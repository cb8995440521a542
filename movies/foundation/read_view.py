"""The base of hot reads: GET and HEAD go past DRF to one shared view that answers with ready-made JSON."""

import functools
from collections.abc import Callable
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from rest_framework.renderers import JSONRenderer
from rest_framework.views import APIView

READ_METHODS = frozenset(("GET", "HEAD"))


class ReadView(APIView):
    """A view whose `get` takes Django's request and returns a finished HttpResponse.

    Where reads need no key, GET and HEAD skip DRF's authentication, parsers and permissions. One instance serves
    all of them, so `get` keeps nothing on `self`. Other methods, and reads whose key matters, go through DRF.
    """

    get: Callable[..., HttpResponse]  # each view's own
    # A key of `required_role` shows more than a request without a key. So a key that is sent is checked, and an
    # invalid one gets 401 instead of an answer that silently lacks what its holder expects.
    key_shows_more: ClassVar[bool] = False

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:  # DRF's own type names a protocol of its stubs
        through_drf = super().as_view(**initkwargs)
        shared = cls(**initkwargs)

        @functools.wraps(through_drf)
        def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if (
                request.method not in READ_METHODS
                or settings.READS_NEED_KEY
                or (cls.key_shows_more and "HTTP_AUTHORIZATION" in request.META)
            ):
                return through_drf(request, *args, **kwargs)
            try:
                return shared.get(request, *args, **kwargs)
            except Exception as error:
                return shared.error_response(request, error)

        return view

    def error_response(self, request: HttpRequest, error: Exception) -> HttpResponse:
        """The answer of DRF's exception handler. Raises the error again when the handler has no answer to it."""
        response = self.get_exception_handler()(error, {"view": self, "request": request})
        if response is None:
            raise error
        answer = json_response(JSONRenderer().render(response.data), status=response.status_code)
        for name, value in response.headers.items():
            answer.headers.setdefault(name, value)
        return answer

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Forbids caches to keep an answer that came through DRF, unless the answer itself allows it."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def shows_hidden(self, request: Any) -> bool:
        """Whether the caller may see hidden movies: always false for a request that skipped DRF."""
        role = getattr(getattr(request, "auth", None), "role", None)
        return role is not None and role == getattr(self, "required_role", None)


def json_response(body: bytes, status: int | None = None) -> HttpResponse:
    """Ready-made JSON. No cache may keep it, because the inventory may change before the next request."""
    response = HttpResponse(body, content_type="application/json", status=status)
    response.headers["Cache-Control"] = "no-store"
    return response

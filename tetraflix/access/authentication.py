"""DRF's authentication, permission and throttle classes for API keys; settings name them, so no app imports this."""

from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from tetraflix.access.api_keys import BadKey, Caller, caller_of, rate_limit_wait

if TYPE_CHECKING:  # rest_framework.views reads the settings that name this module
    from rest_framework.views import APIView

CHALLENGE = 'Bearer realm="tetraflix"'


class KeyAuthentication(BaseAuthentication):
    """Authenticates the caller by its API key. Reads that need no key skip this (see ReadView)."""

    def authenticate(self, request: Request) -> tuple[Caller, Caller] | None:
        try:
            caller = caller_of(request._request)
        except BadKey as error:
            raise AuthenticationFailed(str(error)) from None
        return (caller, caller) if caller else None

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class RolePermission(BasePermission):
    """A write needs a key of the view's `required_role`, and so does a read of a view with `reads_need_role`.

    Another read needs any key, if READS_NEED_KEY.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        reads = request.method in SAFE_METHODS and not getattr(view, "reads_need_role", False)
        role = getattr(view, "required_role", None)
        if request.method not in view.allowed_methods or request.method == "OPTIONS":
            return True  # the response is 405
        if (reads and not settings.READS_NEED_KEY) or (role is None and not reads):
            return True
        if not isinstance(request.user, Caller):
            raise NotAuthenticated("This needs an API key: Authorization: Bearer <key>.")
        if not reads and request.user.role != role:
            raise PermissionDenied(f"This needs a key of the role {role}; yours is a {request.user.role}'s.")
        return True


class WritesPerKey(BaseThrottle):
    """Allows WRITES_PER_MINUTE writes a key in each minute of the clock, over all processes."""

    _wait = 0

    def allow_request(self, request: Request, view: "APIView") -> bool:
        if request.method in SAFE_METHODS or not isinstance(request.user, Caller):
            return True
        self._wait = rate_limit_wait(request._request, request.user)
        return not self._wait

    def wait(self) -> float:
        return self._wait

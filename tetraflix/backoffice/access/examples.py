"""A request that the holder of an API key can send at once, as a curl command."""

import json
from typing import Any

from movies.profiles import to_wire
from tetraflix.models import ApiKey

PLACEHOLDER = "$TETRAFLIX_KEY"  # of the key, once it is not known any more
# What a key of each role is for, after "for".
PURPOSE = {
    ApiKey.Role.DISTRIBUTOR: "adding, changing and removing movies",
    ApiKey.Role.SERVICE: "reporting sessions and recommendation lists, and correcting users' lists",
}
# A hidden movie is shown to nobody, so the example does no harm.
MOVIE = {
    "title": "Example",
    "profile": to_wire((40, 0, 0, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0)),
    "hidden": True,
}
SESSION = {"userId": 1, "events": [{"movie": {"id": 1}, "progress": 0.5}]}
REQUESTS: dict[str, tuple[str, Any]] = {
    ApiKey.Role.DISTRIBUTOR: ("/tetraflix/movies", MOVIE),
    ApiKey.Role.SERVICE: ("/tetraflix/sessionData", SESSION),
}
EFFECT = {
    ApiKey.Role.DISTRIBUTOR: "This adds a hidden movie, which is on no list.",
    ApiKey.Role.SERVICE: "This reports that user 1 has watched half of movie 1.",
}


def curl(role: str, *, base: str, key: str) -> str:
    """The command that sends the role's example to the service at `base`."""
    path, body = REQUESTS[role]
    return (
        f"curl -X POST {base.rstrip('/')}{path} \\\n"
        f'  -H "Authorization: Bearer {key}" \\\n'
        f'  -H "Content-Type: application/json" \\\n'
        f"  -d '{json.dumps(body)}'"
    )

"""`manage.py list_api_keys`: lists all keys, active and revoked, without their secrets."""

from typing import Any

from django.core.management.base import BaseCommand

from tetraflix.models import ApiKey


class Command(BaseCommand):
    help = "Lists the API keys: look-up part, role, name, when created, last used, and revoked or ended."

    def handle(self, *args: Any, **options: Any) -> None:
        keys = list(ApiKey.objects.all())
        if not keys:
            self.stdout.write("No keys; manage.py create_api_key creates one.")
        for key in keys:
            self.stdout.write(
                f"{key.lookup}  {key.role:<11}  {key.created:%Y-%m-%d}  {_state(key):<24}  {key.name}"
            )


def _state(key: ApiKey) -> str:
    if key.revoked_at:
        return f"revoked {key.revoked_at:%Y-%m-%d %H:%M}"
    if key.ends_at:
        return f"{'ends' if key.is_active() else 'ended'} {key.ends_at:%Y-%m-%d %H:%M}"
    return f"used {key.last_used:%Y-%m-%d %H:%M}" if key.last_used else "never used"
